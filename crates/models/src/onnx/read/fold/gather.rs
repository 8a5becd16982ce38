//! Some of the entries.

use super::{Folded, Inputs, flat, rearranged};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::index::{Bound, axis, slice_bounds, strides};
use crate::onnx::read::operator::Operator;

pub fn slice(op: Operator<'_>, inputs: Inputs<'_>) -> Folded {
    let x = inputs.need(0)?;
    let list = |at: usize, name: &str| match inputs.get(at) {
        Some(list) => list.integers().map(Some),
        None => Ok(op.ints(name).map(<[i64]>::to_vec)),
    };
    let bounds = slice_bounds(&x.shape, list(1, "starts")?, list(2, "ends")?, list(3, "axes")?, list(4, "steps")?)?;
    let shape: Vec<usize> = bounds.iter().map(|bound| bound.len).collect();
    if let Some(rows) = only_rows(x, &bounds).and_then(|(first, count)| x.rows(first, count, shape.clone())) {
        return Ok(rows);
    }
    let steps = strides(&x.shape, &x.shape);
    rearranged(x, shape, |place| {
        let at = place.iter().zip(&bounds).map(|(at, bound)| bound.start as i64 + *at as i64 * bound.step);
        Some(flat(at.map(|at| at as usize), &steps))
    })
}

/// The first row and their number, if nothing else is cut.
fn only_rows(x: &Constant, bounds: &[Bound]) -> Option<(usize, usize)> {
    let [rows, columns] = bounds else { return None };
    (rows.step == 1 && columns.step == 1 && columns.len == x.shape[1]).then_some((rows.start, rows.len))
}

pub fn gather(op: Operator<'_>, x: &Constant, at: &Constant) -> Folded {
    let along = axis(op.int("axis", 0), x.shape.len())?;
    let size = x.shape[along];
    let wanted = at.integers()?.iter().map(|at| axis(*at, size)).collect::<Result<Vec<_>, _>>()?;
    let shape: Vec<usize> = [&x.shape[..along], &at.shape, &x.shape[along + 1..]].concat();
    let in_a_row = wanted.windows(2).all(|pair| pair[1] == pair[0] + 1);
    if let Some(first) = wanted.first().filter(|_| along == 0 && in_a_row)
        && let Some(rows) = x.rows(*first, wanted.len(), shape.clone())
    {
        return Ok(rows);
    }
    let (steps, inner) = (strides(&x.shape, &x.shape), strides(&at.shape, &at.shape));
    rearranged(x, shape, |place| {
        let (before, rest) = place.split_at(along);
        let (asked, after) = rest.split_at(at.shape.len());
        let entry = *wanted.get(flat(asked.iter().copied(), &inner))?;
        Some(flat(before.iter().copied().chain([entry]).chain(after.iter().copied()), &steps))
    })
}

pub fn gather_elements(op: Operator<'_>, x: &Constant, at: &Constant) -> Folded {
    let along = axis(op.int("axis", 0), x.shape.len())?;
    let wanted = at.integers()?;
    let (steps, inner) = (strides(&x.shape, &x.shape), strides(&at.shape, &at.shape));
    rearranged(x, at.shape.clone(), |place| {
        let mut place = place.to_vec();
        let entry = wanted.get(flat(place.iter().copied(), &inner))?;
        place[along] = axis(*entry, x.shape[along]).ok()?;
        Some(flat(place, &steps))
    })
}

pub fn gather_nd(op: Operator<'_>, x: &Constant, at: &Constant) -> Folded {
    let (Some((depth, outer)), 0) = (at.shape.split_last(), op.int("batch_dims", 0)) else {
        return Err("it gathers by batches".into());
    };
    if *depth > x.shape.len() {
        return Err("its places have too many numbers".into());
    }
    let wanted = at.integers()?;
    let shape = [outer, &x.shape[*depth..]].concat();
    let (steps, inner) = (strides(&x.shape, &x.shape), strides(outer, outer));
    rearranged(x, shape, |place| {
        let (asked, after) = place.split_at(outer.len());
        let first = flat(asked.iter().copied(), &inner) * depth;
        let entries = wanted.get(first..first + depth)?.iter().zip(&x.shape).map(|(at, size)| axis(*at, *size).ok());
        let entries = entries.collect::<Option<Vec<_>>>()?;
        Some(flat(entries.into_iter().chain(after.iter().copied()), &steps))
    })
}
