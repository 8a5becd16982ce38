use burn::tensor::{Int, Tensor, TensorData};
use secateur_graph::surgery::{Slices, Surgery};

use crate::value::each_rank;
use crate::{Compute, ExecError, Params, Value};

impl Params {
    /// The parameters of a smaller model, of which these are the whole one's.
    pub fn cut(&self, compute: &Compute, surgery: &Surgery) -> Result<Self, ExecError> {
        let mut values = Vec::new();
        for (param, slices) in surgery.graph.params.iter().zip(&surgery.params) {
            let whole = self.values[slices.from.0 as usize].clone();
            let whole = whole.ok_or_else(|| ExecError::Missing { name: param.name.clone() })?;
            values.push(Some(sliced(compute, whole, slices)));
        }
        Ok(Self { own_dense: self.own_dense, ..Self::of(values) })
    }
}

fn sliced(compute: &Compute, whole: Value, slices: &Slices) -> Value {
    let kept = slices.kept.iter().enumerate().filter_map(|(axis, kept)| Some((axis, kept.as_ref()?)));
    kept.fold(whole, |value, (axis, kept)| {
        let places: Vec<i32> = kept.iter().map(|at| *at as i32).collect();
        let places = TensorData::new(places, [kept.len()]);
        let places = Tensor::<1, Int>::from_data(places, compute.device());
        each_rank!(value, tensor -> tensor.select(axis, places))
    })
}
