use std::f64::consts::TAU;
use std::rc::Rc;

use secateur_graph::ops::{Rotary, RotaryScaling};

use crate::onnx::read::constant::Constant;
use crate::onnx::read::flow::{Flow, Mapped, part};
use crate::onnx::read::index::{broadcast, places, strides};
use crate::onnx::read::value::{Part, Value};
use crate::onnx::read::view::{View, whole_axis};

/// Where tokens and features of a view of heads are, [.., tokens, features] or [tokens, heads, features].
fn places_of(x: &View) -> Option<(usize, usize)> {
    let tokens = x.axes.iter().position(|axis| *axis == whole_axis(1, axis.first().map_or(1, |atom| atom.size)))?;
    Some((tokens, x.axes.len() - 1))
}

/// Heads times a table of each token's waves, if the constant is that.
pub fn waved(x: &View, turned: bool, constant: &Constant) -> Mapped<Option<Value>> {
    let dims = x.dims();
    let Some((tokens_at, features_at)) = places_of(x).filter(|_| dims.len() > 2) else { return Ok(None) };
    let Ok(shape) = broadcast(&[&constant.shape, &dims]) else { return Ok(None) };
    let steps = strides(&constant.shape, &shape);
    let varies = |at: &usize| steps[*at] != 0 && dims[*at] > 1;
    if shape != dims || (0..dims.len()).any(|at| varies(&at) && at != tokens_at && at != features_at) {
        return Ok(None);
    }
    let (tokens, features, all) = (dims[tokens_at], dims[features_at], constant.all()?);
    let entry = |place: Vec<usize>| all[place[0] * steps[tokens_at] + place[1] * steps[features_at]];
    let table = places(&[tokens, features]).map(entry).collect();
    Ok(Some(part(Part::Waved { x: x.clone(), turned, table, tokens })))
}

/// x cos + turned x sin
pub fn rotary(flow: &mut Flow, a: &Part, b: &Part, label: &Rc<str>) -> Mapped<View> {
    let (x, cos, sin, tokens) = match (a, b) {
        (Part::Waved { x, turned: false, table: cos, tokens }, Part::Waved { x: y, turned: true, table: sin, .. })
        | (Part::Waved { x: y, turned: true, table: sin, .. }, Part::Waved { x, turned: false, table: cos, tokens })
            if x == y =>
        {
            (flow.settled(x)?, cos, sin, *tokens)
        }
        _ => return Err("its parts are not of one rotation".into()),
    };
    let head_dim = cos.len().checked_div(tokens).unwrap_or(0);
    let &[_, width] = flow.g.shape(x.node) else { return Err("it turns no tokens".into()) };
    let (base, scaling) = known(cos, sin, head_dim).ok_or("its angles are not known here")?;
    let op = Rotary::new(width.checked_div(head_dim).unwrap_or(0), head_dim, base, scaling);
    flow.each(label, op, &x)
}

/// Base and scaling whose angles the tables [tokens, head_dim] hold.
fn known(cos: &[f64], sin: &[f64], head_dim: usize) -> Option<(f64, RotaryScaling)> {
    let (half, tokens) = (head_dim / 2, cos.len() / head_dim.max(1));
    (half > 0 && tokens > 1).then_some(())?;
    // The angle of one token: the second row's, since the first is not turned.
    let angles: Vec<f64> = (0..half).map(|pair| sin[head_dim + pair].atan2(cos[head_dim + pair])).collect();
    // The slowest pairs are all scaled alike.
    let base = match angles.as_slice() {
        [.., slow, slowest] => (slow / slowest).powf(half as f64),
        _ => 10_000.0,
    };
    let fits = |(base, scaling): &(f64, RotaryScaling)| {
        let pairs = Rotary::new(1, head_dim, *base, *scaling).frequencies();
        let off = |at: usize| {
            let angle = (at / head_dim) as f64 * pairs[at % head_dim % half];
            (angle.cos() - cos[at]).abs().max((angle.sin() - sin[at]).abs())
        };
        (0..cos.len()).all(|at| off(at) < 1e-4)
    };
    [round(base), base].into_iter().flat_map(|base| scalings(base, &angles)).find(fits)
}

/// Scalings that may have made these angles, as people write their numbers and as they come out.
fn scalings(base: f64, angles: &[f64]) -> Vec<(f64, RotaryScaling)> {
    let plain = |pair: usize| base.powf(-(pair as f64) / angles.len() as f64);
    let shares: Vec<f64> = angles.iter().enumerate().map(|(pair, angle)| angle / plain(pair)).collect();
    let slow = shares.last().copied().unwrap_or(1.0);
    let factor = 1.0 / slow;
    // How fast the pairs between are, as a straight line over their frequency.
    let fast = |pair: usize| (shares[pair] - slow) / (1.0 - slow);
    let between: Vec<usize> = (0..angles.len()).filter(|pair| (0.001..0.999).contains(&fast(*pair))).collect();
    let (low, high, original_tokens) = match between[..] {
        [first, .., last] => {
            let steep = (fast(first) - fast(last)) / (plain(first) - plain(last));
            let high = 1.0 + 1.0 / (steep * plain(last) - fast(last));
            (1.0, high, TAU * steep * (high - 1.0))
        }
        // One pair does not tell both bounds apart.
        [only] => (1.0, 4.0, TAU * (1.0 + 3.0 * fast(only)) / plain(only)),
        [] => (1.0, 4.0, 8192.0),
    };
    let llama3 = |factor, of: fn(f64) -> f64| RotaryScaling::Llama3 {
        factor,
        low,
        high: of(high),
        original_tokens: of(original_tokens),
    };
    let linear = |factor| RotaryScaling::Linear { factor };
    let exact = |number| number;
    let plain = [RotaryScaling::None, linear(round(factor)), linear(factor)];
    let blended = [llama3(round(factor), round), llama3(round(factor), exact), llama3(factor, exact)];
    let all = plain.into_iter().chain(blended);
    all.map(|scaling| (base, scaling)).collect()
}

/// To four digits, as people write such numbers.
fn round(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_and_scaling_are_found_again() {
        let llama3 = RotaryScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original_tokens: 8192.0 };
        for (base, scaling) in [
            (10_000.0, RotaryScaling::None),
            (500_000.0, RotaryScaling::None),
            (10_000.0, RotaryScaling::Linear { factor: 2.5 }),
            (500_000.0, llama3),
        ] {
            let pairs = Rotary::new(1, 16, base, scaling).frequencies();
            let table = |of: fn(f64) -> f64| -> Vec<f64> {
                let row = |at: usize| {
                    [&pairs; 2].into_iter().flatten().map(move |pair| f64::from(of(at as f64 * pair) as f32))
                };
                (0..64).flat_map(row).collect()
            };
            assert_eq!(known(&table(f64::cos), &table(f64::sin), 16), Some((base, scaling)));
        }
        assert_eq!(known(&[0.5; 32], &[0.5; 32], 16), None);
    }
}
