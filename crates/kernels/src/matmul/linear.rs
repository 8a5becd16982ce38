/// On the GPU.
mod gpu;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, ExtensionType, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::mask::Form;
use super::{PackedMask, input, numbers, on_gpu, on_host, same_device, shape};
use crate::KernelError;

/// A factor for each input or each output channel of a layer.
#[derive(Clone, Debug)]
pub enum Gate {
    /// [K]
    Inputs(Tensor<1>),
    /// [N]
    Outputs(Tensor<1>),
}

/// y [M, N] = x w^T for x [M, K] and weight [N, K].
pub fn dense(x: Tensor<2>, weight: Tensor<2>) -> Result<Tensor<2>, KernelError> {
    layer("dense", &x, &weight)?;
    if !on_gpu(&x) {
        return Ok(on_host(x, weight));
    }
    Ok(product(x, weight, Factor::One))
}

/// y [M, N] = x (w * mask)^T for x [M, K] and weight [N, K]. The weight's gradient is masked too.
pub fn masked(x: Tensor<2>, weight: Tensor<2>, mask: &PackedMask) -> Result<Tensor<2>, KernelError> {
    masked_layer(&x, &weight, mask)?;
    Ok(match &mask.form {
        Form::Bits(bits) => product(x, weight, Factor::Mask(bits.clone().into_dispatch())),
        Form::Entries(entries) => on_host(x, weight * entries.clone()),
    })
}

/// The same, for methods that learn the mask: `soft` [N, K] is what the mask was made from, and its gradient is what
/// the entries of the mask would have, w * (dy^T x), as if mask and `soft` were one (straight-through estimator, Bengio
/// et al., 2013).
pub fn masked_learned(
    x: Tensor<2>,
    weight: Tensor<2>,
    mask: &PackedMask,
    soft: Tensor<2>,
) -> Result<Tensor<2>, KernelError> {
    masked_layer(&x, &weight, mask)?;
    if soft.dims() != weight.dims() {
        return Err(shape("masked", format!("soft {:?}", weight.dims()), &soft.dims()));
    }
    numbers("masked", "soft", &soft)?;
    same_device("masked", x.device(), soft.device())?;
    Ok(match &mask.form {
        Form::Bits(bits) => product(x, weight, Factor::Learned(bits.clone().into_dispatch(), soft.into_dispatch())),
        Form::Entries(entries) => {
            let through = entries.clone() + soft.clone() - soft.detach();
            on_host(x, weight * through)
        }
    })
}

/// y [M, N] = x (w * gate)^T for x [M, K] and weight [N, K], without a gated copy of anything.
pub fn gated(x: Tensor<2>, weight: Tensor<2>, gate: Gate) -> Result<Tensor<2>, KernelError> {
    layer("gated", &x, &weight)?;
    let [outputs, inputs] = weight.dims();
    let (tensor, want) = match &gate {
        Gate::Inputs(tensor) => (tensor, inputs),
        Gate::Outputs(tensor) => (tensor, outputs),
    };
    if tensor.dims() != [want] {
        return Err(shape("gated", format!("a gate [{want}]"), &tensor.dims()));
    }
    numbers("gated", "gate", tensor)?;
    same_device("gated", x.device(), tensor.device())?;
    Ok(match (on_gpu(&x), gate) {
        (true, Gate::Inputs(gate)) => product(x, weight, Factor::Inputs(gate.into_dispatch())),
        (true, Gate::Outputs(gate)) => product(x, weight, Factor::Outputs(gate.into_dispatch())),
        (false, Gate::Inputs(gate)) => on_host(x * gate.unsqueeze(), weight),
        (false, Gate::Outputs(gate)) => on_host(x, weight) * gate.unsqueeze(),
    })
}

fn masked_layer(x: &Tensor<2>, weight: &Tensor<2>, mask: &PackedMask) -> Result<(), KernelError> {
    layer("masked", x, weight)?;
    if mask.shape() != weight.dims() {
        return Err(shape("masked", format!("a mask of {:?}", weight.dims()), &mask.shape()));
    }
    same_device("masked", x.device(), mask.device())
}

fn layer(kernel: &'static str, x: &Tensor<2>, weight: &Tensor<2>) -> Result<(), KernelError> {
    input(kernel, x, weight.dims())?;
    numbers(kernel, "weight", weight)?;
    same_device(kernel, x.device(), weight.device())
}

fn product(x: Tensor<2>, weight: Tensor<2>, factor: Factor<Dispatch>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Linear>::factored(x.into_dispatch(), weight.into_dispatch(), factor))
}

