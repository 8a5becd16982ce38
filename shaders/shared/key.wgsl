// An integer that orders like the score with these bits. NaN is below everything, -0 and 0 are equal. It is told from the
// bits alone: comparing floats may drop denormals and need not know NaN.
fn key(bits: u32) -> u32 {
    let size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) {
        return 0u;
    }
    if (size == bits || size == 0u) {
        return size | 0x80000000u;
    }
    return ~bits;
}
