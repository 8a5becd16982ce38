// `len` scores from `start`, whose cut is entry `at` of a tensor's cuts. Ties are counted by blocks of 8,192 scores.
struct Span {
    start: u32,
    len: u32,
    at: u32,
}

const BLOCK: u32 = 8192u;
