use secateur_exec::Meter;
use secateur_formats::ReadAt;
use secateur_graph::{Mask, ParamId, Role};
use secateur_protocol::{BlobId, Event, HeatKind, Unit};

use crate::Host;
use crate::desk::Job;
use crate::session::Session;
use crate::stop::Stop;

/// Sends a picture of each parameter, shrunk to at most `side` cells each way.
pub(crate) async fn run<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    params: &[u32],
    kind: HeatKind,
    side: u32,
) -> Result<(), Stop> {
    if side == 0 {
        return Err(Stop::because("a heat map needs at least one cell each way, got side = 0"));
    }
    for (done, param) in params.iter().enumerate() {
        let graph = &session.open()?.checkpoint.model.graph;
        if *param as usize >= graph.params.len() {
            let last = graph.params.len().saturating_sub(1);
            return Err(Stop::because(format!("there is no parameter {param}; they go from 0 to {last}")));
        }
        let id = ParamId(*param);
        let (rows, cols) = graph.param(id).matrix();
        let values = values(session, id, kind).await?;
        let picture = shrink(&values, rows, cols, side as usize);
        job.send_with(
            Event::Heat { param: *param, kind, rows: picture.rows as u32, cols: picture.cols as u32, data: BlobId(0) },
            vec![picture.cells.iter().flat_map(|cell| cell.to_le_bytes()).collect()],
        );
        job.tick(done as u64 + 1, params.len() as u64, Unit::Layers).await?;
    }
    Ok(())
}

/// What the picture shows, entry by entry.
async fn values<F: ReadAt>(session: &mut Session<F>, id: ParamId, kind: HeatKind) -> Result<Vec<f32>, Stop> {
    if kind == HeatKind::Mask {
        let open = session.open()?;
        let full = Mask::full(open.checkpoint.model.graph.param(id).len());
        return Ok(open.mask(id).unwrap_or(&full).to_f32());
    }
    let (compute, open) = session.ready()?;
    let scores = open.scores.clone();
    let (model, weights) = open.parts()?;
    let scored = kind == HeatKind::Importance && model.graph.param(id).role == Role::Weight;
    if let Some(scores) = scores.filter(|_| scored) {
        return Ok(scores.of(compute, &model.graph, &weights.dense, id).await?);
    }
    let values = weights.dense.read(&model.graph, id).await?;
    Ok(values.into_iter().map(f32::abs).collect())
}

pub(super) struct Picture {
    pub rows: usize,
    pub cols: usize,
    pub cells: Vec<f32>,
}

/// Shrinks a matrix to at most `side` cells each way; each cell is the mean of what it covers.
pub(super) fn shrink(values: &[f32], rows: usize, cols: usize, side: usize) -> Picture {
    let (high, wide) = (rows.min(side), cols.min(side));
    let mut cells = Vec::with_capacity(high * wide);
    for y in 0..high {
        for x in 0..wide {
            let (top, bottom) = (y * rows / high, (y + 1) * rows / high);
            let (left, right) = (x * cols / wide, (x + 1) * cols / wide);
            let sum: f64 =
                (top..bottom).flat_map(|row| &values[row * cols..][left..right]).map(|v| f64::from(*v)).sum();
            cells.push((sum / ((bottom - top) * (right - left)) as f64) as f32);
        }
    }
    Picture { rows: high, cols: wide, cells }
}

#[cfg(test)]
mod tests {
    use super::shrink;

    #[test]
    fn a_cell_is_the_mean_of_what_it_covers() {
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let picture = shrink(&values, 3, 4, 2);
        assert_eq!((picture.rows, picture.cols), (2, 2));
        assert_eq!(picture.cells, [0.5, 2.5, 6.5, 8.5]);
    }

    #[test]
    fn a_small_matrix_stays_as_it_is() {
        let values = [1.0, 2.0, 3.0];
        let picture = shrink(&values, 1, 3, 64);
        assert_eq!((picture.rows, picture.cols, picture.cells), (1, 3, values.to_vec()));
    }
}
