use burn::tensor::ExecutionError;
use secateur_graph::{GraphError, MaskError};
use secateur_kernels::KernelError;
use secateur_kernels::select::SelectError;

use crate::Cancelled;

/// Why a model could not be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExecError {
    #[error("{op} at {node}: wanted {want}, got {got}")]
    Shape { op: &'static str, node: String, want: String, got: String },
    #[error("{name} has no values yet: load the model's weights before running it")]
    Missing { name: String },
    #[error(
        "nobody here knows what the model does with {name}: its architecture is unknown, so it can be looked at and cut \
         but not run"
    )]
    Unknown { name: String },
    #[error("{name} = {got}: wanted {want}")]
    Setting { name: &'static str, want: &'static str, got: String },
    #[error(
        "no token can be chosen at place {position} of the text: the model's logits are no finite numbers there; cut \
         less, or look at its weights"
    )]
    NoLogits { position: usize },
    #[error("training went astray at step {step}: the loss is {loss}; try a smaller learning rate")]
    Diverged { step: u64, loss: f32 },
    #[error(
        "the loss of sample {sample} is {loss}, so nothing can be learnt from its gradients; look at the model's weights"
    )]
    NoGradient { sample: u64, loss: f32 },
    #[error("the device failed: {0}; run again, or switch to the CPU")]
    Device(String),
    #[error("the device is lost: {0}; the engine has to start again, or switch to the CPU")]
    Lost(String),
    #[error(transparent)]
    Mask(#[from] MaskError),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl ExecError {
    /// Nothing will work on this device any more.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }
}

impl From<GraphError> for ExecError {
    fn from(GraphError { op, node, want, got }: GraphError) -> Self {
        Self::Shape { op, node, want, got }
    }
}

impl From<ExecutionError> for ExecError {
    fn from(error: ExecutionError) -> Self {
        match error {
            ExecutionError::DevicePoisoned { reason } => Self::Lost(reason),
            ExecutionError::WithContext { reason } | ExecutionError::Generic { reason, .. } => Self::Device(reason),
        }
    }
}

impl From<KernelError> for ExecError {
    fn from(error: KernelError) -> Self {
        Self::Device(error.to_string())
    }
}

impl From<SelectError> for ExecError {
    fn from(error: SelectError) -> Self {
        match error {
            SelectError::Mask(error) => error.into(),
            SelectError::Read(error) => error.into(),
            other => Self::Device(other.to_string()),
        }
    }
}
