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
        let first = w * 32u;
        // The row is counted along: a division for each entry would take longer than all the rest.
        var row = min(first / dims.cols, dims.rows - 1u);
        var end = (row + 1u) * dims.cols;
        var cut = cuts[row];
        for (var i = first; i < min(first + 32u, len); i += 1u) {
            if (i == end) {
                row += 1u;
                end += dims.cols;
                cut = cuts[row];
            }
            let k = key(score[i]);
            let stays = k > cut.x || (k == cut.x && i >= cut.y);
            word |= u32(stays) << (i % 32u);
        }
        words[w] = word;
    }
}
