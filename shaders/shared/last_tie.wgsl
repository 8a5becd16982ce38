// For shaders that bind `score`.
#import key
#import scan

var<workgroup> place: u32;

// The index after the `rank`-th of the scores begin..to with this key; `to` where there are not as many. For a workgroup of
// 256, of which each invocation looks through a part.
fn after_last_tie(at: u32, wanted: u32, rank: u32, begin: u32, to: u32) -> u32 {
    if (at == 0u) {
        place = to;
    }
    let share = (to - begin + 255u) / 256u;
    let first = min(begin + at * share, to);
    let end = min(first + share, to);
    var ties = 0u;
    for (var i = first; i < end; i += 1u) {
        ties += u32(key(score[i]) == wanted);
    }
    var before = sum_before(at, ties);
    if (before < rank && rank <= before + ties) {
        var i = first;
        for (; i < end && before < rank; i += 1u) {
            before += u32(key(score[i]) == wanted);
        }
        place = i;
    }
    workgroupBarrier();
    let found = place;
    workgroupBarrier();
    return found;
}
