//! Products on the CPU: y = x Wᵀ + b for a weight W [outputs, inputs] that was laid out for it once. What was pruned is left
//! out, by whole blocks or entry by entry, so that fewer weights are less work.
//!
//! There are no intrinsics here: loops over arrays of a fixed size, compiled once for each instruction set that the
//! crate `macerator` tells apart at run time (AVX-512, AVX2, NEON, wasm's simd128 ...).

#![expect(clippy::extra_unused_type_parameters, reason = "macerator compiles a function once for each S")]

mod blocks;
mod few;
mod rows;
mod tensor;

pub use blocks::{BLOCK, Blocks, dense};
pub use few::few;
pub use rows::Rows;
pub use tensor::{Weight, linear};

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
    work: impl Fn(&[f32], &mut [f32]) + Sync,
) {
    let of = |piece: usize, y: &[f32]| &x[piece * samples * inputs..][..y.len() / outputs * inputs];
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;
        y.par_chunks_mut(samples * outputs).enumerate().for_each(|(piece, y)| work(of(piece, y), y));
    }
    #[cfg(target_arch = "wasm32")]
    y.chunks_mut(samples * outputs).enumerate().for_each(|(piece, y)| work(of(piece, y), y));
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
