// How many entries there are.
struct Count {
    count: u32,
}
