// out [rows, cols]: each entry a sum of at most `depth` products. `stride` is how far a row of the right operand is
// from the next; `unit` weights stand together, in a group of N:M or along the side of a block.
struct Product {
    rows: u32,
    cols: u32,
    depth: u32,
    stride: u32,
    unit: u32,
}
