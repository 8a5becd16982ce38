//! The same entries in other axes, and side by side.

use std::rc::Rc;

use super::{Folded, Inputs, bounded, flat, rearranged};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::index::{axis, strides};
use crate::onnx::read::operator::Operator;

/// Sizes of axes.
pub fn sizes(given: &[i64]) -> Result<Vec<usize>, String> {
    let size = |size: &i64| usize::try_from(*size).map_err(|_| format!("{given:?} are no sizes"));
    given.iter().map(size).collect()
}

/// The sizes that a Reshape asks for.
pub fn reshaped(from: &[usize], asked: &[i64], zero_is_zero: bool) -> Result<Vec<usize>, String> {
    let len: usize = from.iter().product();
    let wrong = || format!("{from:?} cannot become {asked:?}");
    let known = |(at, size): (usize, &i64)| match *size {
        0 if !zero_is_zero => from.get(at).copied(),
        size => usize::try_from(size).ok(),
    };
    let sizes: Vec<Option<usize>> = asked.iter().enumerate().map(known).collect();
    let product: usize =
        sizes.iter().flatten().try_fold(1usize, |all, size| all.checked_mul(*size)).ok_or_else(wrong)?;
    let left = len.checked_div(product).unwrap_or(0);
    let shape: Vec<usize> = sizes.iter().map(|size| size.unwrap_or(left)).collect();
    let fits = sizes.iter().filter(|size| size.is_none()).count() <= 1 && shape.iter().product::<usize>() == len;
    if fits { Ok(shape) } else { Err(wrong()) }
}

/// The shape after a Squeeze or Unsqueeze.
pub fn squeezed(op: Operator<'_>, shape: &[usize], axes: Option<&Constant>) -> Result<Vec<usize>, String> {
    let axes = axes.map(Constant::integers).transpose()?.or_else(|| op.ints("axes").map(<[i64]>::to_vec));
    if op.kind() == "Unsqueeze" {
        let axes = axes.ok_or("its axes are missing")?;
        let rank = shape.len() + axes.len();
        let at = axes.iter().map(|at| axis(*at, rank)).collect::<Result<Vec<_>, _>>()?;
        let mut own = shape.iter();
        return (0..rank)
            .map(|place| if at.contains(&place) { Some(1) } else { own.next().copied() })
            .collect::<Option<_>>()
            .ok_or_else(|| "its axes are not distinct".into());
    }
    let at = axes.unwrap_or_default().iter().map(|at| axis(*at, shape.len())).collect::<Result<Vec<_>, _>>()?;
    let goes = |place: usize, size: usize| if at.is_empty() { size == 1 } else { at.contains(&place) };
    Ok(shape.iter().enumerate().filter(|(place, size)| !goes(*place, **size)).map(|(_, size)| *size).collect())
}

pub fn transpose(op: Operator<'_>, x: &Constant) -> Folded {
    let rank = x.shape.len();
    let usual: Vec<i64> = (0..rank as i64).rev().collect();
    let perm = op.ints("perm").unwrap_or(&usual);
    if let (&[1, 0], Some(turned)) = (perm, x.transposed()) {
        return Ok(turned);
    }
    let perm = perm.iter().map(|at| axis(*at, rank)).collect::<Result<Vec<_>, _>>()?;
    if perm.len() != rank {
        return Err("its perm does not fit".into());
    }
    let shape = perm.iter().map(|at| x.shape[*at]).collect();
    let steps = strides(&x.shape, &x.shape);
    rearranged(x, shape, |place| Some(place.iter().zip(&perm).map(|(at, axis)| at * steps[*axis]).sum()))
}

pub fn tile(x: &Constant, times: &[i64]) -> Folded {
    if times.len() != x.shape.len() {
        return Err("its repeats do not fit".into());
    }
    let times = sizes(times)?;
    let shape = x.shape.iter().zip(&times).map(|(size, times)| size.saturating_mul(*times)).collect();
    let steps = strides(&x.shape, &x.shape);
    rearranged(x, shape, |place| Some(flat(place.iter().zip(&x.shape).map(|(at, size)| at % size), &steps)))
}

pub fn concat(op: Operator<'_>, inputs: Inputs<'_>) -> Folded {
    let parts: Vec<&Constant> = inputs.0.iter().flatten().collect();
    let first = inputs.need(0)?;
    let at = axis(op.int("axis", 0), first.shape.len())?;
    let alike = |part: &&Constant| {
        part.shape.len() == first.shape.len()
            && part.shape.iter().zip(&first.shape).enumerate().all(|(axis, (a, b))| axis == at || a == b)
    };
    if !parts.iter().all(alike) {
        return Err("its inputs are not alike".into());
    }
    let mut shape = first.shape.clone();
    shape[at] = parts.iter().map(|part| part.shape[at]).fold(0, usize::saturating_add);
    bounded(&shape)?;
    let outer: usize = shape[..at].iter().product();
    let all = parts.iter().map(|part| part.all()).collect::<Result<Vec<_>, _>>()?;
    let row = |part: &Rc<[f64]>, at: usize| {
        part[part.len() / outer.max(1) * at..part.len() / outer.max(1) * (at + 1)].to_vec()
    };
    let numbers: Vec<f64> = (0..outer).flat_map(|at| all.iter().flat_map(move |part| row(part, at))).collect();
    let whole = parts.iter().all(|part| part.is_whole());
    Ok(Constant { name: first.name.clone(), ..Constant::numbers(shape, numbers, whole) })
}

pub fn split(op: Operator<'_>, inputs: Inputs<'_>) -> Result<Vec<Constant>, String> {
    let x = inputs.need(0)?;
    let at = axis(op.int("axis", 0), x.shape.len())?;
    let sizes = split_sizes(op, x.shape[at], inputs.get(1))?;
    let mut start = 0;
    let mut part = |size: usize| {
        let mut shape = x.shape.clone();
        shape[at] = size;
        let (first, steps) = (start, strides(&x.shape, &x.shape));
        start += size;
        rearranged(x, shape, move |place| Some(flat(place.iter().copied(), &steps) + first * steps[at]))
    };
    sizes.into_iter().map(&mut part).collect()
}

/// How many entries each part of a Split has.
pub fn split_sizes(op: Operator<'_>, whole: usize, given: Option<&Constant>) -> Result<Vec<usize>, String> {
    let given = given.map(Constant::integers).transpose()?.or_else(|| op.ints("split").map(<[i64]>::to_vec));
    let parts = op.int("num_outputs", op.proto.output.len() as i64).max(1) as usize;
    if parts > whole.max(1) {
        return Err(format!("it cuts {whole} entries in {parts} parts"));
    }
    let equal =
        || (0..parts).map(|at| whole.div_ceil(parts).min(whole.saturating_sub(at * whole.div_ceil(parts)))).collect();
    let sizes: Vec<usize> = given.map_or_else(equal, |sizes| sizes.iter().map(|size| *size as usize).collect());
    let fits = sizes.iter().try_fold(0usize, |sum, size| sum.checked_add(*size)) == Some(whole);
    if fits { Ok(sizes) } else { Err(format!("it cuts {whole} entries in {sizes:?}")) }
}
