use secateur_graph::ops::{AddPosition, MeanTokens, PositionTable, PrependToken, SinePositions, Timestep};

use super::body::{Body, int};

pub fn embedding(body: &mut Body<'_>) -> String {
    let ids = body.x();
    body.op("Gather", &[body.param(0), &ids])
}

pub fn add_position(body: &mut Body<'_>, op: &AddPosition) -> String {
    let (x, shape) = body.input(0);
    let axis = match op.stored {
        PositionTable::Parameter => 1,
        PositionTable::Embedding => 0,
    };
    let table = body.param(0);
    let whole = op.first == 0 && shape[0] == op.entries;
    let rows = if whole { table.to_string() } else { body.slice(table, axis, op.first, shape[0]) };
    body.op("Add", &[&x, &rows])
}

pub fn sine_positions(body: &mut Body<'_>, op: &SinePositions) -> String {
    let x = body.x();
    let table = body.table("waves", &[op.height * op.width, op.features], op.table().into_iter());
    body.op("Add", &[&x, &table])
}

/// Sines and cosines of falling frequency.
pub fn timestep(body: &mut Body<'_>, op: &Timestep) -> String {
    let (t, half) = (body.x(), op.features / 2);
    let frequency = |at: usize| (-(10_000f64.ln()) * at as f64 / (half as f64 - op.shift)).exp();
    let frequencies = body.table("frequencies", &[1, half], (0..half).map(frequency));
    let t = body.unsqueeze(&t, &[1]);
    let angles = body.op("Mul", &[&t, &frequencies]);
    let waves = if op.cosines_first { ["Cos", "Sin"] } else { ["Sin", "Cos"] };
    let [first, second] = waves.map(|wave| body.op(wave, &[&angles]));
    body.op_with("Concat", &[&first, &second], vec![int("axis", 1)])
}

/// The learned tokens, once for each sample, before the others.
pub fn prepend_token(body: &mut Body<'_>, op: &PrependToken) -> String {
    let x = body.x();
    let samples = body.op_with("Shape", &[&x], vec![int("start", 0), int("end", 1)]);
    let rest = body.ints(&[op.tokens as i64, op.features as i64]);
    let shape = body.op_with("Concat", &[&samples, &rest], vec![int("axis", 0)]);
    let tokens = body.op("Expand", &[body.param(0), &shape]);
    body.op_with("Concat", &[&tokens, &x], vec![int("axis", 1)])
}

/// One token, by position; -1 is the last.
pub fn select(body: &mut Body<'_>, index: i64) -> String {
    let (x, index) = (body.x(), body.int(index));
    body.op_with("Gather", &[&x, &index], vec![int("axis", 1)])
}

/// The token whose id is highest, the first of several.
pub fn select_highest(body: &mut Body<'_>) -> String {
    let ((x, _), (ids, _)) = (body.input(0), body.input(1));
    let highest = body.op_with("ArgMax", &[&ids], vec![int("axis", 1)]);
    body.op_with("GatherND", &[&x, &highest], vec![int("batch_dims", 1)])
}

pub fn mean_tokens(body: &mut Body<'_>, op: &MeanTokens) -> String {
    let ((mut x, shape), tokens) = (body.input(0), body.ints(&[1]));
    if op.from > 0 {
        x = body.slice(&x, 1, op.from, shape[0] - op.from);
    }
    body.op_with("ReduceMean", &[&x, &tokens], vec![int("keepdims", 0)])
}
