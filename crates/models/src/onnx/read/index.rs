//! Places in arrays of numbers, row by row.

/// An axis or place that may be counted from the end.
pub fn axis(at: i64, size: usize) -> Result<usize, String> {
    let from_start = if at < 0 { at.checked_add(size as i64) } else { Some(at) };
    let within = from_start.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < size);
    within.ok_or_else(|| format!("its place {at} is not among {size}"))
}

/// The shape of values that are combined entry by entry.
pub fn broadcast(shapes: &[&[usize]]) -> Result<Vec<usize>, String> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut all = vec![1; rank];
    for shape in shapes {
        for (size, own) in all[rank - shape.len()..].iter_mut().zip(*shape) {
            *size = match (*size, *own) {
                (1, own) => own,
                (size, 1) => size,
                (size, own) if size == own => size,
                _ => return Err(format!("{shapes:?} do not fit together")),
            };
        }
    }
    Ok(all)
}

/// How far the entries of a `shape` are apart along each axis of the larger shape `in_all`; repeated ones not at all.
pub fn strides(shape: &[usize], in_all: &[usize]) -> Vec<usize> {
    let missing = in_all.len() - shape.len();
    let mut steps = vec![0; in_all.len()];
    let mut step = 1usize;
    for at in (0..shape.len()).rev() {
        steps[missing + at] = if shape[at] == 1 && in_all[missing + at] != 1 { 0 } else { step };
        step = step.saturating_mul(shape[at]);
    }
    steps
}

/// Every place of a shape, the last axis running fastest.
pub fn places(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let (shape, len) = (shape.to_vec(), shape.iter().product::<usize>());
    (0..len).map(move |mut at| {
        let mut place = vec![0; shape.len()];
        for (place, size) in place.iter_mut().zip(&shape).rev() {
            *place = at % size;
            at /= size;
        }
        place
    })
}

/// What a Slice takes of one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub start: usize,
    pub len: usize,
    pub step: i64,
}

/// What a Slice takes of each axis of a shape.
pub fn slice_bounds(
    shape: &[usize],
    starts: Option<Vec<i64>>,
    ends: Option<Vec<i64>>,
    axes: Option<Vec<i64>>,
    steps: Option<Vec<i64>>,
) -> Result<Vec<Bound>, String> {
    let (starts, ends) = starts.zip(ends).ok_or("its bounds are missing")?;
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err("its bounds are not as many as its axes".into());
    }
    let mut bounds: Vec<Bound> = shape.iter().map(|size| Bound { start: 0, len: *size, step: 1 }).collect();
    for (((start, end), at), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let at = axis(at, shape.len())?;
        bounds[at] = bound(shape[at] as i64, start, end, step)?;
    }
    Ok(bounds)
}

fn bound(size: i64, start: i64, end: i64, step: i64) -> Result<Bound, String> {
    let from_start = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
    let (least, most) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let [start, end] = [start, end].map(|at| from_start(at).clamp(least, most));
    let span = match step {
        0 => return Err("its step is 0".into()),
        1.. => end - start,
        _ => start - end,
    };
    let len = span.max(0).unsigned_abs().div_ceil(step.unsigned_abs());
    Ok(Bound { start: start.max(0) as usize, len: len as usize, step })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_numpys() {
        let of = |start, end, step| {
            let Bound { start, len, step } = bound(5, start, end, step).unwrap();
            (0..len as i64).map(|at| start as i64 + at * step).collect::<Vec<_>>()
        };
        assert_eq!(of(0, i64::MAX, 1), [0, 1, 2, 3, 4]);
        assert_eq!(of(i64::MIN, -1, 2), [0, 2]);
        assert_eq!(of(-2, 5, 1), [3, 4]);
        assert_eq!(of(4, i64::MIN, -1), [4, 3, 2, 1, 0]);
        assert_eq!(of(3, 1, -2), [3]);
        assert_eq!(of(4, 2, 1), [0; 0]);
    }

    #[test]
    fn shapes_meet_at_the_last_axis() {
        assert_eq!(broadcast(&[&[2, 1, 3], &[4, 1]]).unwrap(), [2, 4, 3]);
        assert!(broadcast(&[&[2], &[3]]).is_err());
        assert_eq!(strides(&[4, 1], &[2, 4, 3]), [0, 1, 0]);
    }
}
