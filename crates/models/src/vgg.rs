//! VGG (Simonyan & Zisserman, 2014) with torchvision's names: 3×3 convolutions, each with ReLU and perhaps batch norm
//! before it, and max pools between them, all numbered in `features`; then one linear layer `classifier` (the small
//! form for CIFAR) or several, numbered in it.

mod read;

use secateur_graph::ops::{Activation, BatchNorm, Conv2d, Flatten, Input, Linear, MaxPool2d};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::cnn::{counts_batches, numbers};
use crate::model::{Plan, Task};
use crate::settings::Pair;
use crate::source::Source;
use crate::{Family, InputSpec, ModelError, Tensors};

const KERNEL: usize = 3;

pub struct Vgg;

impl Family for Vgg {
    fn id(&self) -> &'static str {
        "vgg"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["vgg"]
    }

    /// AlexNet has such names too, but larger kernels.
    fn claims(&self, tensors: &Tensors) -> bool {
        let small = |shape: &[usize]| shape.get(2..) == Some(&[KERNEL, KERNEL]);
        let classifier = tensors.has("classifier.weight") || !numbers(tensors, "classifier.", 2).is_empty();
        classifier && tensors.shape("features.0.weight").is_some_and(small)
    }

    fn unused(&self, name: &str) -> bool {
        counts_batches(name)
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        let labels = source.labels(&format!("{}.weight", sizes.classifiers[sizes.hidden.len()]))?;
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

/// Everything about a VGG but its weights and labels.
struct Sizes {
    channels: usize,
    picture: Pair,
    layers: Vec<Layer>,
    /// The batch norms' ε, if there are any.
    norm: Option<f64>,
    /// Whether the convolutions have biases.
    bias: bool,
    /// Names of the linear layers.
    classifiers: Vec<String>,
    /// Outputs of all of them but the last.
    hidden: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Layer {
    /// 3×3, to so many channels.
    Conv(usize),
    /// Max pool 2×2.
    Pool,
}

impl Sizes {
    /// [channels, height, width] -> [features]
    fn features(&self, g: &mut Builder) -> Result<NodeId, GraphError> {
        let mut x = g.add("image", Input::new(&[self.channels, self.picture.0, self.picture.1]), &[])?;
        let mut number = 0;
        for layer in &self.layers {
            let name = format!("features.{number}");
            number += self.numbers(layer);
            match *layer {
                Layer::Pool => x = g.add(&name, MaxPool2d::tiled(2), &[x])?,
                Layer::Conv(outputs) => {
                    g.block();
                    let bias = self.bias;
                    let conv = Conv2d { padding: KERNEL / 2, bias, ..Conv2d::new(g.shape(x)[0], outputs, KERNEL) };
                    x = g.add(&name, conv, &[x])?;
                    if let Some(eps) = self.norm {
                        let norm = BatchNorm { channels: outputs, eps };
                        x = g.add(&format!("features.{}", number - 2), norm, &[x])?;
                    }
                    x = g.add(&format!("features.{}", number - 1), Activation::Relu, &[x])?;
                }
            }
        }
        g.block();
        g.add("flatten", Flatten, &[x])
    }

    /// How many numbers of `features` a layer takes: its convolution, norm and ReLU have one each.
    fn numbers(&self, layer: &Layer) -> usize {
        match layer {
            Layer::Pool => 1,
            Layer::Conv(_) => conv_numbers(self.norm.is_some()),
        }
    }

    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let mut x = self.features(&mut g)?;
        for (at, &outputs) in self.hidden.iter().chain([&classes]).enumerate() {
            if let Some(before) = at.checked_sub(1) {
                x = g.add(&format!("{}.activation", self.classifiers[before]), Activation::Relu, &[x])?;
                g.block();
            }
            let inputs = g.shape(x)[0];
            x = g.add(&self.classifiers[at], Linear::new(inputs, outputs, true), &[x])?;
        }
        Ok(g.finish(x))
    }

    fn title(&self, classes: usize) -> String {
        let Pair(height, width) = self.picture;
        let convs = self.layers.iter().filter(|layer| **layer != Layer::Pool).count();
        let norms = if self.norm.is_some() { " with batch norm" } else { "" };
        let (linears, classes) = (self.classifiers.len(), grouped(classes as u64));
        format!(
            "VGG image classifier with {convs} convolutions{norms}, {linears} linear layers, {height}×{width} pixels, \
             {classes} classes"
        )
    }

    fn config(&self) -> Map<String, Value> {
        let layer = |layer: &Layer| match layer {
            Layer::Conv(outputs) => json!(outputs),
            Layer::Pool => json!("M"),
        };
        let number = |name: &String| name.strip_prefix("classifier.")?.parse().ok();
        let config = [
            ("model_type", json!("vgg")),
            ("image_size", self.picture.json()),
            ("num_channels", json!(self.channels)),
            ("layers", self.layers.iter().map(layer).collect()),
            ("batch_norm", json!(self.norm.is_some())),
            ("conv_bias", json!(self.bias)),
            ("classifier_numbers", json!(self.classifiers.iter().filter_map(number).collect::<Vec<usize>>())),
            ("classifier_features", json!(self.hidden)),
        ];
        let eps = self.norm.map(|eps| ("batch_norm_eps", json!(eps)));
        config.into_iter().chain(eps).map(|(key, value)| (key.to_string(), value)).collect()
    }
}

/// How many numbers of `features` a convolution takes with what follows it.
fn conv_numbers(norm: bool) -> usize {
    if norm { 3 } else { 2 }
}
