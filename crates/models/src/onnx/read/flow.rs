use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use secateur_formats::onnx::proto::NodeProto;
use secateur_graph::{Builder, NodeId, Op};

use super::constant::{Change, Constant, Values};
use super::fold::fold;
use super::operator::Operator;
use super::ops;
use super::value::{Part, Value};
use super::view::View;
use crate::model::LARGEST_VALUE;
use crate::onnx::names::Names;

/// Why an operator could not be mapped, or that what it reads is lost already.
pub enum Trouble {
    Lost,
    Because(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

impl From<&str> for Trouble {
    fn from(why: &str) -> Self {
        Self::Because(why.into())
    }
}

pub type Mapped<T> = Result<T, Trouble>;

/// The graph that is being made, and what is known of the file's values.
pub struct Flow {
    pub g: Builder,
    /// Samples: as many as the file says, or one where it leaves them open.
    pub batch: usize,
    pub values: BTreeMap<String, Value>,
    /// A parameter's name, if it has one of its own, and values; in the graph's order.
    pub params: Vec<(Option<Rc<str>>, Values)>,
    /// Operators that are not known here.
    pub troubles: Vec<String>,
    names: Names,
    used: BTreeSet<Rc<str>>,
    /// Embeddings and products without a bias, by the tensor of the file that is their matrix.
    pub tables: BTreeMap<String, NodeId>,
    /// Views that became nodes.
    made: Vec<(View, NodeId)>,
    block: String,
}

impl Flow {
    pub fn new(batch: usize, values: BTreeMap<String, Value>) -> Self {
        Self {
            g: Builder::default(),
            batch,
            values,
            params: Vec::new(),
            troubles: Vec::new(),
            names: Names::default(),
            used: BTreeSet::new(),
            tables: BTreeMap::new(),
            made: Vec::new(),
            block: String::new(),
        }
    }

    /// Maps one operator; what it gives is lost if it cannot be mapped.
    pub fn step(&mut self, proto: &NodeProto) {
        let op = Operator { proto };
        let given = match self.map(op) {
            Ok(values) => values,
            Err(trouble) => {
                if let Trouble::Because(why) = trouble {
                    let name = if proto.name.is_empty() { proto.output.join(", ") } else { proto.name.clone() };
                    self.troubles.push(format!("{} at {name} ({why})", proto.op_type));
                }
                Vec::new()
            }
        };
        let mut given = given.into_iter();
        for output in &proto.output {
            self.values.insert(output.clone(), given.next().unwrap_or(Value::Lost));
        }
    }

    fn map(&mut self, op: Operator<'_>) -> Mapped<Vec<Value>> {
        if !matches!(op.proto.domain.as_str(), "" | "ai.onnx") {
            return Err(format!("of the domain {}", op.proto.domain).into());
        }
        let inputs: Vec<Option<Value>> = op.proto.input.iter().map(|name| self.values.get(name).cloned()).collect();
        if inputs.iter().flatten().any(|value| matches!(value, Value::Lost)) {
            return Err(Trouble::Lost);
        }
        let fixed = |value: &Option<Value>| match value {
            Some(Value::Fixed(constant)) => Some(Some(constant.clone())),
            None => Some(None),
            _ => None,
        };
        match inputs.iter().map(fixed).collect::<Option<Vec<_>>>() {
            Some(constants) if !matches!(op.kind(), "Constant" | "Identity" | "Dropout" | "Shape") => {
                Ok(fold(op, &constants)?.into_iter().map(Value::Fixed).collect())
            }
            _ => ops::map(self, op, &inputs),
        }
    }

    /// Shape of a node's value for one sample.
    pub fn shape(&self, node: NodeId) -> Vec<usize> {
        self.g.shape(node).to_vec()
    }

    pub fn whole(&self, node: NodeId, label: &Rc<str>) -> View {
        View::of(node, self.g.shape(node), self.batch, label)
    }

    /// Adds a node with these parameters.
    pub fn add(&mut self, label: &str, op: impl Into<Op>, inputs: &[NodeId], params: &[&Constant]) -> Mapped<NodeId> {
        let op = op.into();
        let specs = op.rule().params();
        let sizes = |spec: &secateur_graph::ParamSpec| spec.dims.iter().map(|dim| dim.size).product::<usize>();
        if !specs.iter().map(sizes).eq(params.iter().map(|constant| constant.len())) {
            let shapes: Vec<_> = params.iter().map(|constant| &constant.shape).collect();
            return Err(format!("its parameters have shapes {shapes:?}").into());
        }
        let named: Vec<_> = params.iter().map(|constant| self.named(constant)).collect();
        let own = specs.iter().any(|spec| spec.suffix.is_empty()).then(|| named.first().cloned().flatten()).flatten();
        let name = self.names.fresh(own.as_deref().unwrap_or(label));
        self.begin_block(&name);
        let node = self.g.add(&name, op, inputs).map_err(|error| error.to_string())?;
        let size = self.g.shape(node).iter().fold(self.batch, |product, size| product.saturating_mul(*size));
        if size > LARGEST_VALUE {
            return Err(format!("it gives {:?} numbers for one sample", self.g.shape(node)).into());
        }
        self.params.extend(named.into_iter().zip(params).map(|(name, constant)| (name, constant.values.clone())));
        Ok(node)
    }

    /// Adds a node that uses the matrix of an earlier one.
    pub fn tie(&mut self, label: &str, op: impl Into<Op>, input: NodeId, to: NodeId) -> Mapped<NodeId> {
        let name = self.names.fresh(label);
        self.begin_block(&name);
        Ok(self.g.tie(&name, op, &[input], to).map_err(|error| error.to_string())?)
    }

    /// The label, or the module of a weight whose name says more and is not used yet.
    pub fn module(&self, label: &Rc<str>, weight: &Constant) -> Rc<str> {
        let module = self.own_name(weight).and_then(|name| Some(name.strip_suffix(".weight")?.into()));
        module.filter(|module: &Rc<str>| !self.names.has(module)).unwrap_or_else(|| label.clone())
    }

    /// An initializer's name, if a person gave it and no parameter has it yet.
    fn own_name(&self, constant: &Constant) -> Option<Rc<str>> {
        let name = constant.name.clone()?;
        let made = name.contains("::") || name.contains('/') || name.starts_with("val_") || !name.contains(['.', '_']);
        (!made && !self.used.contains(&name)).then_some(name)
    }

    fn named(&mut self, constant: &Constant) -> Option<Rc<str>> {
        let name = self.own_name(constant)?;
        self.used.insert(name.clone());
        Some(name)
    }

    /// A block is a numbered layer, or what has no number.
    fn begin_block(&mut self, name: &str) {
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<&str> = name.split('.').collect();
        let layer = parts.iter().position(|part| is_number(part)).map_or(1, |at| at + 1);
        let block = parts[..layer].join(".");
        if block != self.block {
            self.g.block();
            self.block = block;
        }
    }

    /// The value of an operator's input as it comes from the graph, if it does.
    pub fn data(&mut self, op: Operator<'_>, at: usize) -> Mapped<View> {
        let name = op.proto.input.get(at).cloned().unwrap_or_default();
        let view = match self.values.get(&name) {
            Some(Value::Data(view)) => return Ok(view.clone()),
            Some(Value::Part(part)) => ops::finish(self, &part.clone())?,
            Some(Value::Fixed(_)) => return Err(format!("its input {at} is fixed").into()),
            Some(Value::Lost) => return Err(Trouble::Lost),
            None => return Err(format!("its input {at} is missing").into()),
        };
        self.values.insert(name, Value::Data(view.clone()));
        Ok(view)
    }

    /// The view without a factor and a summand that are still to come.
    pub fn settled(&mut self, view: &View) -> Mapped<View> {
        if (view.scale, view.shift) == (1.0, 0.0) {
            return Ok(view.clone());
        }
        let bare = View { axes: Vec::new(), ..view.clone() };
        let node = match self.made_of(&bare) {
            Some(node) => node,
            None => {
                let affine = secateur_graph::ops::Affine { scale: view.scale, shift: view.shift };
                let node = self.add(&view.label.clone(), affine, &[view.node], &[])?;
                self.made.push((bare, node));
                node
            }
        };
        Ok(View { node, scale: 1.0, shift: 0.0, ..view.clone() })
    }

    /// The node that has this view as its value, made if it is not there.
    pub fn plain(&mut self, view: &View) -> Mapped<NodeId> {
        let view = self.settled(view)?;
        if let Some(node) = self.made_of(&view) {
            return Ok(node);
        }
        let node = ops::rearrange(self, &view)?;
        self.made.push((view, node));
        Ok(node)
    }

    fn made_of(&self, view: &View) -> Option<NodeId> {
        let same = |made: &View| {
            (made.node, made.scale, made.shift) == (view.node, view.scale, view.shift) && made.axes == view.axes
        };
        self.made.iter().find(|(made, _)| same(made)).map(|(_, node)| *node)
    }

    /// An operation on each entry: what was cut and turned before may as well be so after.
    pub fn each(&mut self, label: &Rc<str>, op: impl Into<Op>, x: &View) -> Mapped<View> {
        let x = self.settled(x)?;
        let node = self.add(label, op, &[x.node], &[])?;
        Ok(View { node, label: label.clone(), ..x })
    }
}

/// The initializer that a matrix is, and whether it is seen with its axes the other way round.
pub fn stored_matrix(constant: &Constant) -> Option<(&str, bool)> {
    match &constant.values {
        Values::Stored(stored, Change::Same) => Some((&stored.tensor.name, false)),
        Values::Stored(stored, Change::Transposed) => Some((&stored.tensor.name, true)),
        _ => None,
    }
}

/// The value that is about to be one.
pub fn part(part: Part) -> Value {
    Value::Part(Rc::new(part))
}
