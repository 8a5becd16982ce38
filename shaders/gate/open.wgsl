// score [N], threshold [N / run] -> gate [N]: 1 above the threshold, else 0.
struct Runs {
    count: u32,
    // So many entries, one after the other, share a threshold.
    run: u32,
}

@group(0) @binding(0) var<storage, read> runs: Runs;
@group(0) @binding(1) var<storage, read> score: array<f32>;
@group(0) @binding(2) var<storage, read> threshold: array<f32>;
@group(0) @binding(3) var<storage, read_write> gate: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = gid.x; i < runs.count; i += groups.x * 256u) {
        gate[i] = select(0.0, 1.0, score[i] > threshold[i / runs.run]);
    }
}
