use std::collections::{BTreeMap, BTreeSet};

use secateur_formats::safetensors::{Dtype, Header, TensorInfo};
use secateur_graph::Graph;

use crate::error::{Misfit, WrongTensor};

/// A file's tensors by name.
pub struct Tensors<'a>(BTreeMap<&'a str, &'a TensorInfo>);

impl<'a> Tensors<'a> {
    pub fn new(header: &'a Header) -> Self {
        Self(header.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn shape(&self, name: &str) -> Option<&'a [usize]> {
        self.0.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// Sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.0.keys().copied()
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &'a TensorInfo> {
        self.0.values().copied()
    }

    /// How many different numbers N there are in names that start with `{before}N.`, e.g. layers.
    pub fn numbered(&self, before: &str) -> usize {
        let number = |name: &'a str| name.strip_prefix(before)?.split_once('.')?.0.parse().ok();
        self.names().filter_map(number).collect::<BTreeSet<u32>>().len()
    }

    /// Compares with what the graph needs. Returns the tensors that are there and needed by nobody, as `unused` knows.
    pub fn check(&self, model: &str, graph: &Graph, unused: impl Fn(&str) -> bool) -> Result<Vec<String>, Box<Misfit>> {
        let mut misfit = Misfit { model: model.to_string(), ..Misfit::default() };
        for param in &graph.params {
            match self.0.get(param.name.as_str()) {
                None => misfit.missing.push((param.name.clone(), param.stored_shape())),
                Some(tensor) => misfit.wrong.extend(wrong(tensor, &param.stored_shape())),
            }
        }
        let needed: BTreeSet<&str> = graph.params.iter().map(|param| param.name.as_str()).collect();
        let rest = self.names().filter(|name| !needed.contains(name)).map(str::to_string);
        let (unused, extra) = rest.partition(|name| unused(name));
        misfit.extra = extra;
        if misfit.is_empty() { Ok(unused) } else { Err(Box::new(misfit)) }
    }
}

fn wrong(tensor: &TensorInfo, shape: &[usize]) -> Option<WrongTensor> {
    let report = |want: String, got: String| Some(WrongTensor { name: tensor.name.clone(), want, got });
    if tensor.shape != shape {
        return report(format!("{shape:?}"), format!("{:?}", tensor.shape));
    }
    match tensor.dtype {
        Dtype::F32 | Dtype::F16 | Dtype::BF16 => None,
        other => report("F32, F16 or BF16".into(), other.to_string()),
    }
}
