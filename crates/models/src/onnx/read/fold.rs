//! Operators on numbers that do not depend on the inputs: sizes, masks, tables.

use std::rc::Rc;

use super::constant::Constant;
use super::index::{axis, broadcast, places, slice_bounds, strides};
use super::operator::Operator;

/// Most numbers that are worked out here.
const MOST: usize = 1 << 24;

type Folded = Result<Constant, String>;

/// The operator's values, or why there are none.
pub fn fold(op: Operator<'_>, inputs: &[Option<Constant>]) -> Result<Vec<Constant>, String> {
    let inputs = Inputs(inputs);
    if op.kind() == "Split" {
        return split(op, inputs);
    }
    let value = one(op, inputs)?;
    Ok(vec![value])
}

#[derive(Clone, Copy)]
struct Inputs<'a>(&'a [Option<Constant>]);

impl<'a> Inputs<'a> {
    fn get(self, at: usize) -> Option<&'a Constant> {
        self.0.get(at)?.as_ref()
    }

    fn need(self, at: usize) -> Result<&'a Constant, String> {
        self.get(at).ok_or_else(|| format!("its input {at} is missing"))
    }

    fn ints(self, at: usize) -> Result<Vec<i64>, String> {
        self.need(at)?.integers()
    }
}

fn one(op: Operator<'_>, inputs: Inputs<'_>) -> Folded {
    let x = || inputs.need(0);
    match op.kind() {
        "Cast" => cast(op, x()?),
        "Reshape" => {
            let shape = reshaped(&x()?.shape, &inputs.ints(1)?, op.int("allowzero", 0) != 0)?;
            x()?.reshaped(shape)
        }
        "Flatten" => {
            let at = axis(op.int("axis", 1), x()?.shape.len() + 1)?;
            let (before, after) = x()?.shape.split_at(at);
            x()?.reshaped(vec![before.iter().product(), after.iter().product()])
        }
        "Unsqueeze" | "Squeeze" => x()?.reshaped(squeezed(op, &x()?.shape, inputs.get(1))?),
        "Transpose" => transpose(op, x()?),
        "Expand" => {
            let shape: Vec<usize> = inputs.ints(1)?.iter().map(|size| *size as usize).collect();
            elementwise(&[x()?, &Constant::whole(shape.clone(), vec![1; bounded(&shape)?])], |n| n[0])
        }
        "Tile" => tile(x()?, &inputs.ints(1)?),
        "Concat" => concat(op, inputs),
        "Slice" => slice(op, inputs),
        "Gather" => gather(op, x()?, inputs.need(1)?),
        "GatherElements" => gather_elements(op, x()?, inputs.need(1)?),
        "GatherND" => gather_nd(op, x()?, inputs.need(1)?),
        "Size" => Ok(Constant::whole(vec![], [x()?.len()])),
        "ConstantOfShape" => filled(op, &inputs.ints(0)?),
        "Range" => range(inputs),
        "CumSum" => cumulative(op, x()?, inputs.need(1)?),
        "Trilu" => triangle(op, x()?, inputs.get(1)),
        "MatMul" => product(x()?, inputs.need(1)?),
        "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd" => reduce(op, inputs),
        kind => {
            let function = function(kind).ok_or("it is not known for fixed numbers")?;
            let all = inputs.0.iter().flatten().collect::<Vec<_>>();
            let whole = all.iter().all(|input| input.is_whole());
            let mut value = elementwise(&all, |numbers| function(numbers, whole))?;
            if matches!(kind, "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "IsNaN") {
                value = Constant::numbers(value.shape.clone(), value.all()?, true);
            }
            if kind == "Where" {
                value = Constant::numbers(value.shape.clone(), value.all()?, all[1].is_whole() && all[2].is_whole());
            }
            Ok(value)
        }
    }
}

