use std::collections::BTreeMap;

use secateur_graph::{Graph, Node};

use crate::probe::entries;
use crate::{Compute, ExecError, Value};

/// What a model is given, by the names of its input nodes; batch axis first.
#[derive(Clone, Debug, Default)]
pub struct Inputs(BTreeMap<String, Value>);

impl Inputs {
    /// Moves numbers to the device: `samples` of the shape that the graph gives the input of this name, row by row.
    /// Numbers that an embedding looks up must be whole and among its entries.
    pub fn upload(
        &mut self,
        compute: &Compute,
        graph: &Graph,
        name: &str,
        samples: usize,
        data: Vec<f32>,
    ) -> Result<(), ExecError> {
        let Some(node) = graph.inputs().find(|node| node.name == name) else {
            let names: Vec<_> = graph.inputs().map(|node| node.name.as_str()).collect();
            return Err(wrong(name, format!("one of {}", names.join(", ")), name.to_string()));
        };
        let shape: Vec<usize> = [samples].iter().chain(&node.shape).copied().collect();
        if samples == 0 || shape.iter().product::<usize>() != data.len() {
            let want = format!("at least one sample, {shape:?} numbers in all");
            return Err(wrong(name, want, format!("{} numbers", data.len())));
        }
        check_entries(graph, node, &data)?;
        self.0.insert(name.to_string(), Value::upload(compute, &shape, data)?);
        Ok(())
    }

    /// The value for an input node; zeros like the others' batch where it is optional.
    pub(crate) fn get(&self, node: &Node, optional: bool) -> Result<Value, ExecError> {
        match (self.0.get(&node.name), self.0.values().next()) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(other)) if optional => Ok(other.zeros_of(&node.shape)),
            _ => Err(wrong(&node.name, format!("a value of {:?} per sample", node.shape), "nothing".into())),
        }
    }

    /// The same with another value for an input.
    pub fn with(&self, name: &str, value: Value) -> Self {
        let mut inputs = self.clone();
        inputs.0.insert(name.to_string(), value);
        inputs
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// An index that is not there would end the program deep inside the tensor library.
fn check_entries(graph: &Graph, input: &Node, data: &[f32]) -> Result<(), ExecError> {
    let Some(entries) = entries(graph, input) else { return Ok(()) };
    let fits = |value: f32| value.fract() == 0.0 && value >= 0.0 && (value as usize) < entries;
    match data.iter().find(|value| !fits(**value)) {
        Some(value) => {
            let want = format!("whole numbers from 0 to {}", entries.saturating_sub(1));
            Err(wrong(&input.name, want, value.to_string()))
        }
        None => Ok(()),
    }
}

fn wrong(node: &str, want: String, got: String) -> ExecError {
    ExecError::Shape { op: "Input", node: node.to_string(), want, got }
}
