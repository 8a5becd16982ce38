use std::collections::{BTreeMap, BTreeSet};

use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer as _};
use burn::tensor::{Bool, Tensor, TensorData};
use secateur_graph::{Graph, Masks, ParamId, Role};

use super::state::Leaf;
use super::{Optimizer, State, TrainSpec};
use crate::value::each_rank;
use crate::{Compute, ExecError, Params, Value};

/// What gradients of a step's loss are, of the parameters and of what is learnt beside them.
#[derive(Clone, Debug)]
pub struct Slopes {
    /// With respect to the parameters; none where the loss does not follow from them. Entries that masks prune have one too.
    pub params: Params,
    pub extra: BTreeMap<String, Value>,
}

/// A training between the gradients of a step and the step: [`Learner::update`] makes it.
pub struct Learner<'a> {
    compute: &'a Compute,
    graph: &'a Graph,
    spec: &'a TrainSpec,
    /// None: all but running statistics.
    learned: Option<&'a BTreeSet<ParamId>>,
    /// Its last loss is that of the batch that `slopes` are of.
    pub state: State,
    pub slopes: Slopes,
    masks: Masks,
    pruned: Vec<Option<Tensor<1, Bool>>>,
    adamw: [AdamW; 2],
}

impl<'a> Learner<'a> {
    pub(super) fn new(
        compute: &'a Compute,
        graph: &'a Graph,
        spec: &'a TrainSpec,
        learned: Option<&'a BTreeSet<ParamId>>,
        state: State,
        masks: &Masks,
    ) -> Result<Self, ExecError> {
        let adamw = |decay| AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(decay).build();
        let slopes = Slopes { params: Params::empty(graph), extra: BTreeMap::new() };
        let pruned = vec![None; graph.params.len()];
        let adamw = [adamw(0.0), adamw(spec.weight_decay)];
        let masked = Masks::default();
        let mut learner = Self { compute, graph, spec, learned, state, slopes, masks: masked, pruned, adamw };
        learner.prune(masks)?;
        Ok(learner)
    }

    /// Whether a parameter is moved.
    pub fn learns(&self, id: ParamId) -> bool {
        match self.learned {
            Some(learned) => learned.contains(&id),
            None => self.graph.param(id).role != Role::Statistic,
        }
    }

    /// The masks that hold now.
    pub fn masks(&self) -> &Masks {
        &self.masks
    }

    /// Lets other masks hold from now on: what they prune is 0, and forgotten by the optimiser. What they bring back begins
    /// at 0, with no memory.
    pub fn prune(&mut self, masks: &Masks) -> Result<(), ExecError> {
        for (id, mask) in masks.iter() {
            let entries: Vec<bool> = (0..mask.len()).map(|at| !mask.is_kept(at)).collect();
            let entries = TensorData::new(entries, [mask.len()]);
            self.pruned[id.0 as usize] = Some(Tensor::from_data(entries, self.compute.device()));
        }
        self.masks = masks.clone();
        let State { params, moments: [first, second], .. } = &mut self.state;
        for (at, pruned) in self.pruned.iter().enumerate() {
            let Some(pruned) = pruned else { continue };
            for values in [&mut params.values, &mut first.values, &mut second.values] {
                values[at] = values[at].take().map(|value| zeroed(value, pruned));
            }
        }
        Ok(())
    }

    /// The learning rate of this step.
    pub fn lr(&self) -> f64 {
        self.spec.lr_at(self.state.step().saturating_sub(1))
    }

    /// One step down the gradients, and up them for what ascends. Pruned entries stay 0.
    pub fn update(&mut self) {
        let lr = self.lr();
        self.clip();
        for id in self.graph.param_ids() {
            let slope = self.slopes.params.values[id.0 as usize].clone();
            if let Some(slope) = slope.filter(|_| self.learns(id)) {
                self.move_param(id, slope, lr);
            }
        }
        let steps = self.state.losses.len() - 1;
        for (name, leaf) in &mut self.state.extra {
            if let Some(slope) = self.slopes.extra.get(name) {
                move_leaf(self.spec, &self.adamw[0], leaf, slope.clone(), lr, steps);
            }
        }
        self.follow();
    }

