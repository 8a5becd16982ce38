// weight [R, C], act_sq [C] -> score [R, C]: |weight| * sqrt(act_sq), without ACTIVATIONS |weight|.
#import dims

@group(0) @binding(0) var<storage, read> dims: Dims;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> score: array<f32>;
#ifdef ACTIVATIONS
@group(0) @binding(3) var<storage, read> act_sq: array<f32>;
#endif

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    // Strided: one invocation has several entries, and finds the column without a division for each of them.
    let step = groups.x * 256u;
    let col_step = step % dims.cols;
    var col = gid.x % dims.cols;
    for (var i = gid.x; i < dims.rows * dims.cols; i += step) {
        var s = abs(weight[i]);
#ifdef ACTIVATIONS
        s *= sqrt(act_sq[col]);
        col += col_step;
        col -= select(0u, dims.cols, col >= dims.cols);
#endif
        score[i] = s;
    }
}
