use crate::Shape;

/// The shape of an elementwise operation on two values: of one shape, or the second a vector with one entry for each
/// feature of the first: for [tokens, features] the last axis, for [channels, height, width] the first.
pub fn broadcast(inputs: &[&Shape]) -> Result<Shape, (String, String)> {
    let feature = |x: &Shape| match x.len() {
        2 => x.get(1).copied(),
        3 => x.first().copied(),
        _ => None,
    };
    match inputs {
        [a, b] if a == b || (b.len() == 1 && feature(a) == Some(b[0])) => Ok((*a).clone()),
        other => Err(("two inputs of one shape, or the second a vector of features".into(), format!("{other:?}"))),
    }
}
