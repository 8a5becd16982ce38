// weight [N], threshold [N / run] -> mask [N]: sigmoid((weight^2 - threshold^2) / temperature); with GRADIENT also grad
// [N], the loss's gradient by the mask -> the loss's gradient by the weight.
#import sigmoid

struct SoftRuns {
    count: u32,
    // So many entries, one after the other, share a threshold.
    run: u32,
    temperature: f32,
}

@group(0) @binding(0) var<storage, read> runs: SoftRuns;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> threshold: array<f32>;
@group(0) @binding(3) var<storage, read_write> mask: array<f32>;
#ifdef GRADIENT
@group(0) @binding(4) var<storage, read> grad: array<f32>;
#endif

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = gid.x; i < runs.count; i += groups.x * 256u) {
        let w = weight[i];
        let t = threshold[i / runs.run];
        // The product of sum and difference keeps what two squares close to each other would lose.
        let m = sigmoid((abs(w) - t) * (abs(w) + t) / runs.temperature);
#ifdef GRADIENT
        mask[i] = grad[i] * m * (1.0 - m) * 2.0 * w / runs.temperature;
#else
        mask[i] = m;
#endif
    }
}
