//! Residual networks (He et al., 2015) with torchvision's names, which timm shares, and with those of the well-known
//! scripts for CIFAR-10: `conv1` and `bn1`, stages `layer1`, `layer2` ... of blocks, a mean over all places, `fc` or
//! `linear`. A 7×7 kernel in conv1 tells the stem for ImageNet from the one for CIFAR.

mod read;

use secateur_graph::ops::{Activation, Add, Input, Linear, MaxPool2d, MeanPlaces, PadChannels};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::cnn::{conv_norm, counts_batches, same};
use crate::model::{Plan, Task};
use crate::settings::Pair;
use crate::source::Source;
use crate::{Family, InputSpec, ModelError, Tensors};

/// Side of the kernel in ImageNet's stem.
const LARGE_STEM: usize = 7;
const BOTTLENECK: &str = "bottleneck";
/// A shortcut without parameters; any other word is the module's name.
const PADDING: &str = "padding";

pub struct ResNet;

impl Family for ResNet {
    fn id(&self) -> &'static str {
        "resnet"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["resnet"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        let ours = ["conv1.weight", "bn1.weight", "layer1.0.conv1.weight"];
        foreign(tensors).is_some() || ours.iter().all(|name| tensors.has(name))
    }

    fn unused(&self, name: &str) -> bool {
        counts_batches(name)
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        if let Some(error) = source.tensors.and_then(foreign) {
            return Err(error);
        }
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        let labels = source.labels(&format!("{}.weight", sizes.head))?;
        Ok(Plan {
            graph: sizes.graph(labels.len())?,
            task: Task::ImageClasses,
            pictures: Some(InputSpec::imagenet(sizes.channels, sizes.picture, &mut assumed)),
            config: sizes.config(),
            title: sizes.title(labels.len()),
            labels,
            assumed,
        })
    }
}

/// Everything about a ResNet but its weights and labels.
struct Sizes {
    channels: usize,
    picture: Pair,
    stem_kernel: usize,
    stem_outputs: usize,
    /// `basic`: two 3×3 convolutions a block; `bottleneck`: 1×1, 3×3, 1×1.
    kind: &'static str,
    stages: Vec<Stage>,
    /// [`PADDING`], or the name of the convolution and norm on a shortcut that changes the shape.
    shortcut: &'static str,
    head: &'static str,
    eps: f64,
}

/// Blocks that give pictures of one shape.
struct Stage {
    /// Of the first block.
    stride: usize,
    outputs: usize,
    /// Channels inside each block: one number, or two in a bottleneck.
    blocks: Vec<Vec<usize>>,
}

