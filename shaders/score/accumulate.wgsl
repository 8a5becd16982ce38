// grad [N], sum [N] -> sum [N]: sum + |grad|, with SQUARED sum + grad^2.
#import count

@group(0) @binding(0) var<storage, read> entries: Count;
@group(0) @binding(1) var<storage, read> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = gid.x; i < entries.count; i += groups.x * 256u) {
#ifdef SQUARED
        sum[i] += grad[i] * grad[i];
#else
        sum[i] += abs(grad[i]);
#endif
    }
}
