use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use burn::tensor::{Bool, Device, Tensor, TensorData};
use secateur_graph::{Graph, Mask, Masks, ParamId};

use crate::packed::Packed;
use crate::value::each_rank;
use crate::{Compute, ExecError, Value};

/// A model's parameters on a device. Cloning shares the numbers.
#[derive(Clone, Debug)]
pub struct Params {
    pub(crate) values: Vec<Option<Value>>,
    /// Weights as they are multiplied with, where that is not as they are.
    pub(crate) packed: Vec<Option<Arc<Packed>>>,
    /// The others are multiplied with by our own kernel, which is faster where they are.
    pub(crate) own_dense: bool,
}

impl Params {
    /// No values yet; [`Params::upload`] brings them one at a time.
    pub fn empty(graph: &Graph) -> Self {
        Self::of(vec![None; graph.params.len()])
    }

    /// A value, or none, for each parameter of a graph.
    pub(crate) fn of(values: Vec<Option<Value>>) -> Self {
        let packed = vec![None; values.len()];
        Self { values, packed, own_dense: false }
    }

    /// Sets one parameter, given row by row in the graph's shape.
    pub fn upload(&mut self, compute: &Compute, graph: &Graph, id: ParamId, data: Vec<f32>) -> Result<(), ExecError> {
        let param = graph.param(id);
        if data.len() != param.len() {
            let node = graph.node(param.node);
            return Err(ExecError::Shape {
                op: node.op.name(),
                node: node.name.clone(),
                want: format!("{} of {:?}", param.name, param.shape()),
                got: format!("{} numbers", data.len()),
            });
        }
        self.values[id.0 as usize] = Some(Value::upload(compute, &param.shape(), data)?);
        self.own_dense = compute.crossover().own_dense;
        Ok(())
    }

    /// [`Params::upload`] of numbers as the checkpoint stores them, see [`secateur_graph::Param::transposed`].
    pub fn upload_stored(
        &mut self,
        compute: &Compute,
        graph: &Graph,
        id: ParamId,
        data: Vec<f32>,
    ) -> Result<(), ExecError> {
        let data = graph.param(id).from_stored(data);
        self.upload(compute, graph, id, data)
    }

    pub fn get(&self, graph: &Graph, id: ParamId) -> Result<&Value, ExecError> {
        let missing = || ExecError::Missing { name: graph.param(id).name.clone() };
        self.values.get(id.0 as usize).and_then(Option::as_ref).ok_or_else(missing)
    }

    /// Whether no parameter has values.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    /// Brings one parameter's numbers back, row by row.
    pub async fn read(&self, graph: &Graph, id: ParamId) -> Result<Vec<f32>, ExecError> {
        self.get(graph, id)?.read().await
    }

    /// The same parameters with pruned entries at exactly 0. Parameters without a mask are shared.
    pub fn masked(&self, compute: &Compute, graph: &Graph, masks: &Masks) -> Result<Self, ExecError> {
        let mut values = self.values.clone();
        for (id, mask) in masks.iter() {
            let dense = self.get(graph, id)?.clone();
            values[id.0 as usize] = Some(zeroed(dense, mask, compute.device()));
        }
        Ok(Self { own_dense: self.own_dense, ..Self::of(values) })
    }

    /// The same parameters, some of them with other numbers.
    pub fn with(&self, changed: &BTreeMap<ParamId, Value>) -> Self {
        let mut values = self.values.clone();
        for (id, value) in changed {
            values[id.0 as usize] = Some(value.clone());
        }
        Self { own_dense: self.own_dense, ..Self::of(values) }
    }

    /// Those of a piece of the model, in its order.
    pub fn part(&self, ids: &[ParamId]) -> Self {
        Self::of(ids.iter().map(|id| self.values[id.0 as usize].clone()).collect())
    }

    /// The same numbers as leaves that gradients are worked out for.
    pub(crate) fn tracked(&self) -> Self {
        let track = |value: Value| each_rank!(value, tensor -> tensor.autodiff().require_grad());
        Self::of(self.values.iter().map(|value| value.clone().map(track)).collect())
    }

    /// The same numbers, with gradients worked out for some of them.
    pub(crate) fn tracked_only(&self, learned: &BTreeSet<ParamId>) -> Self {
        let track = |(at, value): (usize, &Option<Value>)| {
            let learned = learned.contains(&ParamId(at as u32));
            value.clone().map(|value| {
                each_rank!(value, tensor -> {
                    let tensor = tensor.autodiff();
                    if learned { tensor.require_grad() } else { tensor }
                })
            })
        };
        Self::of(self.values.iter().enumerate().map(track).collect())
    }

    /// The same numbers on another device, moved one parameter at a time.
    pub async fn moved(&self, to: &Compute, graph: &Graph) -> Result<Self, ExecError> {
        let mut moved = Self::empty(graph);
        for id in graph.param_ids() {
            let data = self.read(graph, id).await?;
            moved.upload(to, graph, id, data)?;
        }
        Ok(moved)
    }
}

/// Sets pruned entries to 0.
pub(crate) fn zeroed(value: Value, mask: &Mask, device: &Device) -> Value {
    each_rank!(value, tensor -> {
        let pruned = pruned_entries(mask, tensor.dims(), device);
        tensor.mask_fill(pruned, 0.0)
    })
}

/// True where the mask prunes.
fn pruned_entries<const D: usize>(mask: &Mask, shape: [usize; D], device: &Device) -> Tensor<D, Bool> {
    let pruned: Vec<bool> = (0..mask.len()).map(|at| !mask.is_kept(at)).collect();
    Tensor::from_data(TensorData::new(pruned, shape), device)
}
