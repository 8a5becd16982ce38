use secateur_data::digits::Split;
use secateur_exec::{Inputs, Meter, Params, forward, probe, shortened};
use secateur_graph::{Graph, ParamId};
use secateur_protocol::{Event, Layout, Multiplied, Spread, Timing, Unit};

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

    let time = async |graph: &Graph, params: &Params, given: &Inputs| {
        let start_ms = job.host().now_ms();
        forward(graph, params, given.clone(), &mut ())?.read().await?;
        compute.check()?;
        Ok::<f64, Stop>(job.host().now_ms() - start_ms)
    };
    time(&graph, &weights.dense, &given).await?; // warm up: pages and pipelines are made on the first pass
    time(&smaller, &pruned.params, &own).await?;
    let (mut dense_ms, mut pruned_ms) = (Vec::new(), Vec::new());
    for done in 0..repeats {
        dense_ms.push(time(&graph, &weights.dense, &given).await?);
        pruned_ms.push(time(&smaller, &pruned.params, &own).await?);
        job.tick(u64::from(done) + 1, u64::from(repeats), Unit::Steps).await?;
    }
    let device = compute.adapter().name.clone();
    let (dense_ms, pruned_ms) = (spread(dense_ms), spread(pruned_ms));
    // Of a smaller model some layers may be gone; none of the others is laid out anew.
    let layout = |id: ParamId| match pruned.model.graph.find_param(&graph.param(id).name) {
        Some(id) => pruned.params.layout(id),
        None => Layout::Dense,
    };
    let layouts = graph.prunable().map(|id| Multiplied { param: id.0, layout: layout(id) }).collect();
    job.send(Event::Timing(Timing { batch, repeats, dense_ms, pruned_ms, device, layouts }));
    Ok(())
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
    use super::spread;

    #[test]
    fn quartiles_lie_between_the_values() {
        let spread = spread(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((spread.q1, spread.median, spread.q3), (1.75, 2.5, 3.25));
        assert_eq!(super::spread(vec![7.0]).q3, 7.0);
    }
}
