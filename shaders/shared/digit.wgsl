// A digit of the keys of `len` scores from `start`: the bits from `shift` up to those of `above`, which are known.
struct Digit {
    start: u32,
    len: u32,
    shift: u32,
    above: u32,
}
