// x [M, K], weight [N, K], factor -> y [M, N] = x (weight * factor)^T. QUADS where K is a multiple of four.
#import tile
#import whole
#import factor
#ifdef QUADS
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
#else
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
#endif
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn left_at(row: u32) -> u32 {
    return row * product.depth;
}

fn right_at(row: u32, col: u32) -> u32 {
    return col * product.stride;
}

#ifdef QUADS
fn left4(at: u32, l: u32) -> vec4<f32> {
    return x[(at + l) / 4u];
}

fn right4(at: u32, l: u32) -> vec4<f32> {
    let value = weight[(at + l) / 4u];
#ifdef MASKED
    let entry = at + l;
    let bits = vec4<u32>(factor[entry / 32u] >> (entry % 32u)) & vec4<u32>(1u, 2u, 4u, 8u);
    return select(vec4<f32>(), value, bits != vec4<u32>());
#else
#ifdef GATED_IN
    return value * vec4<f32>(factor[l], factor[l + 1u], factor[l + 2u], factor[l + 3u]);
#else
    return value;
#endif
#endif
}
#else
#import fours

fn left1(at: u32, l: u32) -> f32 {
    return x[at + l];
}

fn right1(at: u32, l: u32) -> f32 {
#ifdef MASKED
    return factored(weight[at + l], at + l);
#else
#ifdef GATED_IN
    return weight[at + l] * factor[l];
#else
    return weight[at + l];
#endif
#endif
}
#endif

fn finish(row: u32, col: u32, sum: f32) {
#ifdef GATED_OUT
    y[row * product.cols + col] = sum * factor[col];
#else
    y[row * product.cols + col] = sum;
#endif
}
