// x [M, K], values [blocks, SIDE, SIDE] -> y [M, N] = x w^T, with absent blocks of w left out.
// Rows of the tile are columns of y, and its columns rows of y, so that a whole workgroup has the same blocks.
#import tile
#import blocks
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> values: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

fn span(row: u32) -> vec2<u32> {
    return vec2<u32>(starts[row / SIDE], starts[row / SIDE + 1u]) * SIDE;
}

fn place(l: u32) -> vec2<u32> {
    let block = blocks[l / SIDE];
    return vec2<u32>(block.y * SIDE * SIDE + l % SIDE, block.x * SIDE + l % SIDE);
}

fn left_at(row: u32) -> u32 {
    return row % SIDE * SIDE;
}

fn left4(at: u32, place: u32) -> vec4<f32> {
    return values[(at + place) / 4u];
}

fn right_at(row: u32, col: u32) -> u32 {
    return col * product.stride;
}

fn right4(at: u32, place: u32) -> vec4<f32> {
    return x[(at + place) / 4u];
}

fn finish(row: u32, col: u32, sum: f32) {
    y[col * product.rows + row] = sum;
}
