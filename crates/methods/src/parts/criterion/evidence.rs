use burn::tensor::Tensor;
use secateur_exec::{
    Change, Compute, Gathered, GradMoment, Gradients, Grams, Moments, Params, Squares, Sums, calibrate,
};
use secateur_graph::{Graph, ParamId};

use super::vector;
use crate::lab::{Samples, mean};
use crate::parts::compensate::Inverse;
use crate::{Lab, MethodError};

/// One number for each input column of a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// Mean over the samples of the sum of squares over tokens or places.
    Squares,
    /// Variance over all tokens or places.
    Variances,
    /// The diagonal of the inverse of (2 / samples) XᵀX, damped; see [`Inverse`].
    InverseDiagonal,
}

/// What is known of a weight.
pub struct Evidence<'a> {
    pub compute: &'a Compute,
    pub graph: &'a Graph,
    pub params: &'a Params,
    pub id: ParamId,
    pub seed: u64,
    /// What the criterion needs of the inputs, by column.
    pub(crate) columns: Option<&'a [f32]>,
    pub(crate) gradients: Option<&'a Gradients>,
}

impl Evidence<'_> {
    /// The weight, [R, C].
    pub fn weight(&self) -> Result<Tensor<2>, MethodError> {
        Ok(self.params.get(self.graph, self.id)?.matrix(self.graph.param(self.id).matrix()))
    }

    /// What was gathered of the inputs, [C].
    pub fn columns(&self) -> Result<&[f32], MethodError> {
        let missing = || MethodError::NoStatistics { name: self.graph.param(self.id).name.clone() };
        self.columns.ok_or_else(missing)
    }

    /// [`Evidence::columns`] on the device.
    pub fn column_tensor(&self) -> Result<Tensor<1>, MethodError> {
        Ok(vector(self, self.columns()?))
    }

    /// Sum over the samples of a moment of the weight's gradient, [R, C]; zeros where no answer depends on it.
    pub fn gradient(&self, moment: GradMoment) -> Tensor<2> {
        let (rows, cols) = self.graph.param(self.id).matrix();
        let found = self.gradients.and_then(|gradients| gradients.get(self.graph, self.id, moment));
        found.unwrap_or_else(|| Tensor::zeros([rows, cols], self.compute.device()))
    }

    /// How many samples the gradients are of.
    pub fn samples(&self) -> f64 {
        self.gradients.map_or(1, |gradients| gradients.samples.max(1)) as f64
    }
}

/// Gathers what `columns` says block by block, see [`calibrate`], and hands each block's to `visit`.
pub(crate) async fn gather(
    lab: &Lab<'_>,
    columns: Columns,
    samples: Samples,
    sequential: bool,
    mut visit: impl AsyncFnMut(&Sums) -> Result<Change, MethodError>,
) -> Result<Change, MethodError> {
    let calibration = lab.calibration_on(samples.count)?;
    let Lab { compute, graph, params, meter, .. } = *lab;
    match columns {
        Columns::Squares => {
            let visit = async |_: u32, sums: &Sums| {
                visit(&sums.iter().map(|(id, sum)| (*id, mean(sum, samples.count))).collect()).await
            };
            calibrate::<Squares, _>(compute, graph, params, calibration, sequential, meter, visit).await
        }
        Columns::Variances => {
            let visit = async |_: u32, found: &Gathered<Moments>| {
                visit(&found.iter().map(|(id, of)| (*id, of.variance.clone())).collect()).await
            };
            calibrate::<Moments, _>(compute, graph, params, calibration, sequential, meter, visit).await
        }
        Columns::InverseDiagonal => {
            let visit = async |_: u32, found: &Gathered<Grams>| {
                let inverses = Inverse::of_all(graph, found, samples.count).await?;
                visit(&inverses.iter().map(|(id, of)| (*id, of.diagonal())).collect()).await
            };
            calibrate::<Grams, _>(compute, graph, params, calibration, sequential, meter, visit).await
        }
    }
}
