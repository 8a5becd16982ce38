use macerator::Simd;

use crate::simd::blocks::Block;
use crate::simd::panels::SAMPLES;
use crate::simd::rows::SLAB;
use crate::simd::{BLOCK, Blocks, multiply_add};

/// Places of a tile.
pub(super) const LANES: usize = 16;

/// Outputs of a block's tile.
const OUTPUTS: usize = if cfg!(target_arch = "wasm32") { 2 } else { 4 };

/// Adds W [outputs, inputs] as it lies times x [inputs] of N places to the sums [outputs].
#[macerator::with_simd]
pub(super) fn add_dense<S: Simd, const N: usize>(weight: &[f32], x: &[[f32; N]], sums: &mut [[f32; N]]) {
    for (slab, seen) in x.chunks(SLAB).enumerate() {
        let slab = Slab { weight, inputs: x.len(), first: slab * SLAB, x: seen };
        let rest = side_by_side::<SAMPLES, N>(&slab, sums);
        let rest = side_by_side::<4, N>(&slab, rest);
        let rest = side_by_side::<2, N>(&slab, rest);
        side_by_side::<1, N>(&slab, rest);
    }
}

/// A weight and what there is of some of its inputs.
struct Slab<'a, const N: usize> {
    weight: &'a [f32],
    inputs: usize,
    /// Of its inputs, the first one of x.
    first: usize,
    x: &'a [[f32; N]],
}

/// M outputs at a time, of those at the end of the weight that there are sums for. Returns the sums that are left.
#[inline(always)]
fn side_by_side<'a, const M: usize, const N: usize>(
    &Slab { weight, inputs, first, x }: &Slab<'_, N>,
    sums: &'a mut [[f32; N]],
) -> &'a mut [[f32; N]] {
    let weight = &weight[weight.len() - sums.len() * inputs..];
    let (whole, rest) = sums.as_chunks_mut::<M>();
    for (weight, sums) in weight.chunks_exact(M * inputs).zip(whole) {
        let rows: [&[f32]; M] = std::array::from_fn(|output| &weight[output * inputs + first..][..x.len()]);
        for lane in (0..N).step_by(LANES) {
            let mut local = lanes(sums, lane);
            let (blocks, last) = x.as_chunks::<BLOCK>();
            for (block, x) in blocks.iter().enumerate() {
                let rows: [&[f32; BLOCK]; M] =
                    rows.map(|row| row[block * BLOCK..].first_chunk().expect("a whole block"));
                for input in 0..BLOCK {
                    add(&rows.map(|row| row[input]), &x[input], lane, &mut local);
                }
            }
            for (input, x) in (x.len() - last.len()..).zip(last) {
                add(&rows.map(|row| row[input]), x, lane, &mut local);
            }
            sums.iter_mut().zip(local).for_each(|(sums, local)| sums[lane..lane + LANES].copy_from_slice(&local));
        }
    }
    rest
}

/// Adds W times x [inputs, rounded up to whole blocks] of N places to the sums [outputs].
pub(super) fn add_blocks<const N: usize>(blocks: &Blocks, x: &[[f32; N]], sums: &mut [[f32; N]]) {
    let mut panel = [[0.0; N]; BLOCK];
    for ((columns, values), sums) in blocks.panels().zip(sums.chunks_mut(BLOCK)) {
        panel[..sums.len()].copy_from_slice(sums);
        add_panel(columns, values, x, &mut panel);
        sums.copy_from_slice(&panel[..sums.len()]);
    }
}

/// Adds a panel's blocks times x to its 16 outputs' sums.
#[macerator::with_simd]
fn add_panel<S: Simd, const N: usize>(columns: &[u32], values: &[Block], x: &[[f32; N]], sums: &mut [[f32; N]; BLOCK]) {
    for (part, sums) in sums.as_chunks_mut::<OUTPUTS>().0.iter_mut().enumerate() {
        for lane in (0..N).step_by(LANES) {
            let mut local = lanes(sums, lane);
            for (column, block) in columns.iter().zip(values) {
                for (weights, x) in block.iter().zip(&x[*column as usize * BLOCK..]) {
                    let weights = weights[part * OUTPUTS..].first_chunk().expect("a part of a block");
                    add::<OUTPUTS, N>(weights, x, lane, &mut local);
                }
            }
            sums.iter_mut().zip(local).for_each(|(sums, local)| sums[lane..lane + LANES].copy_from_slice(&local));
        }
    }
}

/// A copy of some places' sums that no reference points to: it stays in registers.
#[inline(always)]
fn lanes<const M: usize, const N: usize>(sums: &[[f32; N]; M], lane: usize) -> [[f32; LANES]; M] {
    std::array::from_fn(|output| *sums[output][lane..].first_chunk().expect("whole lanes"))
}

/// Adds M weights times one number of each of 16 places.
#[inline(always)]
fn add<const M: usize, const N: usize>(weights: &[f32; M], x: &[f32; N], lane: usize, sums: &mut [[f32; LANES]; M]) {
    let x: &[f32; LANES] = x[lane..].first_chunk().expect("whole lanes");
    for output in 0..M {
        for place in 0..LANES {
            sums[output][place] = multiply_add(weights[output], x[place], sums[output][place]);
        }
    }
}