    /// Scales all slopes down together, where their norm is too large. What ascends has a slope of its own kind.
    fn clip(&mut self) {
        let Some(most) = self.spec.clip else { return };
        let Slopes { params, extra } = &mut self.slopes;
        let ascends = |name: &String| self.state.extra.get(name).is_some_and(|leaf| leaf.ascends);
        let extra = extra.iter_mut().filter(|(name, _)| !ascends(name)).map(|(_, value)| value);
        let mut slopes: Vec<&mut Value> = params.values.iter_mut().flatten().chain(extra).collect();
        let squares = slopes.iter().map(|slope| each_rank!((*slope).clone(), slope => slope.square().sum()));
        let Some(sum) = squares.reduce(|a, b| a + b) else { return };
        // Worked out on the device: nothing is read back.
        let scale = (sum.sqrt() + 1e-6).recip().mul_scalar(most).clamp_max(1.0);
        for slope in &mut slopes {
            let scaled = each_rank!((*slope).clone(), slope -> slope * scale.clone().unsqueeze());
            **slope = scaled;
        }
    }

    fn move_param(&mut self, id: ParamId, slope: Value, lr: f64) {
        let at = id.0 as usize;
        let steps = self.state.losses.len() - 1;
        let decays = self.graph.param(id).role == Role::Weight;
        let State { params, moments: [first, second], .. } = &mut self.state;
        let Some(value) = params.values[at].take() else { return };
        let mut moments = [first.values[at].take(), second.values[at].take()];
        let mut moved =
            moved(self.spec, &self.adamw[usize::from(decays)], decays, value, slope, lr, steps, &mut moments);
        if let Some(pruned) = &self.pruned[at] {
            moved = zeroed(moved, pruned);
            moments = moments.map(|moment| moment.map(|moment| zeroed(moment, pruned)));
        }
        params.values[at] = Some(moved);
        [first.values[at], second.values[at]] = moments;
    }

    /// Lets the running mean follow the parameters. In the first steps it forgets faster: it should not remember how
    /// they began.
    fn follow(&mut self) {
        let Some(decay) = self.spec.average else { return };
        let steps = self.state.losses.len() as f64;
        let decay = decay.min(steps / (steps + 9.0));
        for (mean, value) in self.state.average.values.iter_mut().zip(&self.state.params.values) {
            *mean = match (mean.take(), value) {
                (Some(mean), Some(value)) => Some(mixed(mean, value, decay)),
                _ => value.clone(),
            };
        }
    }
}

fn move_leaf(spec: &TrainSpec, adamw: &AdamW, leaf: &mut Leaf, slope: Value, lr: f64, steps: usize) {
    let slope = if leaf.ascends { each_rank!(slope, slope -> slope.neg()) } else { slope };
    let mut value = moved(spec, adamw, false, leaf.value.clone(), slope, lr * leaf.rate, steps, &mut leaf.moments);
    if let Some((low, high)) = leaf.bounds {
        value = each_rank!(value, value -> value.clamp(low, high));
    }
    leaf.value = value;
}

