// dy [M, N], x [M, K], factor -> dw [N, K] = factor * (dy^T x) and, with LEARNED, dfactor [N, K] = weight * (dy^T x).
#import tile
#import whole
#import fours
#import factor
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;
#ifdef LEARNED
@group(0) @binding(5) var<storage, read> weight: array<f32>;
@group(0) @binding(6) var<storage, read_write> dfactor: array<f32>;
#endif

fn left_at(row: u32) -> u32 {
    return row;
}

fn left1(at: u32, l: u32) -> f32 {
    return dy[l * product.rows + at];
}

fn right_at(row: u32, col: u32) -> u32 {
    return col;
}

fn right1(at: u32, l: u32) -> f32 {
    return x[l * product.stride + at];
}

fn finish(row: u32, col: u32, sum: f32) {
    let entry = row * product.cols + col;
    var w = sum;
#ifdef MASKED
    w = factored(sum, entry);
#endif
#ifdef GATED_IN
    w *= factor[col];
#endif
#ifdef GATED_OUT
    w *= factor[row];
#endif
    dw[entry] = w;
#ifdef LEARNED
    dfactor[entry] = weight[entry] * sum;
#endif
}
