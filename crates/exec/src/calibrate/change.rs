use std::collections::BTreeMap;

use secateur_graph::{Graph, Masks, ParamId};

use crate::{Compute, ExecError, Params, Value};

/// What becomes of a model's parameters.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub masks: Masks,
    /// Parameters with other numbers than before, of the shapes they had. Masks come on top.
    pub values: BTreeMap<ParamId, Value>,
}

impl From<Masks> for Change {
    fn from(masks: Masks) -> Self {
        Self { masks, values: BTreeMap::new() }
    }
}

impl Change {
    /// The parameters as they become.
    pub fn of(&self, compute: &Compute, graph: &Graph, params: &Params) -> Result<Params, ExecError> {
        params.with(&self.values).masked(compute, graph, &self.masks)
    }

    /// Takes over what becomes of others; of a parameter in both the other's counts.
    pub(super) fn add(&mut self, graph: &Graph, other: Self) -> Result<(), ExecError> {
        for (id, mask) in other.masks.iter() {
            self.masks.set(graph, id, mask.clone())?;
        }
        self.values.extend(other.values);
        Ok(())
    }
}
