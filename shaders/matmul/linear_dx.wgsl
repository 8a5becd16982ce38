// dy [M, N], weight [N, K], factor -> dx [M, K] = dy (weight * factor).
#import tile
#import whole
#import fours
#import factor
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

fn left_at(row: u32) -> u32 {
    return row * product.depth;
}

fn left1(at: u32, l: u32) -> f32 {
    return dy[at + l];
}

fn right_at(row: u32, col: u32) -> u32 {
    return col;
}

fn right1(at: u32, l: u32) -> f32 {
    let entry = l * product.stride + at;
#ifdef MASKED
    return factored(weight[entry], entry);
#else
#ifdef GATED_OUT
    return weight[entry] * factor[l];
#else
    return weight[entry];
#endif
#endif
}

fn finish(row: u32, col: u32, sum: f32) {
#ifdef GATED_IN
    dx[row * product.cols + col] = sum * factor[col];
#else
    dx[row * product.cols + col] = sum;
#endif
}
