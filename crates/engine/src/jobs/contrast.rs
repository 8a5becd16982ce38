//! Two cuts of the dense model beside each other: what both remove, and what only one of them does.

use secateur_exec::Meter;
use secateur_graph::{Graph, Mask, Masks, ParamId};
use secateur_protocol::{BlobId, Contrasted, Event, Recipe, Unit};

use super::heat::shrink;
use crate::Host;
use crate::desk::Job;
use crate::jobs::prune;
use crate::session::Session;
use crate::stop::Stop;

/// Makes both cuts and tells where they part; masks and history stay as they are.
pub(crate) async fn run<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    recipes: [Recipe; 2],
    side: u32,
) -> Result<(), Stop> {
    if side == 0 {
        return Err(Stop::because("a picture needs at least one cell each way, got side = 0"));
    }
    let [a, b] = recipes;
    let a = prune::find_cut(session, job, a).await?.cut.masks;
    let b = prune::find_cut(session, job, b).await?.cut.masks;
    let graph = &session.open()?.checkpoint.model.graph;
    let layers = graph.prunable().count() as u64;
    for (done, id) in (1..).zip(graph.prunable()) {
        tell(job, graph, id, [&a, &b], side as usize);
        job.tick(done, layers, Unit::Layers).await?;
    }
    Ok(())
}

fn tell<H: Host>(job: &Job<'_, H>, graph: &Graph, id: ParamId, masks: [&Masks; 2], side: usize) {
    let param = graph.param(id);
    let (rows, cols) = param.matrix();
    let full = Mask::full(param.len());
    let [a, b] = masks.map(|masks| masks.get(id).unwrap_or(&full));
    let share = |gone: fn(bool, bool) -> bool| {
        let values: Vec<f32> = (0..a.len()).map(|at| f32::from(gone(!a.is_kept(at), !b.is_kept(at)))).collect();
        shrink(&values, rows, cols, side)
    };
    let shares = [share(|a, b| a && b), share(|a, b| a && !b), share(|a, b| !a && b)];
    let cell = |at: usize| shares.each_ref().map(|share| (share.cells[at] * 255.0).round() as u8);
    let data = (0..shares[0].cells.len()).flat_map(cell).collect();
    let (rows, cols) = (shares[0].rows as u32, shares[0].cols as u32);
    job.send_with(Event::Contrasted { contrast: contrast(id, a, b), rows, cols, data: BlobId(0) }, vec![data]);
}

fn contrast(id: ParamId, a: &Mask, b: &Mask) -> Contrasted {
    let count = |word: fn(u64, u64) -> u64| {
        a.words().iter().zip(b.words()).map(|(a, b)| u64::from(word(*a, *b).count_ones())).sum::<u64>()
    };
    let (kept, only_a, only_b) = (count(|a, b| a & b), count(|a, b| !a & b), count(|a, b| a & !b));
    let of = a.len() as u64;
    Contrasted { param: id.0, both: of - kept - only_a - only_b, only_a, only_b, of }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_counted_once() {
        let mask = |gone: fn(usize) -> bool| Mask::from_kept((0..70).map(|at| !gone(at)));
        let (a, b) = (mask(|at| at < 10), mask(|at| (4..68).contains(&at)));
        let told = contrast(ParamId(3), &a, &b);
        assert_eq!(told, Contrasted { param: 3, both: 6, only_a: 4, only_b: 58, of: 70 });
        let swapped = contrast(ParamId(3), &b, &a);
        assert_eq!((swapped.only_a, swapped.only_b), (told.only_b, told.only_a));
    }
}
