// log_alpha [N], draw [N] from 0 to 1 -> gate [N], a sample of the hard concrete distribution; with GRADIENT also grad
// [N], the loss's gradient by the sample -> the loss's gradient by log_alpha.
#import sigmoid

struct HardConcrete {
    count: u32,
    beta: f32,
    gamma: f32,
    zeta: f32,
}

@group(0) @binding(0) var<storage, read> shape: HardConcrete;
@group(0) @binding(1) var<storage, read> log_alpha: array<f32>;
@group(0) @binding(2) var<storage, read> draw: array<f32>;
@group(0) @binding(3) var<storage, read_write> gate: array<f32>;
#ifdef GRADIENT
@group(0) @binding(4) var<storage, read> grad: array<f32>;
#endif

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = gid.x; i < shape.count; i += groups.x * 256u) {
        // 0 and 1 have no logit.
        let u = clamp(draw[i], 1e-6, 1.0 - 1e-6);
        let s = sigmoid((log(u) - log(1.0 - u) + log_alpha[i]) / shape.beta);
        let stretched = s * (shape.zeta - shape.gamma) + shape.gamma;
#ifdef GRADIENT
        // A gate that is cut off at 0 or 1 does not move.
        let moves = stretched > 0.0 && stretched < 1.0;
        let slope = s * (1.0 - s) * (shape.zeta - shape.gamma) / shape.beta;
        gate[i] = select(0.0, grad[i] * slope, moves);
#else
        gate[i] = clamp(stretched, 0.0, 1.0);
#endif
    }
}
