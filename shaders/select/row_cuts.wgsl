// score [R, C] -> cuts [R]: the key of each row's `lowest`-th score, and the index before which scores equal to it go. A
// workgroup finds a row's cut, a digit of 8 bits at a time. `lowest` is 1 to C.
#import last_tie

struct RowCuts {
    rows: u32,
    cols: u32,
    lowest: u32,
}

@group(0) @binding(0) var<storage, read> parameters: RowCuts;
@group(0) @binding(1) var<storage, read> score: array<u32>;
@group(0) @binding(2) var<storage, read_write> cuts: array<vec2<u32>>;

var<workgroup> bins: array<atomic<u32>, 256>;
var<workgroup> digit: u32;
var<workgroup> digit_rank: u32;

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) at: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var row = group.x; row < parameters.rows; row += groups.x) {
        let start = row * parameters.cols;
        let end = start + parameters.cols;
        var wanted = 0u;
        var above = 0u;
        var rank = parameters.lowest;
        for (var digits = 4u; digits > 0u; digits -= 1u) {
            let shift = (digits - 1u) * 8u;
            atomicStore(&bins[at], 0u);
            workgroupBarrier();
            for (var i = start + at; i < end; i += 256u) {
                let k = key(score[i]);
                if ((k & above) == wanted) {
                    atomicAdd(&bins[(k >> shift) & 255u], 1u);
                }
            }
            workgroupBarrier();
            let count = atomicLoad(&bins[at]);
            let before = sum_before(at, count);
            if (before < rank && rank <= before + count) {
                digit = at;
                digit_rank = rank - before;
            }
            workgroupBarrier();
            wanted |= digit << shift;
            rank = digit_rank;
            above |= 255u << shift;
            workgroupBarrier();
        }
        let end_tie = after_last_tie(at, wanted, rank, start, end);
        if (at == 0u) {
            cuts[row] = vec2<u32>(wanted, end_tie);
        }
    }
}
