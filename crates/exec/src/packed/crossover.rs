use burn::tensor::Tensor;
use secateur_graph::Mask;

use super::Kind;
use crate::bench::finished;
use crate::evaluate::{Multiply, product};
use crate::{Compute, ExecError};

/// Which products pay on a device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crossover {
    /// Our own dense kernel on a GPU, rather than the library's.
    pub(crate) own_dense: bool,
    /// What the products of each layout cost, in the time of the dense product and for each entry that they read. Which
    /// layout pays for a weight follows from it and from a mask.
    costs: Vec<(Kind, f64)>,
}

/// Samples of the measured product.
const SAMPLES: usize = 64;
/// Inputs and outputs of the measured product, at first and at most.
const SIDES: [usize; 2] = [256, 1024];
/// What takes so long, on the CPU and on a GPU, is measured well enough. Waiting for a GPU takes milliseconds in browsers.
const LONG_MS: [f64; 2] = [1.0, 20.0];
/// Products between two looks at the clock, at most.
const MOST_RUNS: usize = 64;
const REPEATS: usize = 3;
/// A layout must win by so much, in times of the dense product.
const WORTH_IT: f64 = 0.95;

impl Crossover {
    /// Takes some milliseconds, or a second on a software GPU. `now_ms` is a clock.
    pub async fn measure(compute: &Compute, now_ms: impl Fn() -> f64) -> Result<Self, ExecError> {
        let gpu = compute.adapter().gpu;
        let dense_ms = async |side: usize, runs: usize, multiply: Multiply<'_>| {
            let (x, weight) = (halves(compute, [SAMPLES, side]), halves(compute, [side, side]));
            best(&now_ms, runs, || Some(product(x.clone(), weight.clone(), multiply, None))).await
        };
        let (mut side, mut runs) = (SIDES[0], 1);
        let usual_ms = loop {
            let ms = dense_ms(side, runs, Multiply::Usual).await?;
            match () {
                () if ms >= LONG_MS[usize::from(gpu)] => break ms,
                () if side < SIDES[1] => side *= 2,
                () if runs < MOST_RUNS => runs *= 2,
                () => break ms,
            }
        };
        let own_ms = if gpu { dense_ms(side, runs, Multiply::OwnDense).await? } else { usual_ms };
        let own_dense = own_ms < WORTH_IT * usual_ms;
        let dense_ms = own_ms.min(usual_ms);
        let mut costs = Vec::new();
        let x = halves(compute, [SAMPLES, side]);
        for kind in Kind::all(gpu) {
            let mask = Mask::from_kept((0..side * side).map(|at| kind.keeps(at)));
            let weight: Vec<f32> = mask.to_f32().iter().map(|kept| kept / 2.0).collect();
            let packed = kind.pack(&weight, &mask, [side, side], compute.device());
            let (Some(packed), Some(share)) = (packed, kind.share(&mask, [side, side])) else { continue };
            let times = best(&now_ms, runs, || packed.product(&x, None)).await? / dense_ms;
            if times.is_finite() {
                // What is won by laying out a whole weight once, the dense model could have too.
                let times = if share == 1.0 { times.max(1.0) } else { times };
                costs.push((kind, times / share));
            }
        }
        Ok(Self { own_dense, costs })
    }

    #[cfg(test)]
    pub(crate) fn of(costs: &[(Kind, f64)]) -> Self {
        Self { own_dense: false, costs: costs.to_vec() }
    }

    #[cfg(test)]
    pub(crate) fn cost(&self, of: Kind) -> Option<f64> {
        self.costs.iter().find(|(kind, _)| *kind == of).map(|(_, cost)| *cost)
    }

    /// The cheapest layout of a weight [outputs, inputs] under a mask, if it is cheaper than the dense one.
    pub(crate) fn pick(&self, mask: &Mask, shape: [usize; 2]) -> Option<Kind> {
        let times = |(kind, cost): &(Kind, f64)| Some((*kind, cost * kind.share(mask, shape)?));
        let cheapest = self.costs.iter().filter_map(times).min_by(|a, b| a.1.total_cmp(&b.1));
        cheapest.filter(|(_, times)| *times < WORTH_IT).map(|(kind, _)| kind)
    }
}

fn halves(compute: &Compute, shape: [usize; 2]) -> Tensor<2> {
    Tensor::full(shape, 0.5, compute.device())
}

/// The shortest of some times of so many runs, after one that warms up.
async fn best(
    now_ms: &impl Fn() -> f64,
    runs: usize,
    product: impl Fn() -> Option<Tensor<2>>,
) -> Result<f64, ExecError> {
    let mut best = f64::INFINITY;
    for repeat in 0..=REPEATS {
        let start_ms = now_ms();
        let Some(y) = (0..runs).map(|_| product()).last().flatten() else { break };
        finished(y).await?;
        if repeat > 0 {
            best = best.min(now_ms() - start_ms);
        }
    }
    Ok(best)
}
