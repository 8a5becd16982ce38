// For kernels of tile.wgsl that sum over all of `depth`.
fn span(row: u32) -> vec2<u32> {
    return vec2<u32>(0u, product.depth);
}

fn place(l: u32) -> vec2<u32> {
    return vec2<u32>(l, l);
}
