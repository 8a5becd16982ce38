// score [N] -> counts [blocks]: adds how many scores of each block equal the cut. Where all of them go, nobody asks.
#import key
#import cut
#import span

@group(0) @binding(0) var<storage, read> span: Span;
@group(0) @binding(1) var<storage, read> cut: Cut;
@group(0) @binding(2) var<storage, read> score: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) at: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    if (cut.rank == cut.equal) {
        return;
    }
    let blocks = (span.len + BLOCK - 1u) / BLOCK;
    for (var block = group.x; block < blocks; block += groups.x) {
        let end = min((block + 1u) * BLOCK, span.len);
        var ties = 0u;
        for (var i = block * BLOCK + at; i < end; i += 256u) {
            ties += u32(key(score[span.start + i]) == cut.key);
        }
        if (ties > 0u) {
            atomicAdd(&counts[block], ties);
        }
    }
}
