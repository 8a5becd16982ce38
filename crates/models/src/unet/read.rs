//! A U-Net's sizes from its configuration and its tensors.

use secateur_formats::quote;
use serde_json::{Value, json};

use super::{Level, Sizes, Time, block_type};
use crate::ModelError;
use crate::diffusers::{NAMES, fixed, need, numbers, sample_size};
use crate::settings::{ASK, eps};
use crate::source::{Source, Witness, bounded};

/// Bounds for arithmetic and memory, far above real models.
const MOST_LEVELS: usize = 8;
const MOST_LAYERS: usize = 8;
/// Blocks in a transformer.
const MOST_BLOCKS: usize = 16;
const MOST_CHANNELS: usize = 1 << 16;
const LARGEST_KERNEL: usize = 31;

/// diffusers' defaults.
const GROUPS: usize = 32;
const EPS: f64 = 1e-5;
const HEAD_DIM: usize = 8;

/// An attention's matrices before diffusers 0.15; the first published models still have them.
pub const OLD_NAMES: [&str; 4] = ["query", "key", "value", "proj_attn"];
/// Ours, since nothing else in a config tells of the old names. diffusers passes over keys that start so.
pub const OLD_NAMES_KEY: &str = "_old_attention_names";

impl Sizes {
    /// Sizes that diffusers gives a default have it here too.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        if source.config.is_none() {
            return Err(ModelError::unsupported(
                "a U-Net's tensors do not show its sample_size, attention_head_dim, norm_num_groups, norm_eps, \
                 freq_shift, flip_sin_to_cos and downsample_padding",
                ASK,
            ));
        }
        let text = has_text(source)?;
        check(source, text)?;
        let levels = levels(source, text)?;
        let (height, width) = picture(source, levels.len())?;
        let groups = bounded("norm_num_groups", source.setting("norm_num_groups")?.unwrap_or(GROUPS), MOST_CHANNELS)?;
        let sizes = Self {
            inputs: source.size("in_channels", kernel("conv_in.weight", 1))?,
            outputs: source.size("out_channels", kernel("conv_out.weight", 0))?,
            height,
            width,
            center: source.setting("center_input_sample")?.unwrap_or(false),
            kernels: kernels(source, text)?,
            time: time(source, levels[0].channels)?,
            classes: classes(source)?,
            text: text.then(|| source.size("cross_attention_dim", matrix(TEXT_KEYS, 1))).transpose()?,
            middle_attends: text || source.setting("add_attention")?.unwrap_or(true),
            middle_groups: source.setting("attn_norm_num_groups")?.unwrap_or(groups),
            levels,
            groups,
            eps: eps(source, "norm_eps", EPS, assumed)?,
            padding: one_of_two(source, "downsample_padding", 1)?,
            linear: source.setting("use_linear_projection")?.unwrap_or(false),
            names: names(source)?,
        };
        sizes.check_heads()?;
        Ok(sizes)
    }

    /// Levels that do not attend may say anything about heads.
    fn check_heads(&self) -> Result<(), ModelError> {
        let last = self.levels.len() - 1;
        for (at, level) in self.levels.iter().enumerate() {
            let attends = level.attends_down || level.attends_up || (at == last && self.middle_attends);
            let said = if self.text.is_some() { level.heads } else { level.head_dim };
            if attends && (level.heads == 0 || level.head_dim == 0) {
                let want = format!("from 1 to the {} channels of level {at}", level.channels);
                return Err(ModelError::setting("attention_head_dim", want, said));
            }
        }
        Ok(())
    }
}

/// Its second axis is the text's features.
const TEXT_KEYS: &str = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight";

fn kernel(tensor: &str, axis: usize) -> Witness<'_> {
    Witness { tensor, axis, axes: 4 }
}

fn matrix(tensor: &str, axis: usize) -> Witness<'_> {
    Witness { tensor, axis, axes: 2 }
}

