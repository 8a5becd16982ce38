// For kernels of tile.wgsl that read one factor at a time.
fn left4(at: u32, l: u32) -> vec4<f32> {
    return vec4<f32>(left1(at, l), left1(at, l + 1u), left1(at, l + 2u), left1(at, l + 3u));
}

fn right4(at: u32, l: u32) -> vec4<f32> {
    return vec4<f32>(right1(at, l), right1(at, l + 1u), right1(at, l + 2u), right1(at, l + 3u));
}
