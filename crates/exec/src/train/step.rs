use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Bool, Tensor, TensorData};
use secateur_graph::{Graph, Masks, Role};

use super::{State, Target, TrainSpec};
use crate::forward::forward_learning;
use crate::value::each_rank;
use crate::{Compute, ExecError, Inputs, Params, Value};

/// A training's state and what it takes to make a step.
pub(super) struct Learner<'a> {
    graph: &'a Graph,
    pub(super) state: State,
    pruned: Vec<Option<Tensor<1, Bool>>>,
    decaying: AdamW,
    steady: AdamW,
    average: Option<f64>,
}

impl<'a> Learner<'a> {
    pub(super) fn new(
        compute: &Compute,
        graph: &'a Graph,
        state: State,
        masks: &Masks,
        spec: &TrainSpec,
    ) -> Result<Self, ExecError> {
        let adamw = |decay| AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(decay).build();
        let mut pruned = vec![None; graph.params.len()];
        for (id, mask) in masks.iter() {
            let entries: Vec<bool> = (0..mask.len()).map(|at| !mask.is_kept(at)).collect();
            let entries = TensorData::new(entries, [mask.len()]);
            pruned[id.0 as usize] = Some(Tensor::from_data(entries, compute.device()));
        }
        let params = state.params.masked(compute, graph, masks)?;
        Ok(Self {
            graph,
            state: State { params, ..state },
            pruned,
            decaying: adamw(spec.weight_decay),
            steady: adamw(0.0),
            average: spec.average,
        })
    }

    /// One step down the gradient of the loss. Returns the loss before it.
    pub(super) async fn step(&mut self, inputs: Inputs, target: Target, lr: f64) -> Result<f32, ExecError> {
        let tracked = self.state.params.tracked();
        let (answers, statistics) = forward_learning(self.graph, &tracked, inputs)?;
        let loss = target.loss(self.graph, answers)?;
        let mut gradients = loss.backward();
        for (at, leaf) in tracked.values.iter().enumerate() {
            let learned = self.graph.params[at].role != Role::Statistic;
            let gradient = leaf.as_ref().filter(|_| learned).and_then(|leaf| leaf.take_gradient(&mut gradients));
            if let Some(gradient) = gradient {
                self.update(at, each_rank!(gradient, gradient => flat(gradient)), lr);
            }
        }
        for (id, value) in statistics {
            self.state.params.values[id.0 as usize] = Some(value);
        }
        self.follow();
        Ok(Value::R1(loss.inner()).read().await?[0])
    }

    /// Moves one parameter and sets its pruned entries back to 0.
    fn update(&mut self, at: usize, gradient: Tensor<1>, lr: f64) {
        let steps = self.state.losses.len();
        let State { params, moments: [first, second], .. } = &mut self.state;
        let [params, first, second] = [params, first, second].map(|of: &mut Params| &mut of.values);
        let Some(value) = params[at].take() else { return };
        let moments = remembered(steps, first[at].take(), second[at].take());
        let optimizer = if self.graph.params[at].role == Role::Weight { &self.decaying } else { &self.steady };
        let pruned = self.pruned[at].clone();
        let moved = each_rank!(value, tensor -> {
            let shape = tensor.dims();
            let (mut moved, moments) = optimizer.step(lr, flat(tensor), gradient, moments);
            if let Some(AdamWState { momentum }) = moments {
                first[at] = Some(Value::R1(momentum.moment_1));
                second[at] = Some(Value::R1(momentum.moment_2));
            }
            if let Some(pruned) = pruned {
                moved = moved.mask_fill(pruned, 0.0);
            }
            moved.reshape(shape)
        });
        params[at] = Some(moved);
    }

    /// Lets the running mean follow the parameters. In the first steps it forgets faster: it should not remember how
    /// they began.
    fn follow(&mut self) {
        let Some(decay) = self.average else { return };
        let steps = self.state.losses.len() as f64 + 1.0;
        let decay = decay.min(steps / (steps + 9.0));
        for (mean, value) in self.state.average.values.iter_mut().zip(&self.state.params.values) {
            *mean = match (mean.take(), value) {
                (Some(mean), Some(value)) => Some(mixed(mean, value, decay)),
                _ => value.clone(),
            };
        }
    }
}

/// What AdamW remembers of a parameter after so many steps.
fn remembered(steps: usize, first: Option<Value>, second: Option<Value>) -> Option<AdamWState<1>> {
    let [moment_1, moment_2] = [first?, second?].map(|moment| each_rank!(moment, moment => flat(moment)));
    Some(AdamWState::new(AdaptiveMomentumState { time: steps, moment_1, moment_2, max_moment_2: None }))
}

/// mean * decay + value * (1 - decay); both have one shape.
fn mixed(mean: Value, value: &Value, decay: f64) -> Value {
    each_rank!(mean, mean -> {
        let value = each_rank!(value.clone(), value => value.reshape(mean.dims()));
        mean * decay + value * (1.0 - decay)
    })
}

/// All entries one after the other: updates go entry by entry.
pub(super) fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let entries = tensor.dims().iter().product::<usize>();
    tensor.reshape([entries])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Means of a gradient that is always the same are that gradient, from the first step on: each step goes as far as
    /// the learning rate says.
    #[test]
    fn what_adamw_remembers_is_put_together_again() {
        let optimizer = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.0).build();
        let compute = Compute::cpu("a test".into());
        let row = |values: [f32; 2]| Tensor::<1>::from_data(values, compute.device());
        let (mut value, mut first, mut second) = (row([0.0, 0.0]), None, None);
        for step in 0..5 {
            let moments = remembered(step, first, second);
            let (moved, moments) = optimizer.step(0.1, value, row([3.0, -0.02]), moments);
            let momentum = moments.unwrap().momentum;
            (value, first, second) = (moved, Some(Value::R1(momentum.moment_1)), Some(Value::R1(momentum.moment_2)));
        }
        let value = pollster::block_on(Value::R1(value).read()).unwrap();
        assert!((value[0] + 0.5).abs() < 1e-5 && (value[1] - 0.5).abs() < 1e-5, "{value:?}");
    }
}
