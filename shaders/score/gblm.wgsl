// weight [R, C], act_sq [C], grad_sum [R, C] -> score [R, C]: |weight| * (sqrt(act_sq) + alpha * grad_sum), with
// SQUARED |weight| * (sqrt(act_sq) + alpha * sqrt(grad_sum)).
struct Blend {
    rows: u32,
    cols: u32,
    alpha: f32,
}

@group(0) @binding(0) var<storage, read> blend: Blend;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> act_sq: array<f32>;
@group(0) @binding(3) var<storage, read> grad_sum: array<f32>;
@group(0) @binding(4) var<storage, read_write> score: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    // The column is found without a division for each entry, as in wanda.wgsl.
    let step = groups.x * 256u;
    let col_step = step % blend.cols;
    var col = gid.x % blend.cols;
    for (var i = gid.x; i < blend.rows * blend.cols; i += step) {
#ifdef SQUARED
        let grad_norm = sqrt(grad_sum[i]);
#else
        let grad_norm = grad_sum[i];
#endif
        score[i] = abs(weight[i]) * (sqrt(act_sq[col]) + blend.alpha * grad_norm);
        col += col_step;
        col -= select(0u, blend.cols, col >= blend.cols);
    }
}
