//! Diffusion's U-Nets (Ronneberger et al., 2015; Ho et al., 2020) as diffusers stores them: `UNet2DModel` and, with a
//! text that the pictures look at (Rombach et al., 2021), `UNet2DConditionModel`.

mod blocks;
mod read;

use secateur_graph::ops::{Activation, Add, Affine, Concat, Embedding, Input, Timestep};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::diffusers::{embed_time, waves};
use crate::model::{Plan, Task};
use crate::settings::Pair;
use crate::source::Source;
use crate::{Family, InputSpec, ModelError, Tensors};
use blocks::{Blocks, same};

/// Tokens of a text, as CLIP gives them; any other number does as well.
const TEXT_TOKENS: usize = 77;

pub struct UNet;

impl Family for UNet {
    fn id(&self) -> &'static str {
        "unet"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["UNet2DModel", "UNet2DConditionModel"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        let ours = ["conv_in.weight", "time_embedding.linear_1.weight", "conv_out.weight"];
        foreign(tensors).is_some() || ours.iter().all(|name| tensors.has(name))
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
            pictures: Some(InputSpec::new(sizes.inputs, sizes.height, sizes.width)),
            config: sizes.config(),
            title: sizes.title(),
            assumed,
        })
    }
}

/// The same networks with the names of their first authors' code.
fn foreign(tensors: &Tensors) -> Option<ModelError> {
    let theirs = |name: &str| name.ends_with("input_blocks.0.0.weight");
    tensors.names().any(theirs).then(|| {
        ModelError::unsupported(
            "this is a U-Net with the tensor names of its authors' code; diffusers' are needed",
            "choose the model's diffusers version: the file in its folder \"unet\"",
        )
    })
}

/// Everything about a U-Net but its weights.
struct Sizes {
    inputs: usize,
    outputs: usize,
    height: usize,
    width: usize,
    /// Whether pictures come as 0..1 and are brought to -1..1 first.
    center: bool,
    /// Kernels of the first and the last convolution.
    kernels: [usize; 2],
    time: Time,
    classes: Option<usize>,
    /// Features of the text, if there is one.
    text: Option<usize>,
    /// From the largest pictures to the smallest; the last one's sizes are the middle's too.
    levels: Vec<Level>,
    middle_attends: bool,
    /// Groups of the norm before the middle's attention, where there is no text.
    middle_groups: usize,
    groups: usize,
    eps: f64,
    /// Around pictures before their size is halved: 0 or 1.
    padding: usize,
    /// A transformer's first and last projection are linear, not 1×1 convolutions.
    linear: bool,
    /// An attention's matrices where there is no text.
    names: [&'static str; 4],
}

struct Time {
    cosines_first: bool,
    shift: usize,
    features: usize,
}

/// All blocks of one picture size.
struct Level {
    channels: usize,
    /// On the way down; there is one more on the way up.
    layers: usize,
    attends_down: bool,
    attends_up: bool,
    heads: usize,
    head_dim: usize,
    /// Blocks in each transformer.
    depth: usize,
}

impl Sizes {
    fn graph(&self) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let mut x = g.add("sample", Input::new(&[self.inputs, self.height, self.width]), &[])?;
        let time = self.time(&mut g)?;
        let text = match self.text {
            Some(features) => Some(g.add("encoder_hidden_states", Input::new(&[TEXT_TOKENS, features]), &[])?),
            None => None,
        };
        if self.center {
            x = g.add("center", Affine { scale: 2.0, shift: -1.0 }, &[x])?;
        }
        let [first, last] = self.kernels;
        let widest = self.levels[0].channels;
        let x = g.add("conv_in", same(self.inputs, widest, first), &[x])?;
        let mut blocks = Blocks { g, sizes: self, time, text };
        let (x, skips) = self.down(&mut blocks, x)?;
        let x = self.middle(&mut blocks, x)?;
        let x = self.up(&mut blocks, x, skips)?;
        blocks.g.block();
        let x = blocks.activated_norm("conv_norm_out", x)?;
        let mut g = blocks.g;
        let x = g.add("conv_out", same(widest, self.outputs, last), &[x])?;
        Ok(g.finish_with(&[("sample", x)]))
    }

    /// The time step, and the class where there is one, activated: [features].
    fn time(&self, g: &mut Builder) -> Result<NodeId, GraphError> {
        let Time { cosines_first, shift, features } = self.time;
        let step = Timestep { features: self.levels[0].channels, cosines_first, shift: shift as f64 };
        let step = waves(g, step)?;
        let mut time = embed_time(g, "time_embedding", step, features)?;
        if let Some(entries) = self.classes {
            let label = g.add("class_labels", Input::new(&[]), &[])?;
            let label = g.add("class_embedding", Embedding { entries, features }, &[label])?;
            time = g.add("class_embedding.sum", Add, &[time, label])?;
        }
        g.add("time_embedding.activated", Activation::Silu, &[time])
    }

    /// To the smallest pictures. Gives what every step made too, for the way up.
    fn down(&self, blocks: &mut Blocks, mut x: NodeId) -> Result<(NodeId, Vec<NodeId>), GraphError> {
        let mut skips = vec![x];
        for (at, level) in self.levels.iter().enumerate() {
            let name = format!("down_blocks.{at}");
            for layer in 0..level.layers {
                blocks.g.block();
                x = blocks.layer(&name, layer, x, level, level.attends_down)?;
                skips.push(x);
            }
            if at + 1 < self.levels.len() {
                x = blocks.downsample(&name, x)?;
                skips.push(x);
            }
        }
        Ok((x, skips))
    }