/// What an elementwise operator does; the flag says whether all inputs are whole numbers.
fn function(kind: &str) -> Option<fn(&[f64], bool) -> f64> {
    Some(match kind {
        "Add" => |n, _| n[0] + n[1],
        "Sub" => |n, _| n[0] - n[1],
        "Mul" => |n, _| n[0] * n[1],
        "Div" => |n, whole| if whole { (n[0] / n[1]).trunc() } else { n[0] / n[1] },
        "Mod" => |n, _| n[0].rem_euclid(n[1]),
        "Pow" => |n, _| n[0].powf(n[1]),
        "Min" => |n, _| n.iter().copied().fold(f64::INFINITY, f64::min),
        "Max" => |n, _| n.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "Neg" => |n, _| -n[0],
        "Abs" => |n, _| n[0].abs(),
        "Sqrt" => |n, _| n[0].sqrt(),
        "Reciprocal" => |n, _| 1.0 / n[0],
        "Exp" => |n, _| n[0].exp(),
        "Log" => |n, _| n[0].ln(),
        "Sin" => |n, _| n[0].sin(),
        "Cos" => |n, _| n[0].cos(),
        "Floor" => |n, _| n[0].floor(),
        "Ceil" => |n, _| n[0].ceil(),
        "Equal" => |n, _| f64::from(n[0] == n[1]),
        "Less" => |n, _| f64::from(n[0] < n[1]),
        "LessOrEqual" => |n, _| f64::from(n[0] <= n[1]),
        "Greater" => |n, _| f64::from(n[0] > n[1]),
        "GreaterOrEqual" => |n, _| f64::from(n[0] >= n[1]),
        "IsNaN" => |n, _| f64::from(n[0].is_nan()),
        "And" => |n, _| f64::from(n[0] != 0.0 && n[1] != 0.0),
        "Or" => |n, _| f64::from(n[0] != 0.0 || n[1] != 0.0),
        "Not" => |n, _| f64::from(n[0] == 0.0),
        "Where" => |n, _| if n[0] != 0.0 { n[1] } else { n[2] },
        _ => return None,
    })
}

/// Number of entries of a shape that may be worked out.
fn bounded(shape: &[usize]) -> Result<usize, String> {
    let len = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    len.filter(|len| *len <= MOST).ok_or_else(|| format!("{shape:?} are too many numbers to work out"))
}

fn elementwise(inputs: &[&Constant], function: impl Fn(&[f64]) -> f64) -> Folded {
    let shapes: Vec<&[usize]> = inputs.iter().map(|input| input.shape.as_slice()).collect();
    let shape = broadcast(&shapes)?;
    bounded(&shape)?;
    let all = inputs.iter().map(|input| input.all()).collect::<Result<Vec<_>, _>>()?;
    let steps: Vec<Vec<usize>> = shapes.iter().map(|own| strides(own, &shape)).collect();
    let mut at = vec![0.0; inputs.len()];
    let numbers: Vec<f64> = places(&shape)
        .map(|place| {
            for ((number, all), steps) in at.iter_mut().zip(&all).zip(&steps) {
                *number = all[place.iter().zip(steps).map(|(at, step)| at * step).sum::<usize>()];
            }
            function(&at)
        })
        .collect();
    let whole = inputs.iter().all(|input| input.is_whole());
    let name = inputs.iter().find_map(|input| input.name.clone());
    Ok(Constant { name, ..Constant::numbers(shape, numbers, whole) })
}

/// Entries of `x` at the places that `from` gives for those of the result.
fn rearranged(x: &Constant, shape: Vec<usize>, from: impl Fn(&[usize]) -> Option<usize>) -> Folded {
    bounded(&shape)?;
    let all = x.all()?;
    let entry = |place: Vec<usize>| from(&place).and_then(|at| all.get(at).copied());
    let numbers: Option<Rc<[f64]>> = places(&shape).map(entry).collect();
    let numbers = numbers.ok_or("it reads beyond its input")?;
    Ok(Constant { name: x.name.clone(), ..Constant::numbers(shape, numbers, x.is_whole()) })
}

fn flat(place: impl IntoIterator<Item = usize>, steps: &[usize]) -> usize {
    place.into_iter().zip(steps).map(|(at, step)| at * step).sum()
}

