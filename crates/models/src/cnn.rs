//! What the families of convolutional networks share.

use secateur_graph::ops::{Activation, BatchNorm, Conv2d};
use secateur_graph::{Builder, GraphError, NodeId};

use crate::settings::{self, Pair};
use crate::source::{Source, bounded};
use crate::{ModelError, Tensors};

/// Bounds for arithmetic and memory, far above real models.
const MOST_LAYERS: usize = 1000;
pub const LARGEST_SIDE: usize = 1 << 13;
const LARGEST_STRIDE: usize = 64;

/// PyTorch's default.
const EPS: f64 = 1e-5;

/// How many batches a norm has seen: only training asks.
pub fn counts_batches(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}

pub fn norm_eps(source: &Source, assumed: &mut Vec<String>) -> Result<f64, ModelError> {
    settings::eps(source, "batch_norm_eps", EPS, assumed)
}

/// Height and width in pixels, if the configuration says them.
pub fn said_picture(source: &Source) -> Result<Option<Pair>, ModelError> {
    let Some(picture) = source.setting::<Pair>("image_size")? else { return Ok(None) };
    bounded("image_size", picture.0, LARGEST_SIDE)?;
    bounded("image_size", picture.1, LARGEST_SIDE)?;
    Ok(Some(picture))
}

/// Height and width in pixels. A network that ends in a mean over all places takes any, so no tensor shows them.
pub fn picture(source: &Source, usual: usize, assumed: &mut Vec<String>) -> Result<Pair, ModelError> {
    Ok(said_picture(source)?.unwrap_or_else(|| {
        assumed.push(format!("{usual}×{usual} pixels"));
        Pair(usual, usual)
    }))
}

/// How many layers there are: entries of the list under `key`, else what the tensors show.
pub fn layers(source: &Source, key: &'static str, shown: usize) -> Result<usize, ModelError> {
    let count = source.setting::<Vec<usize>>(key)?.map_or(shown, |list| list.len());
    let fits = (1..=MOST_LAYERS).contains(&count);
    let want = || format!("a list of 1 to {MOST_LAYERS} sizes");
    fits.then_some(count).ok_or_else(|| ModelError::setting(key, want(), format!("{count} of them")))
}

/// A stride for each layer. No tensor shows them, but those that were published are known.
pub fn strides(
    source: &Source,
    key: &'static str,
    layers: usize,
    published: Option<Vec<usize>>,
    assumed: &mut Vec<String>,
) -> Result<Vec<usize>, ModelError> {
    let Some(said) = source.setting::<Vec<usize>>(key)? else {
        let what =
            || format!("the tensors do not show the strides of these {layers} layers, which are not the usual ones");
        let next = "put a config.json with \"strides\" beside it";
        let strides = published.ok_or_else(|| ModelError::unsupported(what(), next))?;
        assumed.push(format!("strides {strides:?}"));
        return Ok(strides);
    };
    if said.len() != layers {
        return Err(ModelError::setting(key, format!("a list of {layers} strides"), format!("{} of them", said.len())));
    }
    said.into_iter().map(|stride| bounded(key, stride, LARGEST_STRIDE)).collect()
}

/// Numbers N of the tensors `{before}N.weight` with so many axes, ascending.
pub fn numbers(tensors: &Tensors, before: &str, axes: usize) -> Vec<usize> {
    let number = |name: &str| name.strip_prefix(before)?.strip_suffix(".weight")?.parse::<u32>().ok();
    let fits = |name: &&str| tensors.shape(name).is_some_and(|shape| shape.len() == axes);
    let mut numbers: Vec<_> = tensors.names().filter(fits).filter_map(number).map(|number| number as usize).collect();
    numbers.sort_unstable();
    numbers
}

/// A convolution without a bias, since a norm follows, that keeps the picture's size at stride 1.
pub fn same(inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Conv2d {
    Conv2d { stride, padding: kernel / 2, bias: false, ..Conv2d::new(inputs, outputs, kernel) }
}

/// One that keeps channels apart.
pub fn depthwise(channels: usize, stride: usize) -> Conv2d {
    Conv2d { groups: channels, ..same(channels, channels, 3, stride) }
}

/// Convolution and batch norm under their modules' names, and an activation where there is one.
pub fn conv_norm(
    g: &mut Builder,
    [conv, norm]: [&str; 2],
    op: Conv2d,
    eps: f64,
    activation: Option<Activation>,
    x: NodeId,
) -> Result<NodeId, GraphError> {
    let channels = op.outputs;
    let x = g.add(conv, op, &[x])?;
    let x = g.add(norm, BatchNorm { channels, eps }, &[x])?;
    match activation {
        Some(activation) => g.add(&format!("{norm}.activation"), activation, &[x]),
        None => Ok(x),
    }
}
