use burn::tensor::activation::sigmoid;
use burn::tensor::{Tensor, TensorData};
use secateur_exec::rng::Rng;
use secateur_exec::train::Leaf;
use secateur_exec::{ExecError, Gates, Value};
use secateur_graph::Graph;
use secateur_kernels::gate::{Stretch, hard_concrete};

use super::{Kind, Row};

/// Hard concrete gates (Louizos et al., 2018, equations 10 to 13): exactly 0 and exactly 1 both have a probability of their
/// own, and the rest is in between. Learnt is log alpha.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardConcrete {
    pub stretch: Stretch,
    /// Draws u become (u + calm) / (1 + 2 calm), which leaves out the rare ones: 0 leaves them as they are (EcoDiff's
    /// `masking_eps`).
    pub calm: f32,
    /// Around which log alpha begins, with a standard deviation of 0.01.
    pub start: f32,
    /// Log alpha stays within these.
    pub bounds: Option<(f32, f32)>,
    /// Its learning rate, in those of the training.
    pub rate: f64,
}

impl HardConcrete {
    /// ln(100): beyond, a gate would hardly move any more.
    pub const FAR: f32 = 4.605_17;

    /// Added to log alpha it gives the logit of being open: - beta ln(- gamma / zeta).
    fn lean(&self) -> f32 {
        let Stretch { beta, gamma, zeta } = self.stretch;
        -beta * (-gamma / zeta).ln()
    }

    /// The probability that a gate is not exactly 0 (equation 12).
    pub fn open_probability(&self, log_alpha: f32) -> f32 {
        1.0 / (1.0 + (-log_alpha - self.lean()).exp())
    }

    /// Gates for draws from 0 to 1, one for each log alpha.
    pub fn sample(&self, log_alpha: Tensor<1>, draws: Vec<f32>) -> Result<Tensor<1>, ExecError> {
        let calm: Vec<f32> = draws.into_iter().map(|u| (u + self.calm) / (1.0 + 2.0 * self.calm)).collect();
        let data = TensorData::new(calm, log_alpha.dims());
        let draw = Tensor::from_data(data, &log_alpha.device());
        Ok(hard_concrete(log_alpha, draw, self.stretch)?)
    }

    /// How many of these gates are expected to be exactly 0.
    pub fn expected_closed(&self, log_alpha: &[f32]) -> f64 {
        log_alpha.iter().map(|value| 1.0 - f64::from(self.open_probability(*value))).sum::<f64>().round()
    }
}

impl Kind for HardConcrete {
    fn start(&self, units: usize, rng: &mut Rng) -> Vec<(&'static str, Vec<f32>)> {
        vec![("log_alpha", (0..units).map(|_| self.start + 0.01 * rng.normal()).collect())]
    }

    fn leaf(&self, value: Value) -> Leaf {
        let leaf = Leaf::new(value, self.rate);
        match self.bounds {
            Some((low, high)) => leaf.within(low, high),
            None => leaf,
        }
    }

    fn open(
        &self,
        gates: &mut Gates,
        graph: &Graph,
        row: &Row,
        parts: &[Tensor<1>],
        draws: &mut Rng,
    ) -> Result<(), ExecError> {
        let draws = (0..row.group.units).map(|_| draws.uniform()).collect();
        gates.open_at(graph, &row.group, &row.sites, self.sample(parts[0].clone(), draws)?);
        Ok(())
    }

    fn kept(&self, parts: &[Tensor<1>]) -> Tensor<1> {
        sigmoid(parts[0].clone() + self.lean())
    }

    /// Without the temperature (Louizos et al., 2018, equation 13).
    fn settled(&self, parts: &[f32]) -> f32 {
        let Stretch { gamma, zeta, .. } = self.stretch;
        ((zeta - gamma) / (1.0 + (-parts[0]).exp()) + gamma).clamp(0.0, 1.0)
    }
}