/// What a weight [N, K] is multiplied by, entry by entry.
#[derive(Clone, Debug, ExtensionType)]
pub(super) enum Factor<B: Backend> {
    One,
    /// Bits.
    Mask(IntTensor<B>),
    /// Bits, and what gets their gradient [N, K].
    Learned(IntTensor<B>, FloatTensor<B>),
    /// [K]
    Inputs(FloatTensor<B>),
    /// [N]
    Outputs(FloatTensor<B>),
}

#[backend_extension(Cube, Autodiff)]
pub(super) trait Linear: Backend {
    /// x [M, K], weight [N, K] -> x (weight * factor)^T.
    fn factored(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] factor: Factor<Self>,
    ) -> FloatTensor<Self>;
}

/// What the gradients of [`Linear`] take.
pub(super) trait LinearGrads: Backend {
    /// dy [M, N], weight [N, K] -> dy (weight * factor).
    fn linear_dx(dy: FloatTensor<Self>, weight: FloatTensor<Self>, factor: Factor<Self>) -> FloatTensor<Self>;

    /// dy [M, N], x [M, K] -> factor * (dy^T x) and, for a factor that is learned, weight * (dy^T x).
    fn linear_dw(
        dy: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        factor: Factor<Self>,
    ) -> (FloatTensor<Self>, Option<FloatTensor<Self>>);
}

impl<B: Linear + LinearGrads, C: CheckpointStrategy> Linear for Autodiff<B, C> {
    fn factored(x: FloatTensor<Self>, weight: FloatTensor<Self>, factor: Factor<Self>) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        match factor.into_parts() {
            (factor, None) => record::<B, C, 2>([x_node, weight_node], x, weight, factor),
            (factor, Some(node)) => record::<B, C, 3>([x_node, weight_node, node], x, weight, factor),
        }
    }
}

impl<B: Backend, C: CheckpointStrategy> Factor<Autodiff<B, C>> {
    /// Without gradients, and the node that gets its gradient.
    fn into_parts(self) -> (Factor<B>, Option<NodeGuard>) {
        match self {
            Self::One => (Factor::One, None),
            Self::Mask(bits) => (Factor::Mask(bits), None),
            Self::Learned(bits, soft) => {
                let (soft, node) = soft.into_parts();
                (Factor::Learned(bits, soft), Some(node))
            }
            Self::Inputs(gate) => {
                let (gate, node) = gate.into_parts();
                (Factor::Inputs(gate), Some(node))
            }
            Self::Outputs(gate) => {
                let (gate, node) = gate.into_parts();
                (Factor::Outputs(gate), Some(node))
            }
        }
    }
}

fn record<B: Linear + LinearGrads, C: CheckpointStrategy, const N: usize>(
    nodes: [NodeGuard; N],
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    factor: Factor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    match Backward::<B, N>::prepare::<C>(LinearBackward, nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            prep.finish((x.clone(), weight.clone(), factor.clone()), B::factored(x, weight, factor))
        }
        OpsKind::UnTracked(prep) => prep.finish(B::factored(x, weight, factor)),
    }
}

/// Parents are x, weight and, where it is learned, the factor.
#[derive(Debug)]
struct LinearBackward;

impl<B: LinearGrads, const N: usize> Backward<B, N> for LinearBackward {
    type State = (FloatTensor<B>, FloatTensor<B>, Factor<B>);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let (x, weight, factor) = ops.state;
        let parent = |at: usize| ops.parents.get(at).cloned().flatten();
        if let Some(node) = parent(0) {
            grads.register::<B>(node.id, B::linear_dx(dy.clone(), weight.clone(), factor.clone()));
        }
        if parent(1).is_none() && parent(2).is_none() {
            return;
        }
        let (dw, dfactor) = B::linear_dw(dy, x, weight, factor.clone());
        if let Some(node) = parent(1) {
            grads.register::<B>(node.id, dw);
        }
        if let (Some(node), Some(dfactor)) = (parent(2), dfactor) {
            grads.register::<B>(node.id, factor.gathered(dfactor));
        }
    }
}

impl<B: Backend> Factor<B> {
    /// A gradient [N, K] of the entries as one of what they come from.
    fn gathered(self, dfactor: FloatTensor<B>) -> FloatTensor<B> {
        match self {
            Self::Inputs(gate) => B::float_reshape(B::float_sum_dim(dfactor, 0), gate.shape()),
            Self::Outputs(gate) => B::float_reshape(B::float_sum_dim(dfactor, 1), gate.shape()),
            Self::One | Self::Mask(_) | Self::Learned(..) => dfactor,
        }
    }
}
