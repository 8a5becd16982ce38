//! MobileNetV1: a convolution `model.0`, blocks `model.1`, `model.2` ... of a depthwise and a pointwise one, each with
//! batch norm and ReLU, then a mean over all places and `fc`.

use secateur_graph::ops::{Activation, Conv2d, Input, Linear, MeanPlaces};
use secateur_graph::{Builder, Graph, GraphError, NodeId};
use serde_json::json;

use super::{Frame, Plan, Task, V1};
use crate::ModelError;
use crate::cnn::{conv_norm, depthwise, layers, same};
use crate::settings::sizes;
use crate::source::Source;

/// Howard et al. (2017), table 1, but for the last layer, whose 2 there is taken for a slip by everyone.
const STRIDES: [usize; 14] = [2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1];

pub fn plan(source: &Source) -> Result<Plan, ModelError> {
    let mut assumed = Vec::new();
    let sizes = Sizes::read(source, &mut assumed)?;
    let labels = source.labels("fc.weight")?;
    let config = [("model_type", json!(V1)), ("block_channels", json!(sizes.outputs))];
    Ok(Plan {
        graph: sizes.graph(labels.len())?,
        task: Task::ImageClasses,
        pictures: Some(sizes.frame.pictures(&mut assumed)),
        config: sizes.frame.config(config),
        title: sizes.frame.title("MobileNetV1", sizes.outputs.len() - 1, labels.len()),
        labels,
        assumed,
    })
}

struct Sizes {
    frame: Frame,
    /// Channels after the first convolution and after each block.
    outputs: Vec<usize>,
}

impl Sizes {
    fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let shown = source.tensors.map_or(0, |tensors| tensors.numbered("model."));
        let layers = layers(source, "block_channels", shown)?;
        let last = |at: usize| format!("model.{at}.{}.weight", if at == 0 { 0 } else { 3 });
        let names: Vec<_> = (0..layers).map(last).collect();
        let frame = Frame::read(source, &names[0], layers - 1, &STRIDES, assumed)?;
        Ok(Self { frame, outputs: sizes(source, "block_channels", &names, (0, 4))? })
    }

    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let mut x = g.add("image", Input::new(&self.frame.shape()), &[])?;
        for (at, (&outputs, &stride)) in self.outputs.iter().zip(&self.frame.strides).enumerate() {
            g.block();
            x = match at {
                0 => self.conv(&mut g, "model.0", 0, same(self.frame.channels, outputs, 3, stride), x)?,
                _ => self.separable(&mut g, &format!("model.{at}"), outputs, stride, x)?,
            };
        }
        g.block();
        let x = g.add("mean", MeanPlaces, &[x])?;
        let features = g.shape(x)[0];
        let logits = g.add("fc", Linear::new(features, classes, true), &[x])?;
        Ok(g.finish(logits))
    }

    fn separable(&self, g: &mut Builder, block: &str, outputs: usize, stride: usize, x: NodeId) -> Result<NodeId, GraphError> {
        let conv = depthwise(g.shape(x)[0], stride);
        let x = self.conv(g, block, 0, conv, x)?;
        let conv = same(g.shape(x)[0], outputs, 1, 1);
        self.conv(g, block, 3, conv, x)
    }

    /// A convolution of that number in its block, then norm and ReLU.
    fn conv(&self, g: &mut Builder, block: &str, number: usize, conv: Conv2d, x: NodeId) -> Result<NodeId, GraphError> {
        let names = [number, number + 1].map(|number| format!("{block}.{number}"));
        conv_norm(g, [&names[0], &names[1]], conv, self.frame.eps, Some(Activation::Relu), x)
    }
}
