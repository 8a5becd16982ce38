//! Kernels in burn's record of what gradients go back through.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::backend::{Autodiff, Cube};
use burn::tensor::{DType, Tensor};

use crate::apply::readable;

/// A function of each entry by itself, with kernels for both ways. What it depends on beside the entry is constant.
pub(super) trait Gate: Clone + Debug + Send + 'static {
    /// x -> gate, of one shape.
    fn forward(&self, x: &CubeTensor) -> CubeTensor;

    /// The loss's gradient by the gate -> the loss's gradient by x.
    fn backward(&self, x: &CubeTensor, grad: CubeTensor) -> CubeTensor;
}

/// The gate of f32 numbers on a GPU, followed by autodiff if x is; `None` elsewhere.
pub(super) fn on_gpu<const D: usize>(x: &Tensor<D>, gate: &impl Gate) -> Option<Tensor<D>> {
    if let Some(x) = readable(x) {
        return Some(Tensor::from_primitive::<Cube>(gate.forward(&x)));
    }
    let x = x.clone().try_into_primitive::<Autodiff<Cube>>().ok().filter(|x| x.primitive().dtype == DType::F32)?;
    let (x, node) = x.into_parts();
    let x = into_contiguous(x);
    let output = gate.forward(&x);
    let followed = match Follow(PhantomData).prepare::<NoCheckpointing>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((gate.clone(), x), output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    };
    Some(Tensor::from_primitive::<Autodiff<Cube>>(followed))
}

#[derive(Debug)]
struct Follow<G>(PhantomData<G>);

impl<G: Gate> Backward<Cube, 1> for Follow<G> {
    type State = (G, CubeTensor);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (gate, x) = ops.state;
        unary::<Cube, _>(ops.parents, ops.node, grads, |grad| gate.backward(&x, into_contiguous(grad)));
    }
}
