// x [M, K], dy [M, N] -> dvalues [blocks, SIDE, SIDE]: dy^T x, only where blocks are. The tile's columns are those of
// the blocks of a block row, one block beside the other; there are as many as the fullest block row has.
#import tile
#import fours
#import whole
#import blocks
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dvalues: array<f32>;

fn left_at(row: u32) -> u32 {
    return row;
}

fn left1(at: u32, l: u32) -> f32 {
    return dy[l * product.rows + at];
}

// Past the end of a block row it is some other block, and the sum is not stored.
fn right_at(row: u32, col: u32) -> u32 {
    let block = min(starts[row / SIDE] + col / SIDE, starts[product.rows / SIDE] - 1u);
    return blocks[block].x * SIDE + col % SIDE;
}

fn right1(at: u32, l: u32) -> f32 {
    return x[l * product.stride + at];
}

fn finish(row: u32, col: u32, sum: f32) {
    let block = starts[row / SIDE] + col / SIDE;
    if block < starts[row / SIDE + 1u] {
        dvalues[(blocks[block].y * SIDE + row % SIDE) * SIDE + col % SIDE] = sum;
    }
}
