use burn::optim::{AdamW, AdamWConfig, AdamWState, Optimizer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Tensor, TensorData};
use secateur_graph::{Graph, Masks, Role};

use super::TrainSpec;
use crate::value::each_rank;
use crate::{Compute, ExecError, Inputs, Params, Value, forward};

/// Parameters in training with what AdamW remembers of each. Moments are kept flat: the update is elementwise.
pub(super) struct Learner<'a> {
    graph: &'a Graph,
    pub(super) params: Params,
    moments: Vec<Option<AdamWState<1>>>,
    pruned: Vec<Option<Tensor<1, Bool>>>,
    decaying: AdamW,
    steady: AdamW,
}

impl<'a> Learner<'a> {
    pub(super) fn new(
        compute: &Compute,
        graph: &'a Graph,
        params: &Params,
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
        Ok(Self {
            graph,
            params: params.masked(compute, graph, masks)?,
            moments: graph.params.iter().map(|_| None).collect(),
            pruned,
            decaying: adamw(spec.weight_decay),
            steady: adamw(0.0),
        })
    }

    /// One step down the gradient of the cross-entropy between `targets` [samples, classes] and the model's
    /// answers. Returns the loss before it.
    pub(super) async fn step(&mut self, inputs: Inputs, targets: Tensor<2>, lr: f64) -> Result<f32, ExecError> {
        let tracked = self.params.tracked();
        let answers = forward(self.graph, &tracked, inputs, &mut ())?;
        let loss = cross_entropy(self.graph, answers, targets)?;
        let mut gradients = loss.backward();
        for (at, leaf) in tracked.0.iter().enumerate() {
            let learned = self.graph.params[at].role != Role::Statistic;
            let gradient = leaf.as_ref().filter(|_| learned).and_then(|leaf| leaf.take_gradient(&mut gradients));
            if let Some(gradient) = gradient {
                self.update(at, each_rank!(gradient, gradient => flat(gradient)), lr);
            }
        }
        Ok(Value::R1(loss.inner()).read().await?[0])
    }

    /// Moves one parameter and sets its pruned entries back to 0.
    fn update(&mut self, at: usize, gradient: Tensor<1>, lr: f64) {
        let Some(value) = self.params.0[at].take() else { return };
        let optimizer = if self.graph.params[at].role == Role::Weight { &self.decaying } else { &self.steady };
        let moments = self.moments[at].take();
        let pruned = self.pruned[at].clone();
        let moved = each_rank!(value, tensor -> {
            let shape = tensor.dims();
            let flat = tensor.reshape([gradient.dims()[0]]);
            let (mut flat, remembered) = optimizer.step(lr, flat, gradient, moments);
            self.moments[at] = remembered;
            if let Some(pruned) = pruned {
                flat = flat.mask_fill(pruned, 0.0);
            }
            flat.reshape(shape)
        });
        self.params.0[at] = Some(moved);
    }
}

fn flat<const D: usize>(gradient: Tensor<D>) -> Tensor<1> {
    let entries = gradient.dims().iter().product::<usize>();
    gradient.reshape([entries])
}

/// Mean over samples of -sum(target * log softmax(answer)).
fn cross_entropy(graph: &Graph, answers: Value, targets: Tensor<2>) -> Result<Tensor<1>, ExecError> {
    let (got, want) = (answers.shape(), targets.dims());
    let Value::R2(answers) = answers else { return Err(not_classes(graph, &want, &got)) };
    if got != want {
        return Err(not_classes(graph, &want, &got));
    }
    let samples = want[0] as f64;
    Ok((targets * log_softmax(answers, 1)).sum() * (-1.0 / samples))
}

fn not_classes(graph: &Graph, want: &[usize], got: &[usize]) -> ExecError {
    let node = graph.node(graph.output());
    let (want, got) = (format!("[samples, classes] = {want:?}"), format!("{got:?}"));
    ExecError::Shape { op: node.op.name(), node: node.name.clone(), want, got }
}
