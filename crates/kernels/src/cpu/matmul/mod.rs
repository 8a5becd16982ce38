//! Products of a linear layer: x [M, K], weight [N, K], y [M, N].

pub mod blocks;
pub mod blocks_dw;
pub mod blocks_dx;
pub mod factor;
pub mod linear;
pub mod linear_dw;
pub mod linear_dx;
pub mod nm;

use secateur_graph::Mask;

use crate::check::{Buffer, Case, Close, Extent, Noise};
use crate::launch::{MAX_GROUPS, tiled};
use crate::matmul::pack::{BlockLines, BlockList, pack_blocks, words};
use crate::{Kernel, Product};

/// [M, N, K]: empty, one, around the tile's 8 rows and 128 columns and the four at a time, odd.
const SIZES: &[[usize; 3]] = &[
    [0, 3, 4],
    [3, 0, 4],
    [2, 3, 0],
    [1, 1, 1],
    [1, 1, 4],
    [7, 127, 5],
    [8, 128, 8],
    [9, 129, 13],
    [129, 9, 7],
    [5, 17, 130],
    [31, 33, 64],
];

/// More tiles than a dispatch has workgroups.
const MANY: usize = 8 * 65_536 + 1;

/// Sums of up to 130 products of numbers between -1 and 1, added up in another order.
const CLOSE: Close = Close { abs: 1e-5, rel: 1e-5 };

/// Sizes to try; with `quads` every K is a multiple of four. `large` says which of M, N and K is many if one is.
fn sizes(extent: Extent, quads: bool, large: usize) -> Vec<[usize; 3]> {
    let mut sizes = SIZES.to_vec();
    if extent == Extent::Large {
        let mut size = [1, 1, 1];
        size[large] = MANY;
        sizes = vec![size];
    }
    if quads {
        sizes.iter_mut().for_each(|[_, _, k]| *k = k.next_multiple_of(4));
    }
    sizes
}

/// A launch over the tiles of `product` and, where there are few, the same in two workgroups. Where there are many, two
/// would go more often through their loops than llvmpipe allows, 65,535 times in all.
fn cases(product: Product, buffers: Vec<Buffer>) -> Vec<Case> {
    let Product { rows, cols, depth, .. } = product;
    let groups = tiled(rows as usize, cols as usize);
    let buffers = [vec![Buffer::of(&product)], buffers].concat();
    let size = format!("{rows} x {cols}, sums of {depth}");
    let case = Case { size, buffers, groups, close: CLOSE };
    if groups[0] < MAX_GROUPS { case.strided().into() } else { vec![case] }
}

/// Weights of which about a third of the blocks is present: M, the list of blocks and their values.
fn some_blocks(kernel: &Kernel, extent: Extent) -> Vec<(usize, BlockList, Vec<f32>)> {
    let side = if kernel.name.contains("32") { 32 } else { 16 };
    let many = MANY.next_multiple_of(32);
    let large = if kernel.name.ends_with("_dx") { [1, 32, many] } else { [1, many, 32] };
    let small: &[[usize; 3]] = &[[1, 32, 32], [7, 64, 96], [128, 32, 64], [129, 96, 32], [33, 128, 160]];
    let sizes = if extent == Extent::Large { &[large] } else { small };
    let packed = |&[m, n, k]: &[usize; 3]| {
        let mut noise = Noise::new(7);
        let across = k / side;
        let present: Vec<bool> = (0..n / side * across).map(|at| at == 0 || noise.word().is_multiple_of(3)).collect();
        let kept = (0..n * k).map(|at| present[at / k / side * across + at % k / side]);
        let mask = Mask::from_kept(kept);
        let (list, values) = pack_blocks(&noise.many(n * k), [n, k], &mask, side).expect("whole blocks");
        (m, list, values)
    };
    sizes.iter().map(packed).collect()
}

/// Launches of a product with blocks, listed as `lines` says; beside them the weight's size, what comes out first.
fn block_cases(
    kernel: &'static Kernel,
    extent: Extent,
    lines: fn(&BlockList) -> ([usize; 2], &BlockLines),
) -> Vec<Case> {
    let case = |(m, list, values): (usize, BlockList, Vec<f32>)| {
        let ([outputs, inputs], lines) = lines(&list);
        let buffers = vec![
            Buffer::F32(Noise::new(1).many(m * inputs)),
            Buffer::U32(lines.starts.clone()),
            Buffer::U32(words(&lines.blocks)),
            Buffer::F32(values),
            Buffer::unwritten(m * outputs),
        ];
        cases(Product::of(outputs, m, inputs, inputs).in_units(list.side), buffers)
    };
    some_blocks(kernel, extent).into_iter().flat_map(case).collect()
}

/// The blocks of a block row (column): their block columns (rows), and which of the values they are.
fn listed<'a>(starts: &[u32], blocks: &'a [u32], line: usize) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let pairs = &blocks[2 * starts[line] as usize..2 * starts[line + 1] as usize];
    pairs.chunks_exact(2).map(|pair| (pair[0] as usize, pair[1] as usize))
}
