// What a weight [outputs, inputs] is multiplied by, entry by entry.
#ifdef MASKED
// Bit i of word i / 32 belongs to entry i.
@group(0) @binding(4) var<storage, read> factor: array<u32>;

fn factored(value: f32, entry: u32) -> f32 {
    return select(0.0, value, ((factor[entry / 32u] >> (entry % 32u)) & 1u) == 1u);
}
#endif
#ifdef GATED_IN
// A gate per input.
@group(0) @binding(4) var<storage, read> factor: array<f32>;
#endif
#ifdef GATED_OUT
// A gate per output.
@group(0) @binding(4) var<storage, read> factor: array<f32>;
#endif
