// weight [N] -> score [N]: |weight|^power, exact for the powers 1 and 2.
struct Power {
    count: u32,
    power: f32,
}

@group(0) @binding(0) var<storage, read> parameters: Power;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> score: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = gid.x; i < parameters.count; i += groups.x * 256u) {
        let magnitude = abs(weight[i]);
        var s = magnitude;
        if parameters.power == 2.0 {
            s = magnitude * magnitude;
        } else if parameters.power != 1.0 && magnitude != 0.0 {
            // pow goes through the logarithm, which 0 has not.
            s = pow(magnitude, parameters.power);
        }
        score[i] = s;
    }
}