    fn middle(&self, blocks: &mut Blocks, x: NodeId) -> Result<NodeId, GraphError> {
        let level = &self.levels[self.levels.len() - 1];
        blocks.g.block();
        let mut x = blocks.resnet("mid_block.resnets.0", x, level.channels)?;
        if self.middle_attends {
            x = blocks.attention("mid_block.attentions.0", x, level, self.middle_groups)?;
        }
        blocks.g.block();
        blocks.resnet("mid_block.resnets.1", x, level.channels)
    }

    /// Back to the first size. Each layer sees what was made at its place on the way down, the last first.
    fn up(&self, blocks: &mut Blocks, mut x: NodeId, mut skips: Vec<NodeId>) -> Result<NodeId, GraphError> {
        for (at, level) in self.levels.iter().rev().enumerate() {
            let name = format!("up_blocks.{at}");
            for (layer, skip) in (0..=level.layers).zip(std::iter::from_fn(|| skips.pop())) {
                // What came down belongs to the block that reads it.
                blocks.g.block();
                let joined = format!("{name}.resnets.{layer}.joined");
                x = blocks.g.add(&joined, Concat { axis: 0 }, &[x, skip])?;
                x = blocks.layer(&name, layer, x, level, level.attends_up)?;
            }
            if at + 1 < self.levels.len() {
                x = blocks.upsample(&name, x)?;
            }
        }
        Ok(x)
    }

    fn title(&self) -> String {
        let Self { inputs, height, width, levels, .. } = self;
        let channels: Vec<String> = levels.iter().map(|level| level.channels.to_string()).collect();
        let classes = self.classes.map(|classes| format!(", {} classes", grouped(classes as u64)));
        let text = self.text.map(|features| format!(", texts of {features} features"));
        let more: String = [classes, text].into_iter().flatten().collect();
        let channels = channels.join(", ");
        format!("diffusion U-Net of {channels} channels for {height}×{width} samples with {inputs} channels{more}")
    }

    /// As diffusers writes it.
    fn config(&self) -> Map<String, Value> {
        let each = |size: fn(&Level) -> usize| json!(self.levels.iter().map(size).collect::<Vec<_>>());
        let Time { cosines_first, shift, features } = self.time;
        let config = [
            ("sample_size", Pair(self.height, self.width).json()),
            ("in_channels", json!(self.inputs)),
            ("out_channels", json!(self.outputs)),
            ("center_input_sample", json!(self.center)),
            ("flip_sin_to_cos", json!(cosines_first)),
            ("freq_shift", json!(shift)),
            ("time_embedding_dim", json!(features)),
            ("num_class_embeds", json!(self.classes)),
            ("block_out_channels", each(|level| level.channels)),
            ("down_block_types", self.types("Down", self.levels.iter().map(|level| level.attends_down))),
            ("up_block_types", self.types("Up", self.levels.iter().rev().map(|level| level.attends_up))),
            ("norm_num_groups", json!(self.groups)),
            ("norm_eps", json!(self.eps)),
            ("downsample_padding", json!(self.padding)),
            ("act_fn", json!("silu")),
        ];
        let rest = match self.text {
            Some(features) => self.text_config(features, &each),
            None => self.plain_config(),
        };
        config.into_iter().chain(rest).map(|(key, value)| (key.to_string(), value)).collect()
    }

    fn types(&self, way: &str, attends: impl Iterator<Item = bool>) -> Value {
        attends.map(|attends| json!(block_type(self.text.is_some(), way, attends))).collect()
    }

    fn text_config(&self, features: usize, each: &dyn Fn(fn(&Level) -> usize) -> Value) -> Vec<(&'static str, Value)> {
        vec![
            ("_class_name", json!("UNet2DConditionModel")),
            ("mid_block_type", json!("UNetMidBlock2DCrossAttn")),
            ("cross_attention_dim", json!(features)),
            ("layers_per_block", each(|level| level.layers)),
            ("transformer_layers_per_block", each(|level| level.depth)),
            ("attention_head_dim", each(|level| level.heads)),
            ("use_linear_projection", json!(self.linear)),
            ("conv_in_kernel", json!(self.kernels[0])),
            ("conv_out_kernel", json!(self.kernels[1])),
        ]
    }

    fn plain_config(&self) -> Vec<(&'static str, Value)> {
        let one_head = self.levels.iter().all(|level| level.head_dim == level.channels);
        let first = &self.levels[0];
        vec![
            ("_class_name", json!("UNet2DModel")),
            ("mid_block_type", json!("UNetMidBlock2D")),
            ("layers_per_block", json!(first.layers)),
            ("attention_head_dim", if one_head { Value::Null } else { json!(first.head_dim) }),
            ("attn_norm_num_groups", json!(self.middle_groups)),
            ("add_attention", json!(self.middle_attends)),
            (read::OLD_NAMES_KEY, json!(self.names == read::OLD_NAMES)),
        ]
    }
}

/// diffusers' word for a level's blocks on one `way`, `Down` or `Up`.
fn block_type(text: bool, way: &str, attends: bool) -> String {
    let attention = match (attends, text) {
        (false, _) => "",
        (true, false) => "Attn",
        (true, true) => "CrossAttn",
    };
    format!("{attention}{way}Block2D")
}
