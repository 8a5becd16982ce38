// score of each block, cuts [1] -> words: a bit for each entry [R, C] of the matrix that is divided into blocks, as in
// keep.wgsl. Blocks at the right and lower edge may reach beyond it.
#import key

struct BlockMask {
    rows: u32,
    cols: u32,
    high: u32,
    wide: u32,
}

@group(0) @binding(0) var<storage, read> parameters: BlockMask;
@group(0) @binding(1) var<storage, read> score: array<u32>;
@group(0) @binding(2) var<storage, read> cuts: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> words: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let len = parameters.rows * parameters.cols;
    let across = (parameters.cols + parameters.wide - 1u) / parameters.wide;
    let cut = cuts[0];
    for (var w = gid.x; w < (len + 63u) / 64u * 2u; w += groups.x * 256u) {
        var word = 0u;
        for (var i = w * 32u; i < min(w * 32u + 32u, len); i += 1u) {
            let row = i / parameters.cols;
            let block = row / parameters.high * across + (i - row * parameters.cols) / parameters.wide;
            let k = key(score[block]);
            let stays = k > cut.x || (k == cut.x && block >= cut.y);
            word |= u32(stays) << (i % 32u);
        }
        words[w] = word;
    }
}
