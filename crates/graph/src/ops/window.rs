//! Windows that slide over [channels, height, width], shared by the pools.

use crate::Shape;

/// [channels, height', width'] of windows of `kernel` x `kernel`, `stride` apart, over pictures with `padding` around.
pub fn slide(x: &[&Shape], kernel: usize, stride: usize, padding: usize) -> Result<Shape, (String, String)> {
    let places = |size: usize| {
        let room = size.checked_add(padding.checked_mul(2)?)?.checked_sub(kernel)?;
        Some(room.checked_div(stride)? + 1)
    };
    let shape = match x {
        [x] if x.len() == 3 && kernel > 0 && padding <= kernel / 2 => {
            places(x[1]).zip(places(x[2])).map(|at| (x[0], at))
        }
        _ => None,
    };
    shape.map(|(channels, (height, width))| vec![channels, height, width]).ok_or_else(|| {
        let want =
            format!("[channels, height, width] of at least {kernel} each way, a stride, padding up to half of it");
        (want, format!("{x:?}, stride {stride}, padding {padding}"))
    })
}
