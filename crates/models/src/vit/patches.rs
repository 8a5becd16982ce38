//! How pictures are cut into patches, from a configuration and tensors.

use secateur_graph::ops::{Conv2d, Input, ToTokens};
use secateur_graph::{Builder, GraphError, NodeId};
use serde_json::Value;

use super::layer::Layer;
use crate::settings::{ASK, Pair};
use crate::source::{Source, Witness, bounded};
use crate::ModelError;

/// Bounds for arithmetic and memory, far above real models.
const MOST_TOKENS: usize = 1 << 14;
const LARGEST_SIDE: usize = 1 << 13;

/// Pictures cut into square patches, each projected to features.
pub struct Patches {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// Side of a patch in pixels.
    pub side: usize,
    pub features: usize,
    /// Whether the projection has a bias.
    pub bias: bool,
}

/// Where a family keeps these sizes.
pub struct Keys {
    pub channels: &'static str,
    pub features: &'static str,
    pub patch: &'static str,
    pub image: &'static str,
}

/// Hugging Face's.
pub const KEYS: Keys =
    Keys { channels: "num_channels", features: "hidden_size", patch: "patch_size", image: "image_size" };

impl Patches {
    /// `conv` names the projection. Where no picture size is said, the table of positions shows it, of whose rows
    /// `special` are not patches.
    pub fn read(
        source: &Source,
        keys: &Keys,
        conv: &str,
        said: Option<Pair>,
        (positions, special): (Witness<'_>, usize),
        assumed: &mut Vec<String>,
    ) -> Result<Self, ModelError> {
        let weight = format!("{conv}.weight");
        let kernel = |axis| Witness { tensor: &weight, axis, axes: 4 };
        let features = source.size(keys.features, kernel(0))?;
        let channels = source.size(keys.channels, kernel(1))?;
        let side = patch(source, keys, [kernel(2), kernel(3)])?;
        let (height, width) = match said {
            Some(Pair(height, width)) => (height, width),
            None => {
                assumed.push("square pictures".into());
                let pixels = grid(source, keys, positions, special)?.saturating_mul(side);
                (pixels, pixels)
            }
        };
        Self { channels, height, width, side, features, bias: true }.checked(keys)
    }

    fn checked(self, keys: &Keys) -> Result<Self, ModelError> {
        let &Self { height, width, side, .. } = &self;
        bounded(keys.image, height, LARGEST_SIDE)?;
        bounded(keys.image, width, LARGEST_SIDE)?;
        if !(1..=MOST_TOKENS).contains(&self.count()) {
            let want = format!("cut into 1 to {MOST_TOKENS} patches of {side}×{side} pixels");
            return Err(ModelError::setting(keys.image, want, format!("{height}×{width}")));
        }
        Ok(self)
    }

    /// Refuses pictures for which upstream stretches the table of positions.
    pub fn square(self, keys: &Keys) -> Result<Self, ModelError> {
        let Self { height, width, .. } = self;
        let got = || format!("{height}×{width}");
        let want = "square, since positions for other pictures are not supported";
        if height == width { Ok(self) } else { Err(ModelError::setting(keys.image, want, got())) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        (self.height / self.side) * (self.width / self.side)
    }

    /// image [channels, height, width] -> [patches, features]
    pub fn add(&self, g: &mut Builder, conv: &str) -> Result<NodeId, GraphError> {
        let &Self { channels, height, width, side, features, bias } = self;
        let projection = Conv2d { stride: side, bias, ..Conv2d::new(channels, features, side) };
        let x = g.add("image", Input::new(&[channels, height, width]), &[])?;
        let x = g.add(conv, projection, &[x])?;
        g.add(&format!("{conv}.tokens"), ToTokens, &[x])
    }

    /// The picture's size as configurations have it.
    pub fn image(&self) -> Value {
        Pair(self.height, self.width).json()
    }

    /// In words, with the layers that follow.
    pub fn title(&self, layers: usize, layer: &Layer) -> String {
        let (Self { height, width, side, .. }, Layer { heads, features, .. }) = (self, layer);
        format!(
            "{layers} layers of {heads} heads, {features} features, {height}×{width} pixels in patches of {side}×{side}"
        )
    }
}

/// Side of a patch in pixels.
fn patch(source: &Source, keys: &Keys, [rows, columns]: [Witness<'_>; 2]) -> Result<usize, ModelError> {
    let said: Option<Pair> = source.setting(keys.patch)?;
    let height = source.agreed(keys.patch, said.as_ref().map(|pair| pair.0), rows)?;
    let width = source.agreed(keys.patch, said.as_ref().map(|pair| pair.1), columns)?;
    if height != width {
        let what = format!("patches of {height}×{width} pixels are not supported");
        return Err(ModelError::unsupported(what, "choose a model with square patches"));
    }
    Ok(height)
}

/// Patches along each side, if the positions are those of a square picture.
fn grid(source: &Source, keys: &Keys, positions: Witness<'_>, special: usize) -> Result<usize, ModelError> {
    let table = positions.tensor;
    let tokens = source.agreed(keys.image, None, positions)?;
    let patches = tokens.saturating_sub(special);
    let side = patches.isqrt();
    if side * side == patches {
        return Ok(side);
    }
    let what = format!("{table} has {tokens} tokens, which is no square number of patches and {special} more");
    Err(ModelError::unsupported(what, ASK))
}