/// To floats (1, 10, 11, 16) nothing changes; whole numbers lose what is behind the point.
fn cast(op: Operator<'_>, x: &Constant) -> Folded {
    if matches!(op.int("to", 1), 1 | 10 | 11 | 16) {
        let floats = || Ok(Constant { name: x.name.clone(), ..Constant::numbers(x.shape.clone(), x.all()?, false) });
        return if x.is_whole() { floats() } else { Ok(x.clone()) };
    }
    let truth = op.int("to", 1) == 9;
    let whole = |number: &f64| if truth { f64::from(*number != 0.0) } else { number.trunc() };
    Ok(Constant::numbers(x.shape.clone(), x.all()?.iter().map(whole).collect::<Vec<_>>(), true))
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
fn squeezed(op: Operator<'_>, shape: &[usize], axes: Option<&Constant>) -> Result<Vec<usize>, String> {
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

fn transpose(op: Operator<'_>, x: &Constant) -> Folded {
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

fn tile(x: &Constant, times: &[i64]) -> Folded {
    if times.len() != x.shape.len() {
        return Err("its repeats do not fit".into());
    }
    let shape = x.shape.iter().zip(times).map(|(size, times)| size * *times as usize).collect();
    let steps = strides(&x.shape, &x.shape);
    rearranged(x, shape, |place| Some(flat(place.iter().zip(&x.shape).map(|(at, size)| at % size), &steps)))
}

fn concat(op: Operator<'_>, inputs: Inputs<'_>) -> Folded {
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
    shape[at] = parts.iter().map(|part| part.shape[at]).sum();
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

fn split(op: Operator<'_>, inputs: Inputs<'_>) -> Result<Vec<Constant>, String> {
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
    let equal =
        || (0..parts).map(|at| whole.div_ceil(parts).min(whole.saturating_sub(at * whole.div_ceil(parts)))).collect();
    let sizes: Vec<usize> = given.map_or_else(equal, |sizes| sizes.iter().map(|size| *size as usize).collect());
    let fits = sizes.iter().try_fold(0usize, |sum, size| sum.checked_add(*size)) == Some(whole);
    if fits { Ok(sizes) } else { Err(format!("it cuts {whole} entries in {sizes:?}")) }
}

fn slice(op: Operator<'_>, inputs: Inputs<'_>) -> Folded {
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
fn only_rows(x: &Constant, bounds: &[super::index::Bound]) -> Option<(usize, usize)> {
    let [rows, columns] = bounds else { return None };
    (rows.step == 1 && columns.step == 1 && columns.len == x.shape[1]).then_some((rows.start, rows.len))
}

fn gather(op: Operator<'_>, x: &Constant, at: &Constant) -> Folded {
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

fn gather_elements(op: Operator<'_>, x: &Constant, at: &Constant) -> Folded {
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

fn gather_nd(op: Operator<'_>, x: &Constant, at: &Constant) -> Folded {
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

fn filled(op: Operator<'_>, shape: &[i64]) -> Folded {
    let shape: Vec<usize> = shape.iter().map(|size| *size as usize).collect();
    let len = bounded(&shape)?;
    let value = op.tensor("value").map(super::weights::Stored::here).transpose().map_err(|error| error.to_string())?;
    let value = value.map(|value| Constant::stored(Rc::new(value)));
    let (number, whole) = match &value {
        Some(value) => (value.single().ok_or("its value is not one number")?, value.is_whole()),
        None => (0.0, false),
    };
    Ok(Constant::numbers(shape, vec![number; len], whole))
}

fn range(inputs: Inputs<'_>) -> Folded {
    let number = |at: usize| inputs.need(at)?.single().ok_or_else(|| "its bounds are not single numbers".to_string());
    let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
    let count = ((limit - start) / step).ceil().max(0.0);
    let count = bounded(&[if count.is_finite() { count as usize } else { usize::MAX }])?;
    let numbers: Vec<f64> = (0..count).map(|at| start + at as f64 * step).collect();
    Ok(Constant::numbers(vec![count], numbers, inputs.need(0)?.is_whole()))
}

fn cumulative(op: Operator<'_>, x: &Constant, along: &Constant) -> Folded {
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

fn triangle(op: Operator<'_>, x: &Constant, offset: Option<&Constant>) -> Folded {
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
fn product(a: &Constant, b: &Constant) -> Folded {
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

fn reduce(op: Operator<'_>, inputs: Inputs<'_>) -> Folded {
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
