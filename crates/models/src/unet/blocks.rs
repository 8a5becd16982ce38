//! The modules of a U-Net, named as diffusers names them.

use secateur_graph::ops::{
    Activation, Add, Conv2d, GroupNorm, LayerNorm, Linear, Mul, Pad2d, Slice, ToPlaces, ToTokens, Upsample,
};
use secateur_graph::{Builder, GraphError, NodeId};

use super::{Level, Sizes};
use crate::diffusers::{Heads, NAMES};

/// `Transformer2DModel` takes these whatever the config says.
const TRANSFORMER_GROUP_EPS: f64 = 1e-6;
const TRANSFORMER_EPS: f64 = 1e-5;

/// A U-Net being built, and what all its blocks need.
pub struct Blocks<'a> {
    pub g: Builder,
    pub sizes: &'a Sizes,
    /// The activated time embedding, [features].
    pub time: NodeId,
    /// The text, [tokens, features].
    pub text: Option<NodeId>,
}

impl Blocks<'_> {
    /// One layer of a level, within a block that has begun: a residual block and, where the level attends, an attention. [c, h, w] -> [channels, h, w]
    pub fn layer(&mut self, name: &str, at: usize, x: NodeId, level: &Level, attends: bool) -> Result<NodeId, GraphError> {
        let x = self.resnet(&format!("{name}.resnets.{at}"), x, level.channels)?;
        match attends {
            true => self.attention(&format!("{name}.attentions.{at}"), x, level, self.sizes.groups),
            false => Ok(x),
        }
    }

    /// `ResnetBlock2D`: [c, h, w] -> [outputs, h, w]
    pub fn resnet(&mut self, name: &str, x: NodeId, outputs: usize) -> Result<NodeId, GraphError> {
        let part = |part: &str| format!("{name}.{part}");
        let inputs = self.g.shape(x)[0];
        let shift = Linear::new(self.sizes.time.features, outputs, true);
        let y = self.activated_norm(&part("norm1"), x)?;
        let y = self.g.add(&part("conv1"), same(inputs, outputs, 3), &[y])?;
        let shift = self.g.add(&part("time_emb_proj"), shift, &[self.time])?;
        let y = self.g.add(&part("time"), Add, &[y, shift])?;
        let y = self.activated_norm(&part("norm2"), y)?;
        let y = self.g.add(&part("conv2"), same(outputs, outputs, 3), &[y])?;
        let x = match inputs == outputs {
            true => x,
            false => self.g.add(&part("conv_shortcut"), same(inputs, outputs, 1), &[x])?,
        };
        self.g.add(&part("residual"), Add, &[x, y])
    }

    /// Group norm and SiLU.
    pub fn activated_norm(&mut self, name: &str, x: NodeId) -> Result<NodeId, GraphError> {
        let norm = self.norm(x, self.sizes.groups, self.sizes.eps);
        let x = self.g.add(name, norm, &[x])?;
        self.g.add(&format!("{name}.act"), Activation::Silu, &[x])
    }

    fn norm(&self, x: NodeId, groups: usize, eps: f64) -> GroupNorm {
        GroupNorm::new(self.g.shape(x)[0], groups, eps)
    }

    /// Attention among places, or to the text as well where there is one.
    pub fn attention(&mut self, name: &str, x: NodeId, level: &Level, groups: usize) -> Result<NodeId, GraphError> {
        match self.text {
            Some(text) => self.transformer(name, x, text, level),
            None => self.places(name, x, level, groups),
        }
    }

    /// `Attention` of `UNet2DModel`, [c, h, w] -> the same
    fn places(&mut self, name: &str, x: NodeId, level: &Level, groups: usize) -> Result<NodeId, GraphError> {
        let part = |part: &str| format!("{name}.{part}");
        let heads = Heads { count: level.heads, size: level.head_dim, bias: true, names: self.sizes.names };
        let norm = self.norm(x, groups, self.sizes.eps);
        let y = self.g.add(&part("group_norm"), norm, &[x])?;
        let y = self.g.add(&part("tokens"), ToTokens, &[y])?;
        let y = heads.attend(&mut self.g, name, y, y)?;
        let y = self.back_to_places(&part("places"), y, x)?;
        self.g.add(&part("residual"), Add, &[x, y])
    }

    /// [tokens, features] to the places of `like`.
    fn back_to_places(&mut self, name: &str, x: NodeId, like: NodeId) -> Result<NodeId, GraphError> {
        let places = self.g.shape(like);
        let (height, width) = (places[1], places[2]);
        self.g.add(name, ToPlaces { height, width }, &[x])
    }

    /// `Transformer2DModel`, [c, h, w] -> the same
    fn transformer(&mut self, name: &str, x: NodeId, text: NodeId, level: &Level) -> Result<NodeId, GraphError> {
        let part = |part: &str| format!("{name}.{part}");
        let (channels, inner) = (self.g.shape(x)[0], level.heads.saturating_mul(level.head_dim));
        let norm = self.norm(x, self.sizes.groups, TRANSFORMER_GROUP_EPS);
        let mut y = self.g.add(&part("norm"), norm, &[x])?;
        if self.sizes.linear {
            y = self.g.add(&part("tokens"), ToTokens, &[y])?;
            y = self.g.add(&part("proj_in"), Linear::new(channels, inner, true), &[y])?;
        } else {
            y = self.g.add(&part("proj_in"), same(channels, inner, 1), &[y])?;
            y = self.g.add(&part("tokens"), ToTokens, &[y])?;
        }
        for at in 0..level.depth {
            self.g.block();
            y = self.transformer_block(&part(&format!("transformer_blocks.{at}")), y, text, level)?;
        }
        if self.sizes.linear {
            y = self.g.add(&part("proj_out"), Linear::new(inner, channels, true), &[y])?;
            y = self.back_to_places(&part("places"), y, x)?;
        } else {
            y = self.back_to_places(&part("places"), y, x)?;
            y = self.g.add(&part("proj_out"), same(inner, channels, 1), &[y])?;
        }
        self.g.add(&part("residual"), Add, &[x, y])
    }

    /// `BasicTransformerBlock`, [tokens, features] -> the same: tokens look at each other, then at the text.
    fn transformer_block(&mut self, name: &str, x: NodeId, text: NodeId, level: &Level) -> Result<NodeId, GraphError> {
        let part = |part: &str| format!("{name}.{part}");
        let g = &mut self.g;
        let features = g.shape(x)[1];
        let heads = Heads { count: level.heads, size: level.head_dim, bias: false, names: NAMES };
        let norm = LayerNorm::new(features, TRANSFORMER_EPS);
        let y = g.add(&part("norm1"), norm.clone(), &[x])?;
        let y = heads.attend(g, &part("attn1"), y, y)?;
        let x = g.add(&part("attn1.residual"), Add, &[x, y])?;
        let y = g.add(&part("norm2"), norm.clone(), &[x])?;
        let y = heads.attend(g, &part("attn2"), y, text)?;
        let x = g.add(&part("attn2.residual"), Add, &[x, y])?;
        let y = g.add(&part("norm3"), norm, &[x])?;
        let y = gated_mlp(g, &part("ff"), y)?;
        g.add(&part("ff.residual"), Add, &[x, y])
    }

    /// Half the height and width. Without padding, diffusers adds a row below and a column to the right.
    pub fn downsample(&mut self, name: &str, x: NodeId) -> Result<NodeId, GraphError> {
        let name = format!("{name}.downsamplers.0.conv");
        let (channels, padding) = (self.g.shape(x)[0], self.sizes.padding);
        let x = match padding {
            0 => self.g.add(&format!("{name}.pad"), Pad2d { before: 0, after: 1 }, &[x])?,
            _ => x,
        };
        self.g.add(&name, Conv2d { stride: 2, padding, ..Conv2d::new(channels, channels, 3) }, &[x])
    }

    /// Twice the height and width.
    pub fn upsample(&mut self, name: &str, x: NodeId) -> Result<NodeId, GraphError> {
        let name = format!("{name}.upsamplers.0");
        let channels = self.g.shape(x)[0];
        let x = self.g.add(&name, Upsample { factor: 2 }, &[x])?;
        self.g.add(&format!("{name}.conv"), same(channels, channels, 3), &[x])
    }
}

/// A convolution that keeps height and width; the kernel is odd.
pub fn same(inputs: usize, outputs: usize, kernel: usize) -> Conv2d {
    Conv2d { padding: kernel / 2, ..Conv2d::new(inputs, outputs, kernel) }
}

/// `FeedForward` with GEGLU (Shazeer, 2020): one projection gives the values, then their gates.
fn gated_mlp(g: &mut Builder, name: &str, x: NodeId) -> Result<NodeId, GraphError> {
    let part = |part: &str| format!("{name}.net.{part}");
    let features = g.shape(x)[1];
    let hidden = features.saturating_mul(4);
    let both = g.add(&part("0.proj"), Linear::new(features, hidden.saturating_mul(2), true), &[x])?;
    let values = g.add(&part("0.values"), Slice { axis: 1, start: 0, len: hidden }, &[both])?;
    let gates = g.add(&part("0.gates"), Slice { axis: 1, start: hidden, len: hidden }, &[both])?;
    let gates = g.add(&part("0.act"), Activation::Gelu, &[gates])?;
    let x = g.add(&part("0"), Mul, &[values, gates])?;
    g.add(&part("2"), Linear::new(hidden, features, true), &[x])
}