impl Sizes {
    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let mut x = self.stem(&mut g)?;
        for (stage, Stage { stride, outputs, blocks }) in self.stages.iter().enumerate() {
            for (at, inner) in blocks.iter().enumerate() {
                g.block();
                let stride = if at == 0 { *stride } else { 1 };
                x = self.block(&mut g, &format!("layer{}.{at}", stage + 1), &self.convs(inner, *outputs, stride), x)?;
            }
        }
        g.block();
        let x = g.add("avgpool", MeanPlaces, &[x])?;
        let features = g.shape(x)[0];
        let logits = g.add(self.head, Linear::new(features, classes, true), &[x])?;
        Ok(g.finish(logits))
    }

    /// [channels, height, width] -> [stem_outputs, height', width']
    fn stem(&self, g: &mut Builder) -> Result<NodeId, GraphError> {
        let &Self { channels, picture: Pair(height, width), stem_kernel, stem_outputs, eps, .. } = self;
        let large = stem_kernel == LARGE_STEM;
        let conv = same(channels, stem_outputs, stem_kernel, if large { 2 } else { 1 });
        let x = g.add("image", Input::new(&[channels, height, width]), &[])?;
        let x = conv_norm(g, ["conv1", "bn1"], conv, eps, Some(Activation::Relu), x)?;
        match large {
            true => g.add("maxpool", MaxPool2d { kernel: 3, stride: 2, padding: 1 }, &[x]),
            false => Ok(x),
        }
    }

    /// (outputs, kernel, stride) of a block's convolutions. The 3×3 one takes the stride, as in "ResNet v1.5".
    fn convs(&self, inner: &[usize], outputs: usize, stride: usize) -> Vec<(usize, usize, usize)> {
        match (self.kind, inner) {
            (BOTTLENECK, &[narrow, wide]) => vec![(narrow, 1, 1), (wide, 3, stride), (outputs, 1, 1)],
            _ => vec![(inner[0], 3, stride), (outputs, 3, 1)],
        }
    }

    fn block(
        &self,
        g: &mut Builder,
        block: &str,
        convs: &[(usize, usize, usize)],
        x: NodeId,
    ) -> Result<NodeId, GraphError> {
        let mut y = x;
        for (at, &(outputs, kernel, stride)) in convs.iter().enumerate() {
            let names = [format!("{block}.conv{}", at + 1), format!("{block}.bn{}", at + 1)];
            let activation = (at + 1 < convs.len()).then_some(Activation::Relu);
            let conv = same(g.shape(y)[0], outputs, kernel, stride);
            y = conv_norm(g, [&names[0], &names[1]], conv, self.eps, activation, y)?;
        }
        let stride = convs.iter().map(|(_, _, stride)| stride).product();
        let x = self.shortcut(g, block, stride, x, y)?;
        let y = g.add(&format!("{block}.residual"), Add, &[y, x])?;
        g.add(&format!("{block}.activation"), Activation::Relu, &[y])
    }

    /// `x` in the shape of `y`, the block's own way.
    fn shortcut(
        &self,
        g: &mut Builder,
        block: &str,
        stride: usize,
        x: NodeId,
        y: NodeId,
    ) -> Result<NodeId, GraphError> {
        let (inputs, outputs) = (g.shape(x)[0], g.shape(y)[0]);
        if stride == 1 && inputs == outputs {
            return Ok(x);
        }
        if self.shortcut == PADDING {
            // A window of one place takes every stride-th place.
            let places = MaxPool2d { kernel: 1, stride, padding: 0 };
            let x = g.add(&format!("{block}.shortcut.places"), places, &[x])?;
            let each = outputs.saturating_sub(inputs) / 2;
            return g.add(&format!("{block}.shortcut"), PadChannels { before: each, after: each }, &[x]);
        }
        let names = [0, 1].map(|at| format!("{block}.{}.{at}", self.shortcut));
        conv_norm(g, [&names[0], &names[1]], same(inputs, outputs, 1, stride), self.eps, None, x)
    }

    fn title(&self, classes: usize) -> String {
        let Self { kind, stages, picture: Pair(height, width), .. } = self;
        let blocks: usize = stages.iter().map(|stage| stage.blocks.len()).sum();
        let (stages, classes) = (stages.len(), grouped(classes as u64));
        format!(
            "ResNet image classifier with {blocks} {kind} blocks in {stages} stages, {height}×{width} pixels, \
             {classes} classes"
        )
    }

    fn config(&self) -> Map<String, Value> {
        let by_stage = |size: fn(&Stage) -> usize| json!(self.stages.iter().map(size).collect::<Vec<_>>());
        let inner: Vec<_> = self.stages.iter().flat_map(|stage| stage.blocks.iter().flatten()).collect();
        let config = [
            ("model_type", json!("resnet")),
            ("image_size", self.picture.json()),
            ("num_channels", json!(self.channels)),
            ("stem_kernel", json!(self.stem_kernel)),
            ("stem_channels", json!(self.stem_outputs)),
            ("layer_type", json!(self.kind)),
            ("depths", by_stage(|stage| stage.blocks.len())),
            ("stage_strides", by_stage(|stage| stage.stride)),
            ("stage_channels", by_stage(|stage| stage.outputs)),
            ("inner_channels", json!(inner)),
            ("shortcut", json!(self.shortcut)),
            ("head", json!(self.head)),
            ("batch_norm_eps", json!(self.eps)),
        ];
        config.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}

/// The same networks under other names.
fn foreign(tensors: &Tensors) -> Option<ModelError> {
    let theirs = ["resnet.embedder.embedder.convolution.weight", "embedder.embedder.convolution.weight"];
    theirs.iter().any(|name| tensors.has(name)).then(|| {
        let what = "this is a ResNet with Hugging Face's tensor names; torchvision's or timm's are needed";
        ModelError::unsupported(what, "choose the model's torchvision or timm version")
    })
}
