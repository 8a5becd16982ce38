// counts [2048] -> the cut's next digit, for one workgroup. The counts are left at 0 for the digit after it.
#import cut
#import digit
#import scan

@group(0) @binding(0) var<storage, read> digit: Digit;
@group(0) @binding(1) var<storage, read_write> cut: Cut;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;

const SHARE: u32 = 8u;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) at: u32) {
    let rank = cut.rank;
    // Everybody has read it before one invocation writes it.
    storageBarrier();
    let first = at * SHARE;
    var own = 0u;
    for (var bin = first; bin < first + SHARE; bin += 1u) {
        own += counts[bin];
    }
    var before = sum_before(at, own);
    let here = before < rank && rank <= before + own;
    for (var bin = first; bin < first + SHARE; bin += 1u) {
        let count = counts[bin];
        if (here && before < rank && rank <= before + count) {
            cut.key |= bin << digit.shift;
            cut.rank = rank - before;
            cut.equal = count;
        }
        before += count;
        counts[bin] = 0u;
    }
}
