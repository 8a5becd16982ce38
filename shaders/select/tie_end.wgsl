// counts [blocks], score [N] -> cuts [at]: the cut's key, and the index before which scores equal to it go. For one
// workgroup. As many ties as are found here are taken from the cut, so that the next tensor goes on with the rest.
#import cut
#import span
#import last_tie

@group(0) @binding(0) var<storage, read> span: Span;
@group(0) @binding(1) var<storage, read_write> cut: Cut;
@group(0) @binding(2) var<storage, read> score: array<u32>;
@group(0) @binding(3) var<storage, read> counts: array<u32>;
@group(0) @binding(4) var<storage, read_write> cuts: array<vec2<u32>>;

// The block with the last tie that goes, and which one of its ties that is.
var<workgroup> last_block: u32;
var<workgroup> last_rank: u32;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) at: u32) {
    let blocks = (span.len + BLOCK - 1u) / BLOCK;
    if (at == 0u) {
        last_block = blocks;
        last_rank = 0u;
    }
    let rank = cut.rank;
    // Everybody has read it before one invocation writes it.
    storageBarrier();
    let share = (blocks + 255u) / 256u;
    let first = min(at * share, blocks);
    let end = min(first + share, blocks);
    var own = 0u;
    for (var block = first; block < end; block += 1u) {
        own += counts[block];
    }
    var before = sum_before(at, own);
    let found = before + own;
    for (var block = first; block < end; block += 1u) {
        if (before < rank && rank <= before + counts[block]) {
            last_block = block;
            last_rank = rank - before;
        }
        before += counts[block];
    }
    workgroupBarrier();
    let begin = min(last_block * BLOCK, span.len);
    let to = min(begin + BLOCK, span.len);
    let end_tie = after_last_tie(at, cut.key, last_rank, span.start + begin, span.start + to);
    if (at == 255u) {
        // Without a last tie in here, all of them go, or none if all that were to go lay in earlier tensors.
        cuts[span.at] = vec2<u32>(cut.key, select(end_tie, span.start, rank == 0u));
        cut.rank = rank - min(rank, found);
    }
}
