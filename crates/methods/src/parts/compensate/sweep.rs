use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayViewMut2, Axis, s};
use secateur_exec::{Change, Gathered, Grams, Value, calibrate};
use secateur_graph::{Mask, MaskError, ParamId, select};
use secateur_kernels::simd::{on_threads, threads};

use super::Inverse;
use crate::lab::Samples;
use crate::parts::Cut;
use crate::{Lab, MethodError};

/// Columns whose effect on all later ones is put off and taken together as one product.
const BLOCK: usize = 128;

/// What goes of a weight.
pub(crate) enum Chosen {
    /// As the sweep finds it on its way: so many of each block of columns, by the saliencies at that time.
    OnTheWay(Cut),
    Before(Mask),
}

/// What a sweep makes of a weight.
pub(crate) struct Swept {
    pub mask: Mask,
    /// [R, C]
    pub weight: Array2<f32>,
    /// The saliencies that weights were chosen by, [R, C].
    pub saliency: Array2<f32>,
}

/// Prunes every weight and lets those right of a pruned one make up for it (SparseGPT, Frantar & Alistarh, 2023,
/// algorithm 1), block after block of the network; see [`calibrate`] for `sequential`. `seen` is shown what every weight's
/// saliencies came of, and them.
pub(crate) async fn sweep_all(
    lab: &Lab<'_>,
    samples: Samples,
    sequential: bool,
    chosen: impl Fn(ParamId) -> Chosen,
    mut seen: impl FnMut(ParamId, &Inverse, Array2<f32>),
) -> Result<Change, MethodError> {
    let visit = async |_: u32, grams: &Gathered<Grams>| {
        let inverses = Inverse::of_all(lab.graph, grams, samples.count).await?;
        let mut change = Change::default();
        for (id, inverse) in &inverses {
            let param = lab.graph.param(*id);
            let dense = lab.params.get(lab.graph, *id)?;
            let weight = Array2::from_shape_vec(param.matrix(), dense.read().await?);
            let weight = weight.expect("a parameter has as many entries as its matrix");
            let wrong = |error| MethodError::Layer { name: param.name.clone(), error };
            let swept = sweep(weight, inverse, chosen(*id)).map_err(wrong)?;
            change.masks.set(lab.graph, *id, swept.mask)?;
            let numbers = swept.weight.into_raw_vec_and_offset().0;
            change.values.insert(*id, Value::upload(lab.compute, &param.shape(), numbers)?);
            seen(*id, inverse, swept.saliency);
        }
        Ok::<_, MethodError>(change)
    };
    let calibration = lab.calibration_on(samples.count)?;
    calibrate::<Grams, _>(lab.compute, lab.graph, lab.params, calibration, sequential, lab.meter, visit).await
}

/// One weight [R, C], from left to right.
pub(crate) fn sweep(mut weight: Array2<f32>, inverse: &Inverse, chosen: Chosen) -> Result<Swept, MaskError> {
    if let Some(at) = weight.iter().position(|weight| !weight.is_finite()) {
        return Err(MaskError::NotANumber { at });
    }
    let (rows, cols) = weight.dim();
    for (col, _) in inverse.dead.iter().enumerate().filter(|(_, dead)| **dead) {
        weight.column_mut(col).fill(0.0);
    }
    let upper = inverse.upper.mapv(|x| x as f32);
    let mut kept = Array2::from_elem((rows, cols), true);
    let mut saliency = Array2::zeros((rows, cols));
    // Groups of N:M lie within a block.
    let block = if let Chosen::OnTheWay(Cut::NOfM { m, .. }) = chosen { BLOCK / m * m } else { BLOCK };
    for start in (0..cols).step_by(block) {
        let end = cols.min(start + block);
        let mut now = weight.slice(s![.., start..end]).to_owned();
        now.zip_mut_with(&upper.diag().slice(s![start..end]), |w, u| *w = (*w / u).powi(2));
        saliency.slice_mut(s![.., start..end]).assign(&now);
        let groups = choose(&chosen, &now, (start, cols), kept.slice_mut(s![.., start..end]))?;
        let rows = rows.div_ceil(threads()).max(1);
        let parts = weight.axis_chunks_iter_mut(Axis(0), rows).zip(kept.axis_chunks_iter_mut(Axis(0), rows));
        let parts = parts.zip(saliency.axis_chunks_iter_mut(Axis(0), rows)).collect();
        on_threads(parts, |((mut weight, kept), saliency)| {
            let errors = settle(&mut weight, &upper, (start, end), groups, kept, saliency);
            let (_, mut rest) = weight.split_at(Axis(1), end);
            general_mat_mul(-1.0, &errors, &upper.slice(s![start..end, end..]), 1.0, &mut rest);
        });
    }
    let mask = Mask::from_kept(kept.into_iter().collect::<Vec<_>>().into_iter());
    Ok(Swept { mask, weight, saliency })
}

