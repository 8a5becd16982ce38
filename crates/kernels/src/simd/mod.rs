//! Products on the CPU: y = x Wᵀ + b for a weight W [outputs, inputs] that was laid out for it once. What was pruned is left
//! out, by whole blocks or entry by entry, so that fewer weights are less work. A convolution is such a product too.
//!
//! There are no intrinsics here: loops over arrays of a fixed size, compiled once for each instruction set that the
//! crate `macerator` tells apart at run time (AVX-512, AVX2, NEON, wasm's simd128 ...).

#![expect(clippy::extra_unused_type_parameters, reason = "macerator compiles a function once for each S")]

mod activation;
mod attention;
mod blocks;
mod conv;
mod few;
mod gram;
mod math;
mod norm;
mod panels;
mod rows;
mod tensor;

pub use activation::activate;
pub use attention::attend;
pub use blocks::{BLOCK, Blocks};
pub use conv::Window;
pub use few::few;
pub use gram::Gram;
pub use norm::layer_norm;
pub use panels::dense;
pub use rows::Rows;
pub(crate) use tensor::primitive;
pub use tensor::{Weight, convolve, linear};

/// A weight that is laid out for products.
#[derive(Clone, Debug, PartialEq)]
pub enum Packed {
    /// Blocks with something in them.
    Blocks(Blocks),
    /// Kept entries.
    Rows(Rows),
}

impl Packed {
    /// y [samples, outputs] = x [samples, inputs] Wᵀ + bias [outputs]; all row by row.
    ///
    /// # Panics
    /// If the slices have other sizes.
    pub fn product(&self, x: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        match self {
            Self::Blocks(blocks) => blocks.product(x, bias, y),
            Self::Rows(rows) => rows.product(x, bias, y),
        }
    }

    /// Outputs and inputs.
    pub fn size(&self) -> (usize, usize) {
        match self {
            Self::Blocks(blocks) => blocks.size(),
            Self::Rows(rows) => rows.size(),
        }
    }

    /// Memory of the layout.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Blocks(blocks) => blocks.bytes(),
            Self::Rows(rows) => rows.bytes(),
        }
    }
}

/// c + a * b; wasm has no fused form, and emulating one would take longer than the product.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(target_arch = "wasm32") { c + a * b } else { a.mul_add(b, c) }
}

/// Hands `samples` consecutive samples' x and y to `work` at a time, on all threads where there are threads. There is at
/// least one output.
fn in_pieces(
    samples: usize,
    (x, inputs): (&[f32], usize),
    (y, outputs): (&mut [f32], usize),
    work: impl Fn(&[f32], &mut [f32]) + Sync + Send,
) {
    in_turn(
        y.chunks_mut(samples * outputs).collect(),
        || (),
        |(), piece, y: &mut [f32]| {
            work(&x[piece * samples * inputs..][..y.len() / outputs * inputs], y);
        },
    );
}

/// How many threads there are.
pub fn threads() -> usize {
    #[cfg(not(target_arch = "wasm32"))]
    {
        rayon::current_num_threads()
    }
    #[cfg(target_arch = "wasm32")]
    {
        1
    }
}

/// Hands each item to `work`, on all threads where there are threads.
pub fn on_threads<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync + Send) {
    in_turn(items, || (), |(), _, item| work(item));
}

/// Hands each item and its place in the list to `work`, on all threads where there are threads, with a scratch that `work`
/// gets again and again.
fn in_turn<T: Send, U>(
    items: Vec<T>,
    scratch: impl Fn() -> U + Sync + Send,
    work: impl Fn(&mut U, usize, T) + Sync + Send,
) {
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;
        items.into_par_iter().enumerate().for_each_init(scratch, |scratch, (at, item)| work(scratch, at, item));
    }
    #[cfg(target_arch = "wasm32")]
    {
        let mut scratch = scratch();
        items.into_iter().enumerate().for_each(|(at, item)| work(&mut scratch, at, item));
    }
}

/// Where each output's N sums start.
fn starts<const N: usize>(bias: Option<&[f32]>, sums: &mut [[f32; N]]) {
    match bias {
        Some(bias) => sums.iter_mut().zip(bias).for_each(|(sums, bias)| *sums = [*bias; N]),
        None => sums.fill([0.0; N]),
    }
}

/// How many samples x and y hold.
///
/// # Panics
/// If the sizes do not fit each other.
fn samples(x: &[f32], inputs: usize, bias: Option<&[f32]>, y: &[f32], outputs: usize) -> usize {
    let samples = x.len().checked_div(inputs).or(y.len().checked_div(outputs)).unwrap_or(0);
    assert_eq!((x.len(), y.len()), (samples * inputs, samples * outputs), "{inputs} inputs, {outputs} outputs");
    assert!(bias.is_none_or(|bias| bias.len() == outputs), "a bias for each of {outputs} outputs");
    samples
}

#[cfg(test)]
mod tests;
