//! Diffusion transformers (Peebles & Xie, 2022) as diffusers stores them: `DiTTransformer2DModel`, whose older name is
//! `Transformer2DModel`. Time step and class set scale, shift and gate of every layer (adaLN-Zero).

use secateur_graph::ops::{
    Activation, Add, Affine, Conv2d, Embedding, Input, LayerNorm, Linear, Mul, SinePositions, Slice, Timestep, ToTokens,
    Unpatch,
};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::diffusers::{Heads, NAMES, embed_time, fixed, need, waves};
use crate::model::{Plan, Task};
use crate::settings::{ASK, eps, layers, present, word};
use crate::source::{Source, Witness, bounded};
use crate::{Family, InputSpec, ModelError, Tensors};

/// Bounds for arithmetic and memory, far above real models.
const LARGEST_SIDE: usize = 1 << 13;
const MOST_TOKENS: usize = 1 << 14;
const MOST_HEADS: usize = 1 << 10;
const MOST_CHANNELS: usize = 1 << 16;
const MOST_CLASSES: usize = 1 << 20;

/// What diffusers takes whatever the config says.
const WAVES: Timestep = Timestep { features: 256, cosines_first: true, shift: 1.0 };
const MODULATED_EPS: f64 = 1e-6;

/// diffusers' words for GELU; the first is its default.
const TANH: &str = "gelu-approximate";
const EXACT: &str = "gelu";

/// diffusers' default for the norm before the MLP.
const EPS: f64 = 1e-5;

pub struct DiT;

impl Family for DiT {
    fn id(&self) -> &'static str {
        "dit"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["DiTTransformer2DModel", "Transformer2DModel"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        let ours = "transformer_blocks.0.norm1.emb.class_embedder.embedding_table.weight";
        foreign(tensors).is_some() || tensors.has(ours)
    }

    /// Old files hold the positions, which are computed anyway.
    fn unused(&self, name: &str) -> bool {
        name == "pos_embed.pos_embed"
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        if let Some(error) = source.tensors.and_then(foreign) {
            return Err(error);
        }
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        Ok(Plan {
            graph: sizes.graph()?,
            task: Task::Denoise,
            labels: Vec::new(),
            pictures: Some(InputSpec::new(sizes.inputs, sizes.side, sizes.side)),
            config: sizes.config(),
            title: sizes.title(),
            assumed,
        })
    }
}

/// The same networks with the names of their authors' code.
fn foreign(tensors: &Tensors) -> Option<ModelError> {
    tensors.has("t_embedder.mlp.0.weight").then(|| {
        ModelError::unsupported(
            "this is a DiT with the tensor names of its authors' code; diffusers' are needed",
            "choose the model's diffusers version: the file in its folder \"transformer\"",
        )
    })
}

/// Everything about a DiT but its weights.
struct Sizes {
    inputs: usize,
    outputs: usize,
    /// Height and width of the picture.
    side: usize,
    patch: usize,
    layers: usize,
    heads: usize,
    head_dim: usize,
    /// Without the one that stands for "no class".
    classes: usize,
    bias: bool,
    activation: Activation,
    /// Before the MLP.
    norm: LayerNorm,
}