/// Whether it is a `UNet2DConditionModel`.
fn has_text(source: &Source) -> Result<bool, ModelError> {
    let class: Option<String> = source.setting("_class_name")?;
    Ok(class.map_or_else(|| source.has(TEXT_KEYS), |class| class == "UNet2DConditionModel"))
}

/// What changes the numbers and is supported in one way only.
fn check(source: &Source, text: bool) -> Result<(), ModelError> {
    let both = [
        ("time_embedding_type", json!("positional")),
        ("resnet_time_scale_shift", json!("default")),
        ("class_embed_type", Value::Null),
        ("mid_block_scale_factor", json!(1)),
    ];
    let plain = [
        ("mid_block_type", json!("UNetMidBlock2D")),
        ("downsample_type", json!("conv")),
        ("upsample_type", json!("conv")),
    ];
    let with_text = [
        ("mid_block_type", json!("UNetMidBlock2DCrossAttn")),
        ("only_cross_attention", json!(false)),
        ("mid_block_only_cross_attention", json!(false)),
        ("dual_cross_attention", json!(false)),
        ("attention_type", json!("default")),
        ("cross_attention_norm", Value::Null),
        ("num_attention_heads", Value::Null),
        ("reverse_transformer_layers_per_block", Value::Null),
        ("encoder_hid_dim", Value::Null),
        ("encoder_hid_dim_type", Value::Null),
        ("addition_embed_type", Value::Null),
        ("class_embeddings_concat", json!(false)),
        ("time_embedding_act_fn", Value::Null),
        ("timestep_post_act", Value::Null),
        ("time_cond_proj_dim", Value::Null),
        ("resnet_skip_time_act", json!(false)),
        ("resnet_out_scale_factor", json!(1)),
    ];
    fixed(source, "act_fn", &[json!("silu"), json!("swish")])?;
    let special: &[(&'static str, Value)] = if text { &with_text } else { &plain };
    both.iter().chain(special).try_for_each(|(key, value)| fixed(source, key, std::slice::from_ref(value)))
}

fn levels(source: &Source, text: bool) -> Result<Vec<Level>, ModelError> {
    let key = "block_out_channels";
    let channels: Vec<usize> = need(source, key)?;
    let count = channels.len();
    if !(1..=MOST_LEVELS).contains(&count) {
        return Err(ModelError::setting(key, format!("a list of 1 to {MOST_LEVELS} sizes"), format!("{count} of them")));
    }
    let down = attends(source, "down_block_types", "Down", text, count)?;
    let up = attends(source, "up_block_types", "Up", text, count)?;
    let layers = layers(source, text, count)?;
    let heads = heads(source, text, &channels)?;
    let depths = if text { numbers(source, "transformer_layers_per_block", count, 1)? } else { vec![1; count] };
    let level = |at: usize| {
        let (heads, head_dim) = heads[at];
        Ok(Level {
            channels: bounded(key, channels[at], MOST_CHANNELS)?,
            layers: bounded("layers_per_block", layers[at], MOST_LAYERS)?,
            attends_down: down[at],
            attends_up: up[count - 1 - at],
            heads,
            head_dim,
            depth: bounded("transformer_layers_per_block", depths[at], MOST_BLOCKS)?,
        })
    };
    (0..count).map(level).collect()
}

/// Which of a way's blocks attend, in the order in which they run.
fn attends(source: &Source, key: &'static str, way: &str, text: bool, count: usize) -> Result<Vec<bool>, ModelError> {
    let words: Vec<String> = need(source, key)?;
    if words.len() != count {
        return Err(ModelError::setting(key, format!("a list of {count}, as block_out_channels is"), words.len()));
    }
    let known = [false, true].map(|attends| block_type(text, way, attends));
    let attends = |word: &String| {
        let found = known.iter().position(|known| known == word).map(|at| at == 1);
        found.ok_or_else(|| {
            let want = format!("made of {} and {}, which are supported", known[0], known[1]);
            ModelError::setting(key, want, quote(word))
        })
    };
    words.iter().map(attends).collect()
}

/// A list only where there is a text.
fn layers(source: &Source, text: bool, count: usize) -> Result<Vec<usize>, ModelError> {
    let key = "layers_per_block";
    if text { numbers(source, key, count, 2) } else { Ok(vec![source.setting(key)?.unwrap_or(2); count]) }
}

/// (heads, features of each) by level. With a text, `attention_head_dim` is the number of heads: a slip that diffusers
/// keeps for the sake of published configs. Without, it is a head's features; null is one head of all channels.
/// Channels that do not make up a whole head are left out.
fn heads(source: &Source, text: bool, channels: &[usize]) -> Result<Vec<(usize, usize)>, ModelError> {
    let key = "attention_head_dim";
    let other = |channels: usize, number: usize| channels.checked_div(number).unwrap_or(0);
    if text {
        let heads = numbers(source, key, channels.len(), HEAD_DIM)?;
        return Ok(channels.iter().zip(heads).map(|(&channels, heads)| (heads, other(channels, heads))).collect());
    }
    let one_head = source.config.and_then(|config| config.get(key)).is_some_and(Value::is_null);
    let size = source.setting(key)?.unwrap_or(HEAD_DIM);
    let heads = |&channels: &usize| {
        let size = if one_head { channels } else { size };
        (other(channels, size), size)
    };
    Ok(channels.iter().map(heads).collect())
}

/// Every level but the last halves the picture, and what comes back must fit.
fn picture(source: &Source, levels: usize) -> Result<(usize, usize), ModelError> {
    let (height, width) = sample_size(source)?;
    let step = 1 << (levels - 1);
    if height % step != 0 || width % step != 0 {
        let want = format!("a multiple of {step} each way, since there are {levels} levels");
        return Err(ModelError::setting("sample_size", want, format!("{height}×{width}")));
    }
    Ok((height, width))
}

fn kernels(source: &Source, text: bool) -> Result<[usize; 2], ModelError> {
    let read = |key, tensor| {
        let size = source.agreed(key, Some(source.setting(key)?.unwrap_or(3)), kernel(tensor, 2))?;
        let fits = size % 2 == 1 && size <= LARGEST_KERNEL;
        fits.then_some(size).ok_or_else(|| ModelError::setting(key, format!("odd, at most {LARGEST_KERNEL}"), size))
    };
    match text {
        true => Ok([read("conv_in_kernel", "conv_in.weight")?, read("conv_out_kernel", "conv_out.weight")?]),
        false => Ok([3, 3]),
    }
}

fn time(source: &Source, widest: usize) -> Result<Time, ModelError> {
    let key = "time_embedding_dim";
    let features = source.setting(key)?.unwrap_or(widest * 4);
    Ok(Time {
        cosines_first: source.setting("flip_sin_to_cos")?.unwrap_or(true),
        shift: one_of_two(source, "freq_shift", 0)?,
        features: source.agreed(key, Some(features), matrix("time_embedding.linear_1.weight", 0))?,
    })
}

fn classes(source: &Source) -> Result<Option<usize>, ModelError> {
    let (key, tensor) = ("num_class_embeds", "class_embedding.weight");
    let said: Option<usize> = source.setting(key)?;
    let classes = said.is_some() || source.has(tensor);
    classes.then(|| source.agreed(key, said, matrix(tensor, 0))).transpose()
}

/// 0 or 1.
fn one_of_two(source: &Source, key: &'static str, usual: usize) -> Result<usize, ModelError> {
    let number = source.setting(key)?.unwrap_or(usual);
    if number < 2 { Ok(number) } else { Err(ModelError::setting(key, "0 or 1, which are supported", number)) }
}

/// As the tensors are named, else as we noted when we wrote the config.
fn names(source: &Source) -> Result<[&'static str; 4], ModelError> {
    let old = match source.tensors {
        Some(tensors) => tensors.names().any(|name| name.ends_with(".query.weight")),
        None => source.setting(OLD_NAMES_KEY)?.unwrap_or(false),
    };
    Ok(if old { OLD_NAMES } else { NAMES })
}
