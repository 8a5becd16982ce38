//! Numbers that are made, summed up or multiplied.

use std::rc::Rc;

use super::{Folded, Inputs, MOST, bounded, flat, sizes};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::index::{axis, broadcast, places, strides};
use crate::onnx::read::operator::Operator;
use crate::onnx::read::weights::Stored;

pub fn filled(op: Operator<'_>, shape: &[i64]) -> Folded {
    let shape = sizes(shape)?;
    let len = bounded(&shape)?;
    let value = op.tensor("value").map(Stored::here).transpose().map_err(|error| error.to_string())?;
    let value = value.map(|value| Constant::stored(Rc::new(value)));
    let (number, whole) = match &value {
        Some(value) => (value.single().ok_or("its value is not one number")?, value.is_whole()),
        None => (0.0, false),
    };
    Ok(Constant::numbers(shape, vec![number; len], whole))
}

pub fn range(inputs: Inputs<'_>) -> Folded {
    let number = |at: usize| inputs.need(at)?.single().ok_or_else(|| "its bounds are not single numbers".to_string());
    let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
    let count = ((limit - start) / step).ceil().max(0.0);
    let count = bounded(&[if count.is_finite() { count as usize } else { usize::MAX }])?;
    let numbers: Vec<f64> = (0..count).map(|at| start + at as f64 * step).collect();
    Ok(Constant::numbers(vec![count], numbers, inputs.need(0)?.is_whole()))
}

pub fn cumulative(op: Operator<'_>, x: &Constant, along: &Constant) -> Folded {
    if op.int("reverse", 0) != 0 || op.int("exclusive", 0) != 0 {
        return Err("it sums backwards or leaves the entry itself out".into());
    }
    let along = axis(along.single().unwrap_or(0.0) as i64, x.shape.len())?;
    let (mut numbers, steps) = (x.all()?.to_vec(), strides(&x.shape, &x.shape));
    for at in places(&x.shape).enumerate().filter(|(_, place)| place[along] > 0).map(|(at, _)| at) {
        numbers[at] += numbers[at - steps[along]];
    }
    Ok(Constant::numbers(x.shape.clone(), numbers, x.is_whole()))
}

pub fn triangle(op: Operator<'_>, x: &Constant, offset: Option<&Constant>) -> Folded {
    let offset = offset.and_then(Constant::single).unwrap_or(0.0) as i64;
    let upper = op.int("upper", 1) != 0;
    let rank = x.shape.len();
    if rank < 2 {
        return Err("it needs a matrix".into());
    }
    let stays = |place: &[usize]| {
        let along = place[rank - 1] as i64 - place[rank - 2] as i64;
        if upper { along >= offset } else { along <= offset }
    };
    let all = x.all()?;
    let numbers: Vec<f64> =
        places(&x.shape).zip(all.iter()).map(|(place, number)| if stays(&place) { *number } else { 0.0 }).collect();
    Ok(Constant::numbers(x.shape.clone(), numbers, x.is_whole()))
}

/// Of matrices [.., n, k] and [.., k, m] whose leading axes are alike or missing.
pub fn product(a: &Constant, b: &Constant) -> Folded {
    let (&[.., n, k], &[.., inner, m]) = (a.shape.as_slice(), b.shape.as_slice()) else {
        return Err("it multiplies vectors".into());
    };
    let (first, second) = (&a.shape[..a.shape.len() - 2], &b.shape[..b.shape.len() - 2]);
    let lead = broadcast(&[first, second])?;
    let shape = [&lead[..], &[n, m]].concat();
    if k != inner || bounded(&shape)?.saturating_mul(k) > MOST {
        return Err(format!("it multiplies {:?} by {:?}", a.shape, b.shape));
    }
    let (left, right, by_a, by_b) = (a.all()?, b.all()?, strides(first, &lead), strides(second, &lead));
    let entry = |place: Vec<usize>| {
        let (outer, inner) = place.split_at(lead.len());
        let at = flat(outer.iter().copied(), &by_a) * n * k + inner[0] * k;
        let from = flat(outer.iter().copied(), &by_b) * k * m + inner[1];
        (0..k).map(|step| left[at + step] * right[from + step * m]).sum::<f64>()
    };
    let numbers: Vec<f64> = places(&shape).map(entry).collect();
    Ok(Constant::numbers(shape, numbers, false))
}

pub fn reduce(op: Operator<'_>, inputs: Inputs<'_>) -> Folded {
    let x = inputs.need(0)?;
    let rank = x.shape.len();
    let axes = inputs.get(1).map(Constant::integers).transpose()?.or_else(|| op.ints("axes").map(<[i64]>::to_vec));
    let axes = axes.unwrap_or_else(|| (0..rank as i64).collect());
    let axes = axes.iter().map(|at| axis(*at, rank)).collect::<Result<Vec<_>, _>>()?;
    let kept: Vec<usize> = (0..rank).map(|at| if axes.contains(&at) { 1 } else { x.shape[at] }).collect();
    let steps = strides(&kept, &x.shape);
    let mut groups = vec![Vec::new(); bounded(&kept)?];
    for (place, number) in places(&x.shape).zip(x.all()?.iter()) {
        groups[flat(place, &steps)].push(*number);
    }
    let reduced = |group: Vec<f64>| match op.kind() {
        "ReduceSum" => group.iter().sum(),
        "ReduceMean" => group.iter().sum::<f64>() / group.len() as f64,
        "ReduceProd" => group.iter().product(),
        "ReduceMin" => group.into_iter().fold(f64::INFINITY, f64::min),
        _ => group.into_iter().fold(f64::NEG_INFINITY, f64::max),
    };
    let numbers: Vec<f64> = groups.into_iter().map(reduced).collect();
    let left = (0..rank).filter(|at| op.int("keepdims", 1) != 0 || !axes.contains(at)).map(|at| kept[at]).collect();
    Ok(Constant::numbers(left, numbers, x.is_whole()))
}
