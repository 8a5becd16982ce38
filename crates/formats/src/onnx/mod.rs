//! The ONNX format: one protobuf message that holds operators, shapes and, if they are not too large, the weights.
//!
//! What the messages mean for a model is not known here; see the `models` crate.

mod error;
pub mod proto;
mod tensor;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;
use prost::Message;

pub use error::OnnxError;
pub use proto::{GraphProto, ModelProto};
pub use tensor::{Data, Element, Place, Tensor};
pub use write::{Layout, Weight};

use crate::clip;

/// A file's model and its graph. Tensors share the file's bytes, nothing is copied.
pub fn decode(file: Bytes) -> Result<(ModelProto, GraphProto), OnnxError> {
    let mut model =
        ModelProto::decode(file).map_err(|error| OnnxError::NoModel { reason: clip(&error.to_string()) })?;
    let graph = model.graph.take().ok_or(OnnxError::NoGraph)?;
    Ok((model, graph))
}
