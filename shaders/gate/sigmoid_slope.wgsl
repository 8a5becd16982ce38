// score [N], grad [N], the loss's gradient by sigmoid(score) -> the loss's gradient by the score.
#import count
#import sigmoid

@group(0) @binding(0) var<storage, read> entries: Count;
@group(0) @binding(1) var<storage, read> score: array<f32>;
@group(0) @binding(2) var<storage, read> grad: array<f32>;
@group(0) @binding(3) var<storage, read_write> score_grad: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = gid.x; i < entries.count; i += groups.x * 256u) {
        let p = sigmoid(score[i]);
        score_grad[i] = grad[i] * p * (1.0 - p);
    }
}
