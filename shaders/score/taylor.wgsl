// weight [N], grad [N] -> score [N]: |weight * grad|, with SQUARED (weight * grad)^2.
#import count

@group(0) @binding(0) var<storage, read> entries: Count;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> grad: array<f32>;
@group(0) @binding(3) var<storage, read_write> score: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = gid.x; i < entries.count; i += groups.x * 256u) {
        let change = weight[i] * grad[i];
#ifdef SQUARED
        score[i] = change * change;
#else
        score[i] = abs(change);
#endif
    }
}