impl Sizes {
    /// Sizes that diffusers gives a default have it here too.
    fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        if source.config.is_none() {
            return Err(ModelError::unsupported(
                "a DiT's tensors do not show its sample_size, num_attention_heads, activation_fn and norm_eps",
                ASK,
            ));
        }
        check(source)?;
        let kernel = |axis| Witness { tensor: "pos_embed.proj.weight", axis, axes: 4 };
        let inputs = source.size("in_channels", kernel(1))?;
        let patch = source.size("patch_size", kernel(2))?;
        let heads = bounded("num_attention_heads", need(source, "num_attention_heads")?, MOST_HEADS)?;
        let head_dim = bounded("attention_head_dim", need(source, "attention_head_dim")?, MOST_HEADS)?;
        let learned = present(source, "norm_elementwise_affine", "transformer_blocks.0.norm3.weight", false)?;
        Ok(Self {
            inputs,
            outputs: bounded("out_channels", source.setting("out_channels")?.unwrap_or(inputs), MOST_CHANNELS)?,
            side: side(source, patch)?,
            patch,
            layers: layers(source, "num_layers", "transformer_blocks.")?,
            heads,
            head_dim,
            classes: bounded("num_embeds_ada_norm", need(source, "num_embeds_ada_norm")?, MOST_CLASSES)?,
            bias: present(source, "attention_bias", "transformer_blocks.0.attn1.to_q.bias", true)?,
            activation: activation(source)?,
            norm: LayerNorm { learned, ..LayerNorm::new(heads * head_dim, eps(source, "norm_eps", EPS, assumed)?) },
        })
    }

    fn graph(&self) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let mut x = self.embeddings(&mut g)?;
        let step = waves(&mut g, WAVES)?;
        let label = g.add("class_labels", Input::new(&[]), &[])?;
        g.block();
        let first = self.condition(&mut g, &block(0), step, label)?;
        x = self.layer(&mut g, &block(0), x, first)?;
        for name in (1..self.layers).map(block) {
            g.block();
            let condition = self.condition(&mut g, &name, step, label)?;
            x = self.layer(&mut g, &name, x, condition)?;
        }
        g.block();
        let x = self.answer(&mut g, x, first)?;
        Ok(g.finish_with(&[("sample", x)]))
    }

    fn features(&self) -> usize {
        self.norm.features
    }

    /// Patches along each side.
    fn grid(&self) -> usize {
        self.side / self.patch
    }

    /// [channels, side, side] -> [tokens, features]
    fn embeddings(&self, g: &mut Builder) -> Result<NodeId, GraphError> {
        let &Self { inputs, side, patch, .. } = self;
        let features = self.features();
        let projection = Conv2d { stride: patch, ..Conv2d::new(inputs, features, patch) };
        let x = g.add("sample", Input::new(&[inputs, side, side]), &[])?;
        let x = g.add("pos_embed.proj", projection, &[x])?;
        let x = g.add("pos_embed.tokens", ToTokens, &[x])?;
        g.add("pos_embed", SinePositions { height: self.grid(), width: self.grid(), features }, &[x])
    }

    /// What time step and class say to one layer, activated: [features]. Every layer has tables of its own.
    fn condition(&self, g: &mut Builder, name: &str, step: NodeId, label: NodeId) -> Result<NodeId, GraphError> {
        let part = |part: &str| format!("{name}.norm1.emb.{part}");
        let table = Embedding { entries: self.classes + 1, features: self.features() };
        let time = embed_time(g, &part("timestep_embedder"), step, self.features())?;
        let class = g.add(&part("class_embedder.embedding_table"), table, &[label])?;
        let both = g.add(&part("sum"), Add, &[time, class])?;
        g.add(&part("activated"), Activation::Silu, &[both])
    }

    /// One layer, [tokens, features] -> the same. Its condition gives shift, scale and gate of the attention, then of
    /// the MLP.
    fn layer(&self, g: &mut Builder, name: &str, x: NodeId, condition: NodeId) -> Result<NodeId, GraphError> {
        let part = |part: &str| format!("{name}.{part}");
        let heads = Heads { count: self.heads, size: self.head_dim, bias: self.bias, names: NAMES };
        let all = Linear::new(self.features(), 6 * self.features(), true);
        let all = g.add(&part("norm1.linear"), all, &[condition])?;
        let y = g.add(&part("norm1"), self.plain_norm(), &[x])?;
        let y = self.modulate(g, &part("norm1"), y, all, [0, 1])?;
        let y = heads.attend(g, &part("attn1"), y, y)?;
        let x = self.gated(g, &part("attn1"), x, y, all, 2)?;
        let y = g.add(&part("norm3"), self.norm.clone(), &[x])?;
        let y = self.modulate(g, &part("norm3"), y, all, [3, 4])?;
        let y = self.mlp(g, &part("ff.net"), y)?;
        self.gated(g, &part("ff"), x, y, all, 5)
    }

    /// x (1 + scale) + shift. `parts` are the places of shift and scale in `all`.
    fn modulate(
        &self,
        g: &mut Builder,
        name: &str,
        x: NodeId,
        all: NodeId,
        [shift, scale]: [usize; 2],
    ) -> Result<NodeId, GraphError> {
        let shift = self.part(g, &format!("{name}.shift"), all, shift)?;
        let scale = self.part(g, &format!("{name}.scale"), all, scale)?;
        let scale = g.add(&format!("{name}.scale.plus_one"), Affine { scale: 1.0, shift: 1.0 }, &[scale])?;
        let x = g.add(&format!("{name}.scaled"), Mul, &[x, scale])?;
        g.add(&format!("{name}.shifted"), Add, &[x, shift])
    }

    /// x + gate y
    fn gated(
        &self,
        g: &mut Builder,
        name: &str,
        x: NodeId,
        y: NodeId,
        all: NodeId,
        gate: usize,
    ) -> Result<NodeId, GraphError> {
        let gate = self.part(g, &format!("{name}.gate"), all, gate)?;
        let y = g.add(&format!("{name}.gated"), Mul, &[y, gate])?;
        g.add(&format!("{name}.residual"), Add, &[x, y])
    }

    /// One of the vectors that stand side by side in `all`.
    fn part(&self, g: &mut Builder, name: &str, all: NodeId, at: usize) -> Result<NodeId, GraphError> {
        g.add(name, Slice { axis: 0, start: at * self.features(), len: self.features() }, &[all])
    }

    fn mlp(&self, g: &mut Builder, name: &str, x: NodeId) -> Result<NodeId, GraphError> {
        let (features, hidden) = (self.features(), 4 * self.features());
        let x = g.add(&format!("{name}.0.proj"), Linear::new(features, hidden, true), &[x])?;
        let x = g.add(&format!("{name}.0"), self.activation, &[x])?;
        g.add(&format!("{name}.2"), Linear::new(hidden, features, true), &[x])
    }

    /// A norm whose scale and shift come from elsewhere.
    fn plain_norm(&self) -> LayerNorm {
        LayerNorm { learned: false, ..LayerNorm::new(self.features(), MODULATED_EPS) }
    }

    /// [tokens, features] -> [outputs, side, side]. It listens to the first layer's condition.
    fn answer(&self, g: &mut Builder, x: NodeId, condition: NodeId) -> Result<NodeId, GraphError> {
        let &Self { patch, outputs: channels, .. } = self;
        let features = self.features();
        let both = g.add("proj_out_1", Linear::new(features, 2 * features, true), &[condition])?;
        let x = g.add("norm_out", self.plain_norm(), &[x])?;
        let x = self.modulate(g, "norm_out", x, both, [0, 1])?;
        let painted = patch.saturating_mul(patch).saturating_mul(channels);
        let x = g.add("proj_out_2", Linear::new(features, painted, true), &[x])?;
        g.add("unpatch", Unpatch { height: self.grid(), width: self.grid(), patch, channels }, &[x])
    }

    fn title(&self) -> String {
        let Self { layers, heads, side, patch, inputs, classes, .. } = self;
        let (features, classes) = (self.features(), grouped(*classes as u64));
        format!(
            "DiT with {layers} layers of {heads} heads, {features} features, {side}×{side} samples with {inputs} \
             channels in patches of {patch}×{patch}, {classes} classes"
        )
    }

    /// As diffusers writes it.
    fn config(&self) -> Map<String, Value> {
        let activation = if self.activation == Activation::Gelu { EXACT } else { TANH };
        let config = [
            ("_class_name", json!("DiTTransformer2DModel")),
            ("sample_size", json!(self.side)),
            ("patch_size", json!(self.patch)),
            ("in_channels", json!(self.inputs)),
            ("out_channels", json!(self.outputs)),
            ("num_layers", json!(self.layers)),
            ("num_attention_heads", json!(self.heads)),
            ("attention_head_dim", json!(self.head_dim)),
            ("attention_bias", json!(self.bias)),
            ("activation_fn", json!(activation)),
            ("num_embeds_ada_norm", json!(self.classes)),
            ("norm_type", json!("ada_norm_zero")),
            ("norm_elementwise_affine", json!(self.norm.learned)),
            ("norm_eps", json!(self.norm.eps)),
        ];
        config.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}

