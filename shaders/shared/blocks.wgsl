// The present blocks of a weight [N, K], SIDE x SIDE each.
#ifdef SIDE_32
const SIDE = 32u;
#else
const SIDE = 16u;
#endif
// Where the blocks of each block row (of each block column, for the input's gradient) begin, and where the last ends.
@group(0) @binding(2) var<storage, read> starts: array<u32>;
// Of each block its block column (row), and which of `values` it is.
@group(0) @binding(3) var<storage, read> blocks: array<vec2<u32>>;
