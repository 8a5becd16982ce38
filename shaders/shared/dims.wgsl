// A matrix, row by row.
struct Dims {
    rows: u32,
    cols: u32,
}