/// Where a step leads, entry by entry; the optimiser's memory becomes what it is after `steps` steps and this one.
#[expect(clippy::too_many_arguments, reason = "each is another thing; a struct would only rename them")]
fn moved(
    spec: &TrainSpec,
    adamw: &AdamW,
    decays: bool,
    value: Value,
    slope: Value,
    lr: f64,
    steps: usize,
    memory: &mut [Option<Value>; 2],
) -> Value {
    let slope = each_rank!(slope, slope => flat(slope));
    each_rank!(value, tensor -> {
        let shape = tensor.dims();
        let value = flat(tensor);
        let moved = match spec.optimizer {
            Optimizer::AdamW => {
                let [first, second] = std::mem::take(memory);
                let (moved, moments) = adamw.step(lr, value, slope, remembered(steps, first, second));
                if let Some(AdamWState { momentum }) = moments {
                    *memory = [Some(Value::R1(momentum.moment_1)), Some(Value::R1(momentum.moment_2))];
                }
                moved
            }
            Optimizer::Sgd { momentum, nesterov } => {
                let decay = if decays { spec.weight_decay } else { 0.0 };
                let slope = if decay > 0.0 { slope + value.clone() * decay } else { slope };
                let velocity = match memory[0].take() {
                    Some(velocity) => each_rank!(velocity, velocity => flat(velocity)) * momentum + slope.clone(),
                    None => slope.clone(),
                };
                let way = if nesterov { slope + velocity.clone() * momentum } else { velocity.clone() };
                memory[0] = Some(Value::R1(velocity));
                value - way * lr
            }
        };
        moved.reshape(shape)
    })
}

fn zeroed(value: Value, pruned: &Tensor<1, Bool>) -> Value {
    each_rank!(value, tensor -> {
        let shape = tensor.dims();
        flat(tensor).mask_fill(pruned.clone(), 0.0).reshape(shape)
    })
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

    fn row(values: [f32; 2]) -> Tensor<1> {
        Tensor::from_data(values, Compute::cpu("a test".into()).device())
    }

    fn read(value: Value) -> Vec<f32> {
        pollster::block_on(value.read()).unwrap()
    }

    /// Means of a gradient that is always the same are that gradient, from the first step on: each step goes as far as
    /// the learning rate says.
    #[test]
    fn what_adamw_remembers_is_put_together_again() {
        let optimizer = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.0).build();
        let (spec, mut memory) = (TrainSpec::default(), [None, None]);
        let mut value = Value::R1(row([0.0, 0.0]));
        for step in 0..5 {
            let slope = Value::R1(row([3.0, -0.02]));
            value = moved(&spec, &optimizer, false, value, slope, 0.1, step, &mut memory);
        }
        let value = read(value);
        assert!((value[0] + 0.5).abs() < 1e-5 && (value[1] - 0.5).abs() < 1e-5, "{value:?}");
    }

    /// Three steps of `torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=...)` from 1 and -2 along the
    /// gradient 0.5, -1.
    #[test]
    fn sgd_steps_as_in_pytorch() {
        let adamw = AdamWConfig::new().build();
        for (nesterov, want) in [(false, [0.714_135, -1.428_27]), (true, [0.590_21, -1.180_42])] {
            let optimizer = Optimizer::Sgd { momentum: 0.9, nesterov };
            let spec = TrainSpec { optimizer, weight_decay: 0.01, ..TrainSpec::default() };
            let (mut value, mut memory) = (Value::R1(row([1.0, -2.0])), [None, None]);
            for step in 0..3 {
                value = moved(&spec, &adamw, true, value, Value::R1(row([0.5, -1.0])), 0.1, step, &mut memory);
            }
            let value = read(value);
            assert!(value.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5), "{nesterov}: {value:?}, not {want:?}");
        }
    }

    #[test]
    fn what_ascends_climbs_and_bounds_hold() {
        let spec = TrainSpec::default();
        let adamw = AdamWConfig::new().with_weight_decay(0.0).build();
        let mut leaf = Leaf::new(Value::R1(row([0.0, 0.0])), 2.0).ascending().within(-1.0, 0.15);
        move_leaf(&spec, &adamw, &mut leaf, Value::R1(row([1.0, -1.0])), 0.1, 0);
        let value = read(leaf.value);
        assert!((value[0] - 0.15).abs() < 1e-6 && (value[1] + 0.2).abs() < 1e-4, "{value:?}");
    }
}
