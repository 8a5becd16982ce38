use std::collections::BTreeMap;

use secateur_data::digits::Split;
use secateur_exec::{ExecError, Inputs, Meter, Params, Tap, Value, forward, probe, shortened};
use secateur_graph::{Graph, NodeId, ParamId};
use secateur_protocol::{Event, Layout, Multiplied, OpTime, Spread, Timing, Unit};

use crate::Host;
use crate::desk::Job;
use crate::forward::{inputs, pictures};
use crate::session::Session;
use crate::stop::Stop;

/// Times forward passes of `batch` test digits, or of as many meaningless inputs for a model that reads none. Dense and pruned
/// take turns, so that neither has the quieter machine, and every answer is read back: only then it is known to have been
/// computed.
pub(crate) async fn run<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    batch: u32,
    repeats: u32,
) -> Result<(), Stop> {
    check("batch", batch)?;
    check("repeats", repeats)?;
    let digits = session.digits(job.host()).await?;
    let (compute, open) = session.ready()?;
    let pruned = open.pruned(compute).await?;
    let (model, weights) = open.parts()?;
    let graph = shortened(&model.graph).map_err(Stop::because)?;
    let smaller = shortened(&pruned.model.graph).map_err(Stop::because)?;
    let mut given = pruned.probe_for(compute, &graph, 0, batch as usize)?;
    let mut own = probe(compute, &smaller, 0, batch as usize)?;
    if let Ok(spec) = pictures(model) {
        let images = inputs(spec, digits.split(Split::Test).take(batch as usize).map(|at| digits.grey(at)));
        let name = graph.inputs().next().map_or("", |node| &node.name);
        given.upload(compute, &graph, name, batch as usize, images.clone())?;
        own.upload(compute, &smaller, name, batch as usize, images)?;
    }

    let pass = async |graph: &Graph, params: &Params, given: &Inputs, passes: &mut Passes| {
        let now_ms = || job.host().now_ms();
        let mut watch = Watch { now_ms, began: Vec::new() };
        let start_ms = now_ms();
        forward(graph, params, given.clone(), &mut watch)?.read().await?;
        compute.check()?;
        passes.add(start_ms, watch.began, now_ms());
        Ok::<_, Stop>(())
    };
    // Warm up: pages and pipelines are made on the first pass.
    pass(&graph, &weights.dense, &given, &mut Passes::default()).await?;
    pass(&smaller, &pruned.params, &own, &mut Passes::default()).await?;
    let (mut dense, mut cut) = (Passes::default(), Passes::default());
    for done in 0..repeats {
        pass(&graph, &weights.dense, &given, &mut dense).await?;
        pass(&smaller, &pruned.params, &own, &mut cut).await?;
        job.tick(u64::from(done) + 1, u64::from(repeats), Unit::Steps).await?;
    }
    let device = compute.adapter().name.clone();
    let ops = if compute.adapter().gpu { Vec::new() } else { by_op(dense.ops, cut.ops) };
    let (dense_ms, pruned_ms) = (spread(dense.ms), spread(cut.ms));
    // Of a smaller model some layers may be gone; none of the others is laid out anew.
    let layout = |id: ParamId| match pruned.model.graph.find_param(&graph.param(id).name) {
        Some(id) => pruned.params.layout(id),
        None => Layout::Dense,
    };
    let layouts = graph.prunable().map(|id| Multiplied { param: id.0, layout: layout(id) }).collect();
    let timing = Timing { batch, repeats, dense_ms, pruned_ms, device, layouts, ops };
    open.note(|told| told.timing = Some(timing.clone()));
    job.send(Event::Timing(timing));
    Ok(())
}

/// Notes when each operation begins.
struct Watch<F> {
    now_ms: F,
    began: Vec<(&'static str, f64)>,
}

impl<F: Fn() -> f64> Tap for Watch<F> {
    fn node(&mut self, graph: &Graph, id: NodeId, _: &[Value]) -> Result<(), ExecError> {
        self.began.push((graph.node(id).op.name(), (self.now_ms)()));
        Ok(())
    }
}

/// Milliseconds of some passes: of each as a whole, and of its operations by their names.
#[derive(Default)]
struct Passes {
    ms: Vec<f64>,
    ops: BTreeMap<&'static str, Vec<f64>>,
}

impl Passes {
    /// An operation ends where the next one begins, the last one with the pass.
    fn add(&mut self, start_ms: f64, began: Vec<(&'static str, f64)>, end_ms: f64) {
        self.ms.push(end_ms - start_ms);
        let ends = began.iter().skip(1).map(|(_, began)| *began).chain([end_ms]);
        let mut sums = BTreeMap::new();
        for ((op, began), end) in began.iter().zip(ends) {
            *sums.entry(*op).or_insert(0.0) += end - began;
        }
        sums.into_iter().for_each(|(op, ms)| self.ops.entry(op).or_default().push(ms));
    }
}

/// Medians, longest dense ones first. A smaller model may lack an operation.
fn by_op(dense: BTreeMap<&'static str, Vec<f64>>, mut pruned: BTreeMap<&'static str, Vec<f64>>) -> Vec<OpTime> {
    let time = |(op, ms): (&'static str, Vec<f64>)| OpTime {
        op: op.into(),
        dense_ms: spread(ms).median,
        pruned_ms: pruned.remove(op).map_or(0.0, |ms| spread(ms).median),
    };
    let mut ops: Vec<OpTime> = dense.into_iter().map(time).collect();
    ops.sort_by(|a, b| b.dense_ms.total_cmp(&a.dense_ms));
    ops
}

pub(crate) fn check(name: &str, count: u32) -> Result<(), Stop> {
    match count {
        1..=1000 => Ok(()),
        _ => Err(Stop::because(format!("{name} = {count}: wanted a whole number from 1 to 1000"))),
    }
}

/// Median and quartiles, between neighbours by straight lines.
pub(crate) fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let at = |quantile: f64| {
        let place = quantile * (values.len() - 1) as f64;
        let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
        low + (high - low) * place.fract()
    };
    Spread { q1: at(0.25), median: at(0.5), q3: at(0.75) }
}

#[cfg(test)]
mod tests {
    use super::{Passes, by_op, spread};

    #[test]
    fn quartiles_lie_between_the_values() {
        let spread = spread(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((spread.q1, spread.median, spread.q3), (1.75, 2.5, 3.25));
        assert_eq!(super::spread(vec![7.0]).q3, 7.0);
    }

    #[test]
    fn operations_of_one_name_are_added_up() {
        let (mut dense, mut pruned) = (Passes::default(), Passes::default());
        dense.add(0.0, vec![("add", 1.0), ("linear", 2.0), ("add", 6.0)], 8.0);
        pruned.add(0.0, vec![("linear", 0.0)], 3.0);
        let ops = by_op(dense.ops, pruned.ops);
        let told: Vec<_> = ops.iter().map(|on| (on.op.as_str(), on.dense_ms, on.pruned_ms)).collect();
        assert_eq!((dense.ms, told), (vec![8.0], vec![("linear", 4.0, 3.0), ("add", 3.0, 0.0)]));
    }
}
