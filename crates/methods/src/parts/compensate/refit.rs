use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ndarray::{Array2, Axis};
use secateur_exec::{Change, Gathered, Grams, Value, calibrate, shared_inputs};
use secateur_graph::{Axis as ParamAxis, Mask, Masks, ParamId};

use super::Products;
use super::inverse::inverse_factor;
use crate::lab::Samples;
use crate::{Lab, MethodError};

/// Fits the columns that stay of every weight to the layer's outputs before its inputs went: W_K + W_P H_PK H_KK⁻¹
/// (Wang et al., 2024: the Optimal Brain Surgeon's update of a whole set), block after block. `masks`: of whole units.
///
/// What makes a unit is only cut in the end, where the masks are applied: until then those who lose it can still be fitted.
pub(crate) async fn refit_units(
    lab: &Lab<'_>,
    samples: Samples,
    sequential: bool,
    masks: &Masks,
) -> Result<BTreeMap<ParamId, Value>, MethodError> {
    let gone = gone_columns(lab, masks);
    let shared = shared_inputs(lab.graph);
    let visit = async |_: u32, grams: &Gathered<Grams>| {
        let mut change = Change::default();
        let mut products: BTreeMap<ParamId, Products> = BTreeMap::new();
        for (id, gram) in grams.iter().filter(|(id, _)| gone.contains_key(id)) {
            let param = lab.graph.param(*id);
            let first = shared[id];
            if let Entry::Vacant(place) = products.entry(first) {
                place.insert(Products::read(gram, samples.count).await?);
            }
            let numbers = lab.params.get(lab.graph, *id)?.read().await?;
            let weight = Array2::from_shape_fn(param.matrix(), |(i, j)| f64::from(numbers[i * param.matrix().1 + j]));
            let refitted = refit(weight, &products[&first], &gone[id]);
            let refitted = refitted.ok_or_else(|| MethodError::Singular { name: param.name.clone() })?;
            let numbers = refitted.iter().map(|x| *x as f32).collect();
            change.values.insert(*id, Value::upload(lab.compute, &param.shape(), numbers)?);
        }
        Ok::<_, MethodError>(change)
    };
    let calibration = lab.calibration_on(samples.count)?;
    let change =
        calibrate::<Grams, _>(lab.compute, lab.graph, lab.params, calibration, sequential, lab.meter, visit).await?;
    Ok(change.values)
}

/// For each weight that loses some and keeps some of its inputs, which columns of its matrix go.
fn gone_columns(lab: &Lab<'_>, masks: &Masks) -> BTreeMap<ParamId, Vec<bool>> {
    let columns = |(id, mask): (ParamId, &Mask)| {
        let param = lab.graph.param(id);
        param.dims.iter().find(|dim| dim.axis == ParamAxis::In)?;
        let (rows, cols) = param.matrix();
        let gone: Vec<bool> = (0..cols).map(|col| (0..rows).all(|row| !mask.is_kept(row * cols + col))).collect();
        (gone.contains(&true) && gone.contains(&false)).then_some((id, gone))
    };
    masks.iter().filter_map(columns).collect()
}

/// The weight [R, C] with the `gone` columns at 0 and the others fitted. None where the products of the columns that stay
/// cannot be inverted.
pub(crate) fn refit(mut weight: Array2<f64>, products: &Products, gone: &[bool]) -> Option<Array2<f64>> {
    let split = |want: bool| (0..gone.len()).filter(|col| gone[*col] == want).collect::<Vec<_>>();
    let (stay, go) = (split(false), split(true));
    let among_stay = products.matrix.select(Axis(0), &stay);
    let factor = inverse_factor(among_stay.select(Axis(1), &stay).view())?;
    let share = factor.t().dot(&factor.dot(&among_stay.select(Axis(1), &go)));
    let moved = weight.select(Axis(1), &go).dot(&share.t());
    if moved.iter().any(|x| !x.is_finite()) {
        return None;
    }
    stay.iter().zip(moved.columns()).for_each(|(col, moved)| {
        let mut column = weight.column_mut(*col);
        column += &moved;
    });
    go.iter().for_each(|col| weight.column_mut(*col).fill(0.0));
    Some(weight)
}

#[cfg(test)]
mod tests {
    use ndarray::s;

    use super::*;

    /// The fitted outputs are as near to the dense ones as any: what is left of the error has no part in the inputs that
    /// stay, but for the damping.
    #[test]
    fn no_other_weights_come_nearer() {
        let x =
            Array2::from_shape_fn((90, 12), |(i, j)| ((i * 31 + j * 17 + i * j) % 29) as f64 - 14.0 + (i % 5) as f64);
        let weight = Array2::from_shape_fn((4, 12), |(i, j)| (i as f64 - 1.3) * (j as f64 - 5.1) / 7.0);
        let mut products = Products::new(x.t().dot(&x), 2);
        products.matrix = x.t().dot(&x);
        let gone: Vec<bool> = (0..12).map(|col| col % 3 == 0).collect();
        let fitted = refit(weight.clone(), &products, &gone).unwrap();
        let error = x.dot(&(&weight - &fitted).t());
        for (col, gone) in gone.into_iter().enumerate() {
            let part = x.column(col).dot(&error).mapv(f64::abs).sum();
            assert_eq!(part < 1e-6, !gone, "column {col}: {part}");
            assert!(!gone || fitted.slice(s![.., col]).iter().all(|x| *x == 0.0));
        }
    }
}
