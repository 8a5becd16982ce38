// x [M, K], of every GROUP weights of a row KEPT values [N, K / GROUP * KEPT] and their positions -> y [M, N] = x w^T.
// Values are put back in their places in registers: what is saved is reading weights, not arithmetic.
#import tile
#import whole
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
// Where a value stands in its group: four bits each, eight to a word.
@group(0) @binding(3) var<storage, read> positions: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

#ifdef TWO_OF_FOUR
const KEPT = 2u;
const GROUP = 4u;
#endif
#ifdef ONE_OF_FOUR
const KEPT = 1u;
const GROUP = 4u;
#endif
#ifdef FOUR_OF_EIGHT
const KEPT = 4u;
const GROUP = 8u;
#endif

fn left_at(row: u32) -> u32 {
    return row * product.depth;
}

fn left4(at: u32, l: u32) -> vec4<f32> {
    return x[(at + l) / 4u];
}

fn right_at(row: u32, col: u32) -> u32 {
    return col * product.stride;
}

fn right4(at: u32, l: u32) -> vec4<f32> {
    let first = at + l / GROUP * KEPT;
    // KEPT divides 8, so the positions of a group are in one word.
    let word = positions[first / 8u] >> (first % 8u * 4u);
    let wanted = vec4<u32>(0u, 1u, 2u, 3u) + l % GROUP;
    var weights = vec4<f32>();
    for (var i = 0u; i < KEPT; i += 1u) {
        let position = (word >> (i * 4u)) & 15u;
        weights += select(vec4<f32>(), vec4<f32>(values[first + i]), vec4<u32>(position) == wanted);
    }
    return weights;
}

fn finish(row: u32, col: u32, sum: f32) {
    y[row * product.cols + col] = sum;
}
