//! Convolutional networks in the manner of LeNet-5 (LeCun et al., 1998): convolutions conv1, conv2 ..., each followed
//! by ReLU and 2×2 max pooling, then linear layers fc1, fc2 ... with ReLU between them.

use secateur_formats::quote;
use secateur_graph::ops::{Activation, Conv2d, Flatten, Input, Linear, MaxPool2d};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::model::{Plan, Task};
use crate::source::{Source, Witness, bounded};
use crate::{Family, InputSpec, ModelError, Tensors};

/// Bounds for arithmetic and memory, far above real models.
const MOST_LAYERS: usize = 16;
const LARGEST_SIDE: usize = 1 << 12;

pub struct LeNet;

impl Family for LeNet {
    fn id(&self) -> &'static str {
        "lenet"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["lenet"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        ["conv1.weight", "fc1.weight"].iter().all(|name| tensors.has(name))
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        let labels = source.labels(&format!("fc{}.weight", sizes.linears.len() + 1))?;
        let side = sizes.side;
        Ok(Plan {
            graph: sizes.graph(labels.len())?,
            task: Task::ImageClasses,
            pictures: Some(InputSpec::new(sizes.channels, side, side)),
            config: sizes.config(),
            title: sizes.title(labels.len()),
            labels,
            assumed,
        })
    }
}

/// Everything about a LeNet but its weights and labels.
struct Sizes {
    channels: usize,
    /// Height and width of the picture.
    side: usize,
    convs: Vec<Conv>,
    /// Outputs of all linear layers but the last.
    linears: Vec<usize>,
}

#[derive(Clone)]
struct Conv {
    outputs: usize,
    kernel: usize,
    padding: usize,
}

