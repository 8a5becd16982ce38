var<workgroup> values: array<u32, 256>;
var<workgroup> sums: array<u32, 16>;

// The sum of the values of the invocations before this one, for a workgroup of 256: of whole sixteens, then of single
// values. Barriers are what costs most here on a software adapter.
fn sum_before(at: u32, value: u32) -> u32 {
    values[at] = value;
    workgroupBarrier();
    if (at < 16u) {
        var sum = 0u;
        for (var i = at * 16u; i < at * 16u + 16u; i += 1u) {
            sum += values[i];
        }
        sums[at] = sum;
    }
    workgroupBarrier();
    var before = 0u;
    for (var sixteen = 0u; sixteen < at / 16u; sixteen += 1u) {
        before += sums[sixteen];
    }
    for (var i = at / 16u * 16u; i < at; i += 1u) {
        before += values[i];
    }
    workgroupBarrier();
    return before;
}