fn block(at: usize) -> String {
    format!("transformer_blocks.{at}")
}

/// What `Transformer2DModel` can be besides a DiT, and is not supported.
fn check(source: &Source) -> Result<(), ModelError> {
    fixed(source, "norm_type", &[json!("ada_norm_zero")])?;
    fixed(source, "interpolation_scale", &[json!(1)])?;
    fixed(source, "attention_type", &[json!("default")])?;
    for key in ["only_cross_attention", "double_self_attention"] {
        fixed(source, key, &[json!(false)])?;
    }
    let absent = ["cross_attention_dim", "num_vector_embeds", "caption_channels"];
    absent.into_iter().try_for_each(|key| fixed(source, key, &[Value::Null]))
}

/// Height and width in pixels.
fn side(source: &Source, patch: usize) -> Result<usize, ModelError> {
    let side = bounded("sample_size", need(source, "sample_size")?, LARGEST_SIDE)?;
    let grid = side / patch;
    if !side.is_multiple_of(patch) || grid * grid > MOST_TOKENS {
        let want = format!("a multiple of patch_size = {patch}, with at most {MOST_TOKENS} patches");
        return Err(ModelError::setting("sample_size", want, side));
    }
    Ok(side)
}

fn activation(source: &Source) -> Result<Activation, ModelError> {
    let word = word(source, "activation_fn", &[TANH, EXACT], TANH)?;
    Ok(if word == TANH { Activation::GeluTanh } else { Activation::Gelu })
}
