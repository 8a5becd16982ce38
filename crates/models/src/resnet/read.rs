//! A ResNet's sizes from its configuration and its tensors.

use secateur_formats::quote;

use super::{BOTTLENECK, LARGE_STEM, PADDING, Sizes, Stage};
use crate::ModelError;
use crate::cnn::{norm_eps, picture, strides};
use crate::settings::{sizes, word};
use crate::source::{Source, Witness};

/// Bounds for arithmetic and memory, far above real models.
const MOST_STAGES: usize = 16;
const MOST_BLOCKS: usize = 1000;

impl Sizes {
    /// What is neither in the configuration nor in the tensors is assumed, and said so.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let stem = |axis| Witness { tensor: "conv1.weight", axis, axes: 4 };
        let channels = source.size("num_channels", stem(1))?;
        let stem_kernel = stem_kernel(source, stem(2))?;
        let shown = if source.has("layer1.0.conv3.weight") { BOTTLENECK } else { "basic" };
        let kind = word(source, "layer_type", &["basic", BOTTLENECK], shown)?;
        let sizes = Self {
            channels,
            picture: picture(source, usual_side(stem_kernel, channels), assumed)?,
            stem_kernel,
            stem_outputs: source.size("stem_channels", stem(0))?,
            kind,
            stages: stages(source, kind, assumed)?,
            shortcut: word(source, "shortcut", &["downsample", "shortcut", PADDING], shortcut(source))?,
            head: word(source, "head", &["fc", "linear"], if source.has("linear.weight") { "linear" } else { "fc" })?,
            eps: norm_eps(source, assumed)?,
        };
        sizes.with_even_padding()
    }

    /// Zeros stand on both sides of the channels in equal number, or the authors' code would not run.
    fn with_even_padding(self) -> Result<Self, ModelError> {
        let mut inputs = self.stem_outputs;
        for (at, stage) in self.stages.iter().enumerate() {
            let added = stage.outputs.checked_sub(inputs);
            if self.shortcut == PADDING && !added.is_some_and(|added| added.is_multiple_of(2)) {
                let what = format!(
                    "layer{}.0 makes {} channels of {inputs} without a convolution on its shortcut; only an even number \
                     of channels can be added so",
                    at + 1,
                    stage.outputs
                );
                return Err(ModelError::unsupported(what, "choose the complete file, or one with such convolutions"));
            }
            inputs = stage.outputs;
        }
        Ok(self)
    }
}

/// CIFAR's 3×3 or ImageNet's 7×7.
fn stem_kernel(source: &Source, witness: Witness<'_>) -> Result<usize, ModelError> {
    let kernel = source.size("stem_kernel", witness)?;
    let fits = [3, LARGE_STEM].contains(&kernel);
    fits.then_some(kernel).ok_or_else(|| {
        let what = format!("a first kernel of {kernel}×{kernel} is not supported");
        ModelError::unsupported(what, "choose a ResNet whose conv1 is 3×3, without a pool after it, or 7×7, with one")
    })
}

/// ImageNet's, CIFAR's or MNIST's.
fn usual_side(stem_kernel: usize, channels: usize) -> usize {
    match (stem_kernel, channels) {
        (LARGE_STEM, _) => 224,
        (_, 1) => 28,
        _ => 32,
    }
}

fn stages(source: &Source, kind: &str, assumed: &mut Vec<String>) -> Result<Vec<Stage>, ModelError> {
    let depths = depths(source)?;
    let named = |at: usize, block: usize, conv: usize| format!("layer{}.{block}.conv{conv}.weight", at + 1);
    let inside = if kind == BOTTLENECK { 2 } else { 1 };
    let last: Vec<_> = (0..depths.len()).map(|at| named(at, 0, inside + 1)).collect();
    let outputs = sizes(source, "stage_channels", &last, (0, 4))?;
    let of_stage = |(at, depth): (usize, &usize)| -> Vec<String> {
        (0..*depth).flat_map(|block| (1..=inside).map(move |conv| named(at, block, conv))).collect()
    };
    let inner: Vec<_> = depths.iter().enumerate().flat_map(of_stage).collect();
    let inner = sizes(source, "inner_channels", &inner, (0, 4))?;
    let mut blocks = inner.chunks(inside).map(<[usize]>::to_vec);
    let published = (0..depths.len()).map(|at| if at == 0 { 1 } else { 2 }).collect();
    let strides = strides(source, "stage_strides", depths.len(), Some(published), assumed)?;
    let stage = |((depth, outputs), stride): ((usize, usize), usize)| Stage {
        stride,
        outputs,
        blocks: blocks.by_ref().take(depth).collect(),
    };
    Ok(depths.into_iter().zip(outputs).zip(strides).map(stage).collect())
}

/// Blocks of each stage. Those missing from the file are named one by one later, so here the configuration has the word.
fn depths(source: &Source) -> Result<Vec<usize>, ModelError> {
    let counts = |at| source.tensors.map_or(0, |tensors| tensors.numbered(&format!("layer{at}.")));
    let shown: Vec<usize> = (1..=MOST_STAGES).map(counts).take_while(|count| *count > 0).collect();
    let depths: Vec<usize> = source.setting("depths")?.unwrap_or(shown);
    let blocks = depths.iter().fold(0, |sum: usize, depth| sum.saturating_add(*depth));
    let fits = (1..=MOST_STAGES).contains(&depths.len()) && !depths.contains(&0) && blocks <= MOST_BLOCKS;
    let want = || format!("up to {MOST_STAGES} stages of blocks, up to {MOST_BLOCKS} in all");
    let got = quote(&format!("{depths:?}"));
    fits.then_some(depths).ok_or_else(|| ModelError::setting("depths", want(), got))
}

/// What the tensors say about shortcuts that change the shape.
fn shortcut(source: &Source) -> &'static str {
    let Some(tensors) = source.tensors else { return "downsample" };
    let named = |word: &&str| tensors.names().any(|name| name.contains(&format!(".{word}.")));
    ["downsample", "shortcut"].into_iter().find(named).unwrap_or(PADDING)
}
