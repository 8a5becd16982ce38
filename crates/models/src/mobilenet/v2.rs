//! MobileNetV2: a convolution `features.0`, inverted residual blocks `features.1`, `features.2` ... that widen, filter
//! each channel and narrow again, a last convolution, then a mean over all places and `classifier.1`.

use secateur_formats::quote;
use secateur_graph::ops::{Activation, Add, Conv2d, Input, Linear, MeanPlaces};
use secateur_graph::{Builder, Graph, GraphError, NodeId};
use serde_json::json;

use super::{Frame, Plan, Task, V2};
use crate::ModelError;
use crate::cnn::{conv_norm, depthwise, layers, same};
use crate::settings::sizes;
use crate::source::{Source, Witness};

/// Sandler et al. (2018), table 2.
const STRIDES: [usize; 18] = [2, 1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1];
const STEM: &str = "features.0.0.weight";

pub fn plan(source: &Source) -> Result<Plan, ModelError> {
    let mut assumed = Vec::new();
    let sizes = Sizes::read(source, &mut assumed)?;
    let labels = source.labels("classifier.1.weight")?;
    let numbered = || sizes.blocks.iter().enumerate();
    let config = [
        ("model_type", json!(V2)),
        ("stem_channels", json!(sizes.stem)),
        ("block_channels", json!(sizes.blocks.iter().map(|block| block.outputs).collect::<Vec<_>>())),
        ("expanded_channels", json!(sizes.blocks.iter().filter_map(|block| block.expanded).collect::<Vec<_>>())),
        (
            "without_expansion",
            json!(numbered().filter(|(_, block)| block.expanded.is_none()).map(|(at, _)| at).collect::<Vec<_>>()),
        ),
        ("last_channels", json!(sizes.last)),
    ];
    Ok(Plan {
        graph: sizes.graph(labels.len())?,
        task: Task::ImageClasses,
        pictures: Some(sizes.frame.pictures(&mut assumed)),
        config: sizes.frame.config(config),
        title: sizes.frame.title("MobileNetV2", sizes.blocks.len(), labels.len()),
        labels,
        assumed,
    })
}

struct Sizes {
    frame: Frame,
    /// Channels after the first convolution.
    stem: usize,
    blocks: Vec<Block>,
    /// Channels after the last convolution.
    last: usize,
}

struct Block {
    /// Channels inside, where a 1×1 convolution widens them first.
    expanded: Option<usize>,
    outputs: usize,
    stride: usize,
}

impl Sizes {
    fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        // The first and the last convolution are numbered with the blocks.
        let shown = source.tensors.map_or(0, |tensors| tensors.numbered("features.").saturating_sub(2));
        let count = layers(source, "block_channels", shown)?;
        let frame = Frame::read(source, STEM, count, &STRIDES, assumed)?;
        let blocks = blocks(source, count, &frame.strides[1..])?;
        let last = format!("features.{}.0.weight", count + 1);
        Ok(Self {
            frame,
            stem: source.size("stem_channels", Witness { tensor: STEM, axis: 0, axes: 4 })?,
            blocks,
            last: source.size("last_channels", Witness { tensor: &last, axis: 0, axes: 4 })?,
        })
    }

    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let x = g.add("image", Input::new(&self.frame.shape()), &[])?;
        let stem = same(self.frame.channels, self.stem, 3, self.frame.strides[0]);
        let mut x = self.conv(&mut g, "features.0", stem, x)?;
        for (at, block) in self.blocks.iter().enumerate() {
            g.block();
            x = self.block(&mut g, &format!("features.{}", at + 1), block, x)?;
        }
        g.block();
        let last = same(g.shape(x)[0], self.last, 1, 1);
        let x = self.conv(&mut g, &format!("features.{}", self.blocks.len() + 1), last, x)?;
        g.block();
        let x = g.add("mean", MeanPlaces, &[x])?;
        let logits = g.add("classifier.1", Linear::new(self.last, classes, true), &[x])?;
        Ok(g.finish(logits))
    }

    /// An inverted residual; the sum is there where the shapes allow it.
    fn block(&self, g: &mut Builder, name: &str, block: &Block, x: NodeId) -> Result<NodeId, GraphError> {
        let (inputs, mut y, mut at) = (g.shape(x)[0], x, 0);
        if let Some(expanded) = block.expanded {
            y = self.conv(g, &format!("{name}.conv.0"), same(inputs, expanded, 1, 1), y)?;
            at = 1;
        }
        let filters = depthwise(g.shape(y)[0], block.stride);
        y = self.conv(g, &format!("{name}.conv.{at}"), filters, y)?;
        let names = [at + 1, at + 2].map(|at| format!("{name}.conv.{at}"));
        let narrow = same(g.shape(y)[0], block.outputs, 1, 1);
        y = conv_norm(g, [&names[0], &names[1]], narrow, self.frame.eps, None, y)?;
        if block.stride == 1 && inputs == block.outputs {
            y = g.add(&format!("{name}.residual"), Add, &[x, y])?;
        }
        Ok(y)
    }

    /// torchvision's unit of convolution, norm and ReLU6.
    fn conv(&self, g: &mut Builder, name: &str, conv: Conv2d, x: NodeId) -> Result<NodeId, GraphError> {
        let names = [0, 1].map(|at| format!("{name}.{at}"));
        conv_norm(g, [&names[0], &names[1]], conv, self.frame.eps, Some(Activation::Relu6), x)
    }
}

fn blocks(source: &Source, count: usize, strides: &[usize]) -> Result<Vec<Block>, ModelError> {
    let narrow = without_expansion(source, count)?;
    let name = |at: usize, conv: &str| format!("features.{}.conv.{conv}.weight", at + 1);
    let wide: Vec<_> = (0..count).filter(|at| !narrow.contains(at)).map(|at| name(at, "0.0")).collect();
    let mut expanded = sizes(source, "expanded_channels", &wide, (0, 4))?.into_iter();
    let last = |at: usize| name(at, if narrow.contains(&at) { "1" } else { "2" });
    let outputs = sizes(source, "block_channels", &(0..count).map(last).collect::<Vec<_>>(), (0, 4))?;
    let block = |(at, outputs): (usize, usize)| {
        let expanded = if narrow.contains(&at) { None } else { expanded.next() };
        Block { expanded, outputs, stride: strides[at] }
    };
    Ok(outputs.into_iter().enumerate().map(block).collect())
}

/// The blocks that do not widen, counted from 0; in the published network the first.
fn without_expansion(source: &Source, count: usize) -> Result<Vec<usize>, ModelError> {
    let plain = |at: &usize| !source.has(&format!("features.{}.conv.1.0.weight", at + 1));
    let shown = || if source.tensors.is_some() { (0..count).filter(plain).collect() } else { vec![0] };
    let narrow: Vec<usize> = source.setting("without_expansion")?.unwrap_or_else(shown);
    let fits = narrow.len() <= count && narrow.iter().all(|at| *at < count) && narrow.is_sorted_by(|a, b| a < b);
    let want = || format!("different numbers of blocks below {count}, ascending");
    let got = quote(&format!("{narrow:?}"));
    fits.then_some(narrow).ok_or_else(|| ModelError::setting("without_expansion", want(), got))
}