/// Marks what goes of a block of columns that begins at `start`. Where it is N of M, that depends on what happens on the
/// way, and (n, m) comes back.
fn choose(
    chosen: &Chosen,
    saliency: &Array2<f32>,
    (start, cols): (usize, usize),
    mut kept: ArrayViewMut2<'_, bool>,
) -> Result<Option<(usize, usize)>, MaskError> {
    let (rows, wide) = saliency.dim();
    // Rounded so that the blocks' shares add up.
    let share = |k: usize| k * (start + wide) / cols - k * start / cols;
    let numbers = saliency.as_slice().expect("a copy is in one piece");
    let mask = match chosen {
        Chosen::OnTheWay(Cut::NOfM { n, m }) => return Ok(Some((*n, *m))),
        Chosen::OnTheWay(Cut::Lowest { k }) => select::prune_lowest(&[numbers], share(*k))?.remove(0),
        Chosen::OnTheWay(Cut::PerRow { k }) => select::prune_rows(numbers, wide, share(*k))?,
        Chosen::OnTheWay(Cut::Blocks { .. }) => unreachable!("blocks are chosen before"),
        Chosen::Before(mask) => {
            kept.indexed_iter_mut().for_each(|((row, col), kept)| *kept = mask.is_kept(row * cols + start + col));
            return Ok(None);
        }
    };
    for row in 0..rows {
        (0..wide).for_each(|col| kept[[row, col]] = mask.is_kept(row * wide + col));
    }
    Ok(None)
}

/// Sets what goes in a block of some rows' columns to 0 and lets the columns right of it in the block make up for it. Returns by how
/// much each entry was wrong, in units of U's diagonal, [R, columns].
fn settle(
    weight: &mut ArrayViewMut2<'_, f32>,
    upper: &Array2<f32>,
    (start, end): (usize, usize),
    groups: Option<(usize, usize)>,
    mut kept: ArrayViewMut2<'_, bool>,
    mut saliency: ArrayViewMut2<'_, f32>,
) -> Array2<f32> {
    let mut errors = Array2::zeros((weight.nrows(), end - start));
    let (numbers, cols) = (upper.as_slice().expect("a matrix of its own is in one piece"), upper.ncols());
    for (row, mut weight) in weight.rows_mut().into_iter().enumerate() {
        let weight = weight.as_slice_mut().expect("a matrix of its own is in one piece");
        for col in start..end {
            if let Some((n, m)) = groups.filter(|(_, m)| col.is_multiple_of(*m) && col + m <= end) {
                let now: Vec<f32> = (col..col + m).map(|at| (weight[at] / upper[[at, at]]).powi(2)).collect();
                let mut order: Vec<usize> = (0..m).collect();
                order.sort_by(|a, b| now[*a].total_cmp(&now[*b]));
                order[..m - n].iter().for_each(|at| kept[[row, col + at]] = false);
                (0..m).for_each(|at| saliency[[row, col + at]] = now[at]);
            }
            if kept[[row, col]] {
                continue;
            }
            let share = &numbers[col * cols..][..cols];
            let error = weight[col] / share[col];
            weight[col] = 0.0;
            weight[col + 1..end]
                .iter_mut()
                .zip(&share[col + 1..end])
                .for_each(|(weight, share)| *weight -= error * share);
            errors[[row, col - start]] = error;
        }
    }
    errors
}
