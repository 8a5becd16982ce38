//! A pre-norm transformer layer (Xiong et al., 2020), as each family of picture models spells it.

use secateur_graph::ops::{Activation, Add, Attention, LayerNorm, LayerScale, Linear, Mul, Slice};
use secateur_graph::{Builder, GraphError, NodeId};

/// What one layer of an encoder is; all of an encoder's layers are alike.
pub struct Layer {
    pub names: &'static Names,
    pub features: usize,
    pub heads: usize,
    /// Tokens see earlier ones only: texts.
    pub causal: bool,
    pub qkv_bias: bool,
    /// Of all other linear layers.
    pub bias: bool,
    /// Whether what a half of the layer adds is scaled by learned factors.
    pub scaled: bool,
    pub mlp: Mlp,
    pub eps: f64,
}

/// How a family names a layer's parts.
pub struct Names {
    pub norms: [&'static str; 2],
    pub qkv: Qkv,
    /// The projection after attention.
    pub out: &'static str,
    pub scales: [&'static str; 2],
    /// Before the names of nodes that have no parameters: the halves' modules.
    pub halves: [&'static str; 2],
}

pub enum Qkv {
    Split([&'static str; 3]),
    /// One linear layer for queries, keys and values, in this order.
    Fused(&'static str),
}

pub struct Mlp {
    pub form: MlpForm,
    /// The linear layer back to the features.
    pub out: &'static str,
    pub hidden: usize,
    pub activation: Activation,
}

/// What comes before the linear layer back.
pub enum MlpForm {
    Plain(&'static str),
    /// activation(gate) * other (Shazeer, 2020).
    Gated { gate: &'static str, other: &'static str },
    /// The same, with both in one linear layer, the gate first.
    Packed(&'static str),
}

impl Layer {
    /// Layers `{before}0`, `{before}1` ..., a block each, [tokens, features] -> the same.
    pub fn stack(&self, g: &mut Builder, before: &str, layers: usize, mut x: NodeId) -> Result<NodeId, GraphError> {
        for layer in 0..layers {
            g.block();
            x = self.add(g, &|part| format!("{before}{layer}.{part}"), x)?;
        }
        g.block();
        Ok(x)
    }

    pub fn norm(&self) -> LayerNorm {
        LayerNorm::new(self.features, self.eps)
    }

    fn add(&self, g: &mut Builder, name: &impl Fn(&str) -> String, x: NodeId) -> Result<NodeId, GraphError> {
        let Names { norms, scales, halves, .. } = self.names;
        let y = g.add(&name(norms[0]), self.norm(), &[x])?;
        let y = self.attention(g, name, y)?;
        let y = self.scale(g, &name(scales[0]), y)?;
        let x = g.add(&name(&format!("{}.residual", halves[0])), Add, &[x, y])?;
        let y = g.add(&name(norms[1]), self.norm(), &[x])?;
        let y = self.mlp(g, name, y)?;
        let y = self.scale(g, &name(scales[1]), y)?;
        g.add(&name(&format!("{}.residual", halves[1])), Add, &[x, y])
    }

    fn scale(&self, g: &mut Builder, name: &str, y: NodeId) -> Result<NodeId, GraphError> {
        if self.scaled { g.add(name, LayerScale { features: self.features }, &[y]) } else { Ok(y) }
    }

    fn attention(&self, g: &mut Builder, name: &impl Fn(&str) -> String, x: NodeId) -> Result<NodeId, GraphError> {
        let &Self { features, heads, causal, .. } = self;
        let qkv = self.qkv(g, name, x)?;
        let attention = Attention { causal, ..Attention::full(heads, features / heads) };
        let mixed = g.add(&name(&format!("{}.attention", self.names.halves[0])), attention, &qkv)?;
        g.add(&name(self.names.out), Linear::new(features, features, self.bias), &[mixed])
    }

    fn qkv(&self, g: &mut Builder, name: &impl Fn(&str) -> String, x: NodeId) -> Result<[NodeId; 3], GraphError> {
        let &Self { features, qkv_bias, .. } = self;
        match self.names.qkv {
            Qkv::Split([q, k, v]) => {
                let mut project = |part| g.add(&name(part), Linear::new(features, features, qkv_bias), &[x]);
                Ok([project(q)?, project(k)?, project(v)?])
            }
            Qkv::Fused(all) => {
                let fused = g.add(&name(all), Linear::new(features, 3 * features, qkv_bias), &[x])?;
                let mut part = |word, at| part(g, &name(&format!("{all}.{word}")), fused, at, features);
                Ok([part("query", 0)?, part("key", 1)?, part("value", 2)?])
            }
        }
    }

    fn mlp(&self, g: &mut Builder, name: &impl Fn(&str) -> String, x: NodeId) -> Result<NodeId, GraphError> {
        let Mlp { form, out, hidden, .. } = &self.mlp;
        let widen = |g: &mut Builder, layer, outputs| {
            g.add(&name(layer), Linear::new(self.features, outputs, self.bias), &[x])
        };
        let y = match form {
            MlpForm::Plain(layer) => {
                let y = widen(g, layer, *hidden)?;
                self.activation(g, name, y)?
            }
            MlpForm::Gated { gate, other } => {
                let (gate, other) = (widen(g, gate, *hidden)?, widen(g, other, *hidden)?);
                self.gate(g, name, gate, other)?
            }
            MlpForm::Packed(layer) => {
                let both = widen(g, layer, 2 * hidden)?;
                let gate = part(g, &name(&format!("{layer}.gate")), both, 0, *hidden)?;
                let other = part(g, &name(&format!("{layer}.other")), both, 1, *hidden)?;
                self.gate(g, name, gate, other)?
            }
        };
        g.add(&name(out), Linear::new(*hidden, self.features, self.bias), &[y])
    }

    fn activation(&self, g: &mut Builder, name: &impl Fn(&str) -> String, x: NodeId) -> Result<NodeId, GraphError> {
        g.add(&name(&format!("{}.activation", self.names.halves[1])), self.mlp.activation, &[x])
    }

    fn gate(
        &self,
        g: &mut Builder,
        name: &impl Fn(&str) -> String,
        gate: NodeId,
        other: NodeId,
    ) -> Result<NodeId, GraphError> {
        let gate = self.activation(g, name, gate)?;
        g.add(&name(&format!("{}.product", self.names.halves[1])), Mul, &[gate, other])
    }
}

/// The part number `at` of [tokens, parts * len].
fn part(g: &mut Builder, name: &str, x: NodeId, at: usize, len: usize) -> Result<NodeId, GraphError> {
    g.add(name, Slice { axis: 1, start: at * len, len }, &[x])
}
