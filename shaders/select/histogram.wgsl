// score [N] -> counts [2048]: how many keys that begin like the cut's have each value of the next digit. They are added to
// what is there already, so that several tensors can be counted together.
#import key
#import cut
#import digit

@group(0) @binding(0) var<storage, read> digit: Digit;
@group(0) @binding(1) var<storage, read> cut: Cut;
@group(0) @binding(2) var<storage, read> score: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

var<workgroup> bins: array<atomic<u32>, 2048>;

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) at: u32,
    @builtin(global_invocation_id) gid: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var bin = at; bin < 2048u; bin += 256u) {
        atomicStore(&bins[bin], 0u);
    }
    workgroupBarrier();
    for (var i = gid.x; i < digit.len; i += groups.x * 256u) {
        let k = key(score[digit.start + i]);
        if ((k & digit.above) == cut.key) {
            atomicAdd(&bins[(k & ~digit.above) >> digit.shift], 1u);
        }
    }
    workgroupBarrier();
    for (var bin = at; bin < 2048u; bin += 256u) {
        let count = atomicLoad(&bins[bin]);
        if (count > 0u) {
            atomicAdd(&counts[bin], count);
        }
    }
}
