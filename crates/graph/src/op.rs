use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::ops::*;
use crate::surgery::Kept;
use crate::{Axis, Dim, Role};

/// Shape of a value for one sample, batch axis left out: [tokens, features], [channels, height, width] or [features].
pub type Shape = Vec<usize>;

/// A parameter an op needs. Its checkpoint name is `{module}.{suffix}`, or the module's name when the suffix is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    pub suffix: String,
    pub dims: Vec<Dim>,
    pub role: Role,
    /// See [`crate::Param::transposed`].
    pub transposed: bool,
}

impl ParamSpec {
    pub(crate) fn new(suffix: impl Into<String>, role: Role, dims: &[(Axis, usize)]) -> Self {
        let dims = dims.iter().map(|&(axis, size)| Dim { axis, size }).collect();
        Self { suffix: suffix.into(), dims, role, transposed: false }
    }
}

/// Product of sizes; sizes too large to multiply give the largest number instead of a small wrong one.
pub(crate) fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product, size| product.saturating_mul(*size))
}

/// [`product`] in 64 bits: a ViT-H needs more multiply-accumulates than the 32 bits of a browser's `usize` hold.
pub(crate) fn product_u64(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1, |product, size| product.saturating_mul(*size as u64))
}

/// What an operation is, apart from how to compute it. One file in `ops/` each.
pub trait OpRule {
    /// The shape of the result, or (what was wanted, what came).
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)>;

    /// Parameters in the order the executor receives them.
    fn params(&self) -> Vec<ParamSpec> {
        Vec::new()
    }

    /// Multiply-accumulates for one sample, given the input and output shapes.
    fn macs(&self, _inputs: &[&Shape], _output: &Shape) -> u64 {
        0
    }

    /// Which features of inputs, outputs and parameters can only be cut together. Unless an op says otherwise, a parameter's
    /// axes go with the inputs or outputs that they are named after, and an op that has no outputs of its own making
    /// passes features on one by one.
    fn ties(&self, ties: &mut Ties<'_>) {
        let mut outputs = vec![Side::Output];
        let mut makes_outputs = false;
        for (at, spec) in self.params().iter().enumerate() {
            for (axis, dim) in spec.dims.iter().enumerate() {
                match dim.axis {
                    Axis::Out | Axis::Feature => outputs.push(Side::Param(at, axis)),
                    Axis::In => ties.same(&[Side::Input(0), Side::Param(at, axis)]),
                    Axis::KernelHeight | Axis::KernelWidth | Axis::Token | Axis::Unit => {}
                }
                makes_outputs |= dim.axis == Axis::Out;
            }
        }
        if !makes_outputs {
            outputs.extend((0..ties.inputs()).map(Side::Input));
        }
        ties.same(&outputs);
    }

    /// Takes over new numbers of features after a cut. Ops without such numbers have nothing to do.
    fn shrink(&mut self, _kept: &Kept<'_>) {}

    /// A few words for the picture, e.g. `Linear 64 → 192`.
    fn title(&self) -> String;
}

/// Lists the operations once: the file, the enum word, the rule table.
macro_rules! ops {
    ($($file:ident: $op:ident),* $(,)?) => {
        /// An operation with its attributes. Adding one is a file in `ops/`, a word here and an arm in the executor.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Op { $($op($op)),* }

        impl Op {
            /// Every operation's name, in listing order.
            pub const NAMES: &[&str] = &[$(stringify!($op)),*];

            pub fn name(&self) -> &'static str {
                match self { $(Self::$op(_) => stringify!($op)),* }
            }

            pub fn rule(&self) -> &dyn OpRule {
                match self { $(Self::$op(op) => op),* }
            }

            pub(crate) fn rule_mut(&mut self) -> &mut dyn OpRule {
                match self { $(Self::$op(op) => op),* }
            }
        }

        $(impl From<$op> for Op { fn from(op: $op) -> Self { Self::$op(op) } })*
    };
}

ops! {
    input: Input,
    linear: Linear,
    conv2d: Conv2d,
    embedding: Embedding,
    layer_norm: LayerNorm,
    rms_norm: RmsNorm,
    group_norm: GroupNorm,
    batch_norm: BatchNorm,
    attention: Attention,
    rotary: Rotary,
    recurrent: Recurrent,
    activation: Activation,
    add: Add,
    mul: Mul,
    affine: Affine,
    bias: Bias,
    layer_scale: LayerScale,
    add_position: AddPosition,
    timestep: Timestep,
    concat: Concat,
    sine_positions: SinePositions,
    slice: Slice,
    pad2d: Pad2d,
    pad_channels: PadChannels,
    max_pool2d: MaxPool2d,
    avg_pool2d: AvgPool2d,
    mean_places: MeanPlaces,
    mean_tokens: MeanTokens,
    upsample: Upsample,
    flatten: Flatten,
    to_tokens: ToTokens,
    to_places: ToPlaces,
    unpatch: Unpatch,
    prepend_token: PrependToken,
    select_token: SelectToken,
    last_token: LastToken,
    select_highest: SelectHighest,
    normalize: Normalize,
    loose: Loose,
}
