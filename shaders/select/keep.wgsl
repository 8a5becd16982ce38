// score [R, C], cuts [R] -> words: bit i % 32 of word i / 32 says whether entry i stays. Bits past the end are 0, and the
// words come in pairs.
#import key
#import dims

@group(0) @binding(0) var<storage, read> dims: Dims;
@group(0) @binding(1) var<storage, read> score: array<u32>;
@group(0) @binding(2) var<storage, read> cuts: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> words: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let len = dims.rows * dims.cols;
    for (var w = gid.x; w < (len + 63u) / 64u * 2u; w += groups.x * 256u) {
        var word = 0u;
        for (var i = w * 32u; i < min(w * 32u + 32u, len); i += 1u) {
            let cut = cuts[i / dims.cols];
            let k = key(score[i]);
            let stays = k > cut.x || (k == cut.x && i >= cut.y);
            word |= u32(stays) << (i % 32u);
        }
        words[w] = word;
    }
}
