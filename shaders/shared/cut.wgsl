// Where scores are cut in two: the lowest so many go. Keys below `key` go, and of those equal to it the first `rank`. While
// it is searched for, `key` has only its upper digits, and `rank` counts among the keys that begin like it; how many have
// been found equal stands in `equal`.
struct Cut {
    key: u32,
    rank: u32,
    equal: u32,
}