impl Sizes {
    fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let convs = List::read(source, "conv_channels", "conv", 0)?;
        let kernels = List::read(source, "conv_kernels", "conv", 0)?;
        let linears = List::read(source, "fc_features", "fc", 1)?;
        if kernels.len != convs.len {
            let want = format!("one for each of the {} convolutions", convs.len);
            return Err(ModelError::setting("conv_kernels", want, kernels.len));
        }
        let conv = |at| {
            let tensor = format!("conv{}.weight", at + 1);
            let witness = |axis| Witness { tensor: &tensor, axis, axes: 4 };
            let kernel = kernels.at(source, at, witness(2))?;
            Ok(Conv { outputs: convs.at(source, at, witness(0))?, kernel, padding: 0 })
        };
        let linear = |at| {
            let tensor = format!("fc{}.weight", at + 1);
            linears.at(source, at, Witness { tensor: &tensor, axis: 0, axes: 2 })
        };
        let sizes = Self {
            channels: source.size("num_channels", Witness { tensor: "conv1.weight", axis: 1, axes: 4 })?,
            side: 0,
            convs: (0..convs.len).map(conv).collect::<Result<_, ModelError>>()?,
            linears: (0..linears.len).map(linear).collect::<Result<_, ModelError>>()?,
        };
        sizes.with_geometry(source, assumed)
    }

    /// Adds what no tensor shows: the picture's side and the paddings.
    fn with_geometry(self, source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let side = source.setting("image_size")?.map(|side| bounded("image_size", side, LARGEST_SIDE)).transpose()?;
        let paddings = self.paddings(source)?;
        if let (Some(side), Some(paddings)) = (side, &paddings) {
            return Ok(self.shaped(side, paddings));
        }
        let inputs = source.tensors.and_then(|tensors| tensors.shape("fc1.weight")?.get(1).copied());
        let fits = |sizes: &Self| inputs.is_some() && sizes.flat() == inputs;
        let fitting = self.usual(side, paddings).into_iter().find(fits).ok_or_else(|| {
            ModelError::unsupported(
                "the tensors do not show for which picture size and paddings this LeNet was made",
                "put a config.json with \"image_size\" and \"conv_paddings\" beside it",
            )
        })?;
        let paddings: Vec<usize> = fitting.convs.iter().map(|conv| conv.padding).collect();
        assumed.push(format!("{0}×{0} pixels, paddings {paddings:?}", fitting.side));
        Ok(fitting)
    }

    fn paddings(&self, source: &Source) -> Result<Option<Vec<usize>>, ModelError> {
        let paddings: Option<Vec<usize>> = source.setting("conv_paddings")?;
        match &paddings {
            Some(list) if list.len() != self.convs.len() || list.iter().any(|padding| *padding > LARGEST_SIDE) => {
                let want = format!("a padding up to {LARGEST_SIDE} for each of the {} convolutions", self.convs.len());
                Err(ModelError::setting("conv_paddings", want, quote(&format!("{list:?}"))))
            }
            _ => Ok(paddings),
        }
    }

    /// Usual geometries, in the order in which they are tried: MNIST's 28 pixels before CIFAR's 32 if the pictures are
    /// grey, and padding that keeps the size for the first convolution only, for none or for all.
    fn usual(&self, side: Option<usize>, paddings: Option<Vec<usize>>) -> Vec<Self> {
        let sides = side.map_or(if self.channels == 1 { vec![28, 32] } else { vec![32, 28] }, |side| vec![side]);
        let same = |convs: usize| -> Vec<usize> {
            self.convs.iter().enumerate().map(|(at, conv)| if at < convs { conv.kernel / 2 } else { 0 }).collect()
        };
        let paddings = paddings.map_or_else(|| vec![same(1), same(0), same(self.convs.len())], |list| vec![list]);
        sides.iter().flat_map(|side| paddings.iter().map(|paddings| self.shaped(*side, paddings))).collect()
    }

    fn shaped(&self, side: usize, paddings: &[usize]) -> Self {
        let conv = |(conv, padding): (&Conv, &usize)| Conv { padding: *padding, ..conv.clone() };
        let convs = self.convs.iter().zip(paddings).map(conv).collect();
        Self { channels: self.channels, side, convs, linears: self.linears.clone() }
    }

    /// Inputs of fc1, if the pictures are large enough for all layers.
    fn flat(&self) -> Option<usize> {
        let mut g = Builder::default();
        let flat = self.features(&mut g).ok()?;
        g.shape(flat).first().copied()
    }

    /// [channels, side, side] -> [features]
    fn features(&self, g: &mut Builder) -> Result<NodeId, GraphError> {
        let mut x = g.add("image", Input::new(&[self.channels, self.side, self.side]), &[])?;
        let mut inputs = self.channels;
        for (at, &Conv { outputs, kernel, padding }) in self.convs.iter().enumerate() {
            let name = format!("conv{}", at + 1);
            if at > 0 {
                g.block();
            }
            let conv = Conv2d { padding, ..Conv2d::new(inputs, outputs, kernel) };
            x = g.add(&name, conv, &[x])?;
            x = g.add(&format!("{name}.activation"), Activation::Relu, &[x])?;
            x = g.add(&format!("{name}.pool"), MaxPool2d::tiled(2), &[x])?;
            inputs = outputs;
        }
        g.block();
        g.add("flatten", Flatten, &[x])
    }

    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let mut x = self.features(&mut g)?;
        for (at, &outputs) in self.linears.iter().chain([&classes]).enumerate() {
            let name = format!("fc{}", at + 1);
            if at > 0 {
                x = g.add(&format!("fc{at}.activation"), Activation::Relu, &[x])?;
                g.block();
            }
            let inputs = g.shape(x)[0];
            x = g.add(&name, Linear::new(inputs, outputs, true), &[x])?;
        }
        Ok(g.finish(x))
    }

    fn title(&self, classes: usize) -> String {
        let (convs, linears, side) = (self.convs.len(), self.linears.len() + 1, self.side);
        let classes = grouped(classes as u64);
        format!(
            "LeNet image classifier with {convs} convolutions, {linears} linear layers, {side}×{side} pixels, \
             {classes} classes"
        )
    }

    fn config(&self) -> Map<String, Value> {
        let by_conv = |size: fn(&Conv) -> usize| json!(self.convs.iter().map(size).collect::<Vec<_>>());
        let config = [
            ("model_type", json!("lenet")),
            ("image_size", json!(self.side)),
            ("num_channels", json!(self.channels)),
            ("conv_channels", by_conv(|conv| conv.outputs)),
            ("conv_kernels", by_conv(|conv| conv.kernel)),
            ("conv_paddings", by_conv(|conv| conv.padding)),
            ("fc_features", json!(self.linears)),
        ];
        config.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}

/// A size for each layer: a list in the configuration, an axis of the tensors `{word}1.weight`, `{word}2.weight` ...
struct List {
    key: &'static str,
    said: Option<Vec<usize>>,
    len: usize,
}

impl List {
    /// `last`: how many layers at the end are not in the list.
    fn read(source: &Source, key: &'static str, word: &str, last: usize) -> Result<Self, ModelError> {
        let said: Option<Vec<usize>> = source.setting(key)?;
        let shown = || (1..).take_while(|at| source.has(&format!("{word}{at}.weight"))).count().saturating_sub(last);
        let len = said.as_ref().map_or_else(shown, Vec::len);
        if len + last == 0 || len > MOST_LAYERS {
            let want = format!("a list of {} to {MOST_LAYERS} sizes", 1 - last);
            return Err(ModelError::setting(key, want, format!("{len} of them")));
        }
        Ok(Self { key, said, len })
    }

    fn at(&self, source: &Source, at: usize, witness: Witness<'_>) -> Result<usize, ModelError> {
        source.agreed(self.key, self.said.as_ref().map(|sizes| sizes[at]), witness)
    }
}
