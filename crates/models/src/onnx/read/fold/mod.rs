//! Operators on numbers that do not depend on the inputs: sizes, masks, tables.

mod gather;
mod make;
mod shape;

use std::rc::Rc;

use super::constant::Constant;
use super::index::{broadcast, places, strides};
use super::operator::Operator;

pub use shape::{reshaped, sizes, split_sizes};

/// Most numbers that are worked out here.
const MOST: usize = 1 << 24;

type Folded = Result<Constant, String>;
/// One entry of each input to one of the result.
type Entrywise = fn(&[f64], bool) -> f64;

/// The operator's values, or why there are none.
pub fn fold(op: Operator<'_>, inputs: &[Option<Constant>]) -> Result<Vec<Constant>, String> {
    let inputs = Inputs(inputs);
    if op.kind() == "Split" {
        return shape::split(op, inputs);
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
            let at = super::index::axis(op.int("axis", 1), x()?.shape.len() + 1)?;
            let (before, after) = x()?.shape.split_at(at);
            x()?.reshaped(vec![before.iter().product(), after.iter().product()])
        }
        "Unsqueeze" | "Squeeze" => x()?.reshaped(shape::squeezed(op, &x()?.shape, inputs.get(1))?),
        "Transpose" => shape::transpose(op, x()?),
        "Expand" => {
            let shape = sizes(&inputs.ints(1)?)?;
            elementwise(&[x()?, &Constant::whole(shape.clone(), vec![1; bounded(&shape)?])], |n| n[0])
        }
        "Tile" => shape::tile(x()?, &inputs.ints(1)?),
        "Concat" => shape::concat(op, inputs),
        "Slice" => gather::slice(op, inputs),
        "Gather" => gather::gather(op, x()?, inputs.need(1)?),
        "GatherElements" => gather::gather_elements(op, x()?, inputs.need(1)?),
        "GatherND" => gather::gather_nd(op, x()?, inputs.need(1)?),
        "Size" => Ok(Constant::whole(vec![], [x()?.len()])),
        "ConstantOfShape" => make::filled(op, &inputs.ints(0)?),
        "Range" => make::range(inputs),
        "CumSum" => make::cumulative(op, x()?, inputs.need(1)?),
        "Trilu" => make::triangle(op, x()?, inputs.get(1)),
        "MatMul" => make::product(x()?, inputs.need(1)?),
        "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd" => make::reduce(op, inputs),
        kind => {
            let (arity, function) = function(kind).ok_or("it is not known for fixed numbers")?;
            let all = inputs.0.iter().flatten().collect::<Vec<_>>();
            if arity.is_some_and(|arity| arity != all.len()) {
                return Err(format!("it has {} inputs", all.len()));
            }
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

/// How many inputs an elementwise operator has, if not any number, and what it does; the flag says whether all of them
/// are whole numbers.
fn function(kind: &str) -> Option<(Option<usize>, Entrywise)> {
    if let Some(function) = of_one(kind) {
        return Some((Some(1), function));
    }
    Some(match kind {
        "Min" => (None, |n, _| n.iter().copied().fold(f64::INFINITY, f64::min)),
        "Max" => (None, |n, _| n.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        "Where" => (Some(3), |n, _| if n[0] != 0.0 { n[1] } else { n[2] }),
        _ => (Some(2), of_two(kind)?),
    })
}

fn of_one(kind: &str) -> Option<Entrywise> {
    Some(match kind {
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
        "IsNaN" => |n, _| f64::from(n[0].is_nan()),
        "Not" => |n, _| f64::from(n[0] == 0.0),
        _ => return None,
    })
}

fn of_two(kind: &str) -> Option<Entrywise> {
    Some(match kind {
        "Add" => |n, _| n[0] + n[1],
        "Sub" => |n, _| n[0] - n[1],
        "Mul" => |n, _| n[0] * n[1],
        "Div" => |n, whole| if whole { (n[0] / n[1]).trunc() } else { n[0] / n[1] },
        "Mod" => |n, _| n[0].rem_euclid(n[1]),
        "Pow" => |n, _| n[0].powf(n[1]),
        "Equal" => |n, _| f64::from(n[0] == n[1]),
        "Less" => |n, _| f64::from(n[0] < n[1]),
        "LessOrEqual" => |n, _| f64::from(n[0] <= n[1]),
        "Greater" => |n, _| f64::from(n[0] > n[1]),
        "GreaterOrEqual" => |n, _| f64::from(n[0] >= n[1]),
        "And" => |n, _| f64::from(n[0] != 0.0 && n[1] != 0.0),
        "Or" => |n, _| f64::from(n[0] != 0.0 || n[1] != 0.0),
        _ => return None,
    })
}

/// Number of entries of a shape that may be worked out.
fn bounded(shape: &[usize]) -> Result<usize, String> {
    let len = shape.iter().try_fold(1usize, |product, size| product.checked_mul((*size).max(1)));
    let empty = shape.contains(&0);
    len.filter(|len| *len <= MOST)
        .map(|len| if empty { 0 } else { len })
        .ok_or_else(|| format!("{shape:?} are too many numbers to work out"))
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
