use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use secateur_exec::rng::Rng;
use secateur_exec::train::Leaf;
use secateur_exec::{ExecError, Gates, Value};
use secateur_graph::Graph;
use secateur_graph::groups::GateSite;

use super::{Kind, Row};

/// Gates with Gaussian noise (Dai et al., 2018; Dutta et al., 2024): a unit whose noise drowns its signal goes. Learnt are the
/// mean and the logarithm of the variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bottleneck {
    /// How sharply the probability of staying follows from the logarithm of the ratio of noise to signal.
    pub steepness: f32,
    /// The gates' learning rate, in those of the training.
    pub rate: f64,
}

/// Keeps logarithms and ratios of what is 0 finite, as in the authors' code.
const TINY: f32 = 1e-8;

/// mean^2 / variance of each gate [units]; the penalty is 1/2 ln(1 + signal).
pub fn signal(parts: &[Tensor<1>]) -> Tensor<1> {
    parts[0].clone().square() / (parts[1].clone().exp() + TINY)
}

impl Bottleneck {
    /// ln of the ratio of noise to signal: a gate stays where this is below 0.
    pub fn drowned(parts: &[f32]) -> f32 {
        parts[1] - (parts[0] * parts[0] + TINY).ln()
    }
}

impl Kind for Bottleneck {
    fn start(&self, units: usize, rng: &mut Rng) -> Vec<(&'static str, Vec<f32>)> {
        let mut around = |middle: f32| (0..units).map(|_| middle + 0.01 * rng.normal()).collect();
        vec![("mean", around(1.0)), ("log_variance", around(-9.0))]
    }

    fn leaf(&self, value: Value) -> Leaf {
        Leaf::new(value, self.rate)
    }

    fn open(
        &self,
        gates: &mut Gates,
        graph: &Graph,
        row: &Row,
        parts: &[Tensor<1>],
        draws: &mut Rng,
    ) -> Result<(), ExecError> {
        gates.open_at(graph, &row.group, &row.sites, parts[0].clone());
        // Where a norm measures the features, their noise comes in there and nowhere else.
        let norms: Vec<GateSite> = row.sites.iter().filter(|site| is_norm(graph, site)).cloned().collect();
        let sites = if norms.is_empty() { &row.sites } else { &norms };
        gates.waver_at(sites, &(parts[1].clone() / 2.0).exp(), draws.below(usize::MAX) as u64);
        Ok(())
    }

    fn kept(&self, parts: &[Tensor<1>]) -> Tensor<1> {
        let strength = (parts[0].clone().square() + TINY).log();
        sigmoid((strength - parts[1].clone()) * self.steepness)
    }

    /// As it is written to the weights.
    fn settled(&self, parts: &[f32]) -> f32 {
        if Self::drowned(parts) < 0.0 { parts[0] } else { 0.0 }
    }
}

fn is_norm(graph: &Graph, site: &GateSite) -> bool {
    super::fold::is_norm(&graph.node(site.reader).op)
}
