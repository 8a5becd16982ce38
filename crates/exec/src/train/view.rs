use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::{ExecError, Gates, Params, Value};

/// How what is learnt becomes a model: weights under soft masks, with adapters, behind gates.
pub trait View {
    /// The model of one forward pass. Everything given is tracked, so gradients flow back through what is done here.
    /// `draw` is another number for every pass, to key what is drawn.
    fn seen(&self, draw: u64, params: &Params, extra: &BTreeMap<String, Value>) -> Result<Seen, ExecError>;
}

/// A model as one forward pass sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub params: Params,
    pub gates: Gates,
    /// Added to the loss [1], e.g. the price of open gates.
    pub penalty: Option<Tensor<1>>,
}

/// The parameters as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl View for Plain {
    fn seen(&self, _: u64, params: &Params, _: &BTreeMap<String, Value>) -> Result<Seen, ExecError> {
        Ok(Seen { params: params.clone(), gates: Gates::default(), penalty: None })
    }
}
