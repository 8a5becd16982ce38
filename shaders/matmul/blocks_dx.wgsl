// dy [M, N], values [blocks, SIDE, SIDE], listed by block column -> dx [M, K] = dy w, with absent blocks of w left out.
// Rows of the tile are columns of dx, and its columns rows of dx, so that a whole workgroup has the same blocks.
#import tile
#import blocks
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> values: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

fn span(row: u32) -> vec2<u32> {
    return vec2<u32>(starts[row / SIDE], starts[row / SIDE + 1u]) * SIDE;
}

fn place(l: u32) -> vec2<u32> {
    let block = blocks[l / SIDE];
    return vec2<u32>((block.y * SIDE + l % SIDE) * SIDE, block.x * SIDE + l % SIDE);
}

fn left_at(row: u32) -> u32 {
    return row % SIDE;
}

fn left4(at: u32, place: u32) -> vec4<f32> {
    let i = at + place;
    return vec4<f32>(values[i], values[i + SIDE], values[i + 2u * SIDE], values[i + 3u * SIDE]);
}

fn right_at(row: u32, col: u32) -> u32 {
    return col * product.stride;
}

fn right4(at: u32, place: u32) -> vec4<f32> {
    return dy[(at + place) / 4u];
}

fn finish(row: u32, col: u32, sum: f32) {
    dx[col * product.rows + row] = sum;
}
