// score [R, C] -> words, as in keep.wgsl: of every `m` consecutive entries of a row the `n` highest stay, and what fills no
// group at a row's end.
#import key

struct NOfM {
    rows: u32,
    cols: u32,
    n: u32,
    m: u32,
}

@group(0) @binding(0) var<storage, read> parameters: NOfM;
@group(0) @binding(1) var<storage, read> score: array<u32>;
@group(0) @binding(2) var<storage, read_write> words: array<u32>;

fn stays(i: u32) -> bool {
    let m = parameters.m;
    let col = i % parameters.cols;
    let first = i - col % m;
    if (col - col % m + m > parameters.cols) {
        return true;
    }
    let own = key(score[i]);
    var lower = 0u;
    for (var other = first; other < first + m; other += 1u) {
        let k = key(score[other]);
        lower += u32(k < own || (k == own && other < i));
    }
    return lower + parameters.n >= m;
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let len = parameters.rows * parameters.cols;
    for (var w = gid.x; w < (len + 63u) / 64u * 2u; w += groups.x * 256u) {
        var word = 0u;
        for (var i = w * 32u; i < min(w * 32u + 32u, len); i += 1u) {
            word |= u32(stays(i)) << (i % 32u);
        }
        words[w] = word;
    }
}
