//! Dependency groups: what can only be cut together, derived from the ties of the operations (Fang et al., 2023,
//! "DepGraph"; Wang et al., 2024, "SPA"). A group is made of units of one pattern, e.g. the heads of an attention; a unit is
//! the set of parameter slices that go with it.

mod derive;
mod gates;
mod legal;
mod skip;
mod text;
mod ties;
mod tokens;

use serde::{Deserialize, Serialize};

use crate::{Graph, NodeId, ParamId};

pub use gates::GateSite;
pub use legal::LegalError;
pub use skip::Skip;
pub use text::ranges;
pub use ties::feature_axis;
pub(crate) use ties::features;
pub use ties::{Side, Ties};
pub use tokens::Vocabulary;

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UnitKind {
    /// Hidden features of an MLP, or of a recurrent layer.
    Neurons,
    /// Heads of an attention: queries, keys, values and what reads them. With grouped keys and values, query heads, of
    /// which every group keeps the same number.
    Heads,
    /// A key and value head with all query heads that it serves.
    KvGroups,
    /// The same place in all heads of an attention.
    HeadDims,
    /// Channels of convolutions.
    Channels,
    /// Features of a residual stream or an embedding.
    Width,
    /// An attention, MLP or other branch that is added to what it came from.
    SubLayers,
    /// A whole block with one way in and one way out of the same shape.
    Blocks,
    /// Tokens of a vocabulary: rows of the embedding, and what the head answers about them.
    Tokens,
}

impl UnitKind {
    pub const ALL: [Self; 9] = [
        Self::Neurons,
        Self::Heads,
        Self::KvGroups,
        Self::HeadDims,
        Self::Channels,
        Self::Width,
        Self::SubLayers,
        Self::Blocks,
        Self::Tokens,
    ];

    /// As commands and files name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Neurons => "neurons",
            Self::Heads => "heads",
            Self::KvGroups => "kv-groups",
            Self::HeadDims => "head-dims",
            Self::Channels => "channels",
            Self::Width => "width",
            Self::SubLayers => "sublayers",
            Self::Blocks => "blocks",
            Self::Tokens => "tokens",
        }
    }

    /// One of them.
    pub fn one(self) -> &'static str {
        match self {
            Self::Neurons => "neuron",
            Self::Heads => "head",
            Self::KvGroups => "key/value group",
            Self::HeadDims => "head dimension",
            Self::Channels => "channel",
            Self::Width => "feature",
            Self::SubLayers => "sub-layer",
            Self::Blocks => "block",
            Self::Tokens => "token",
        }
    }
}

/// How finely attention is tied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// By key and value heads with the query heads that they serve.
    Heads,
    /// By query heads.
    QueryHeads,
    /// By places in a head, the same in all heads.
    HeadDims,
}

/// Units of one pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub kind: UnitKind,
    /// The module where the units are made, e.g. `vit.encoder.layer.0.intermediate.dense`; empty for a whole model's
    /// sub-layers or blocks.
    pub at: String,
    /// How many.
    pub units: usize,
    /// Parameter axes that lose entries with a unit, in graph order.
    pub members: Vec<Member>,
    /// Values that lose features with a unit, in evaluation order.
    pub values: Vec<(NodeId, Vec<Option<u32>>)>,
    /// For each unit of which bin it is, where every bin must lose as many: query heads by what keys they look at.
    pub bins: Option<Vec<u32>>,
    /// For sub-layers and blocks, what each unit's removal does.
    pub skips: Vec<Skip>,
    /// What is known of tokens; nothing of other units.
    pub vocabulary: Vocabulary,
}

/// One axis of a parameter in a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub param: ParamId,
    pub axis: usize,
    /// For each entry of the axis the unit that it goes with.
    pub unit_of: Vec<Option<u32>>,
}

impl Member {
    /// The entries that go with a unit, in rising order.
    pub fn entries(&self, unit: u32) -> impl Iterator<Item = usize> + '_ {
        self.unit_of.iter().enumerate().filter(move |(_, of)| **of == Some(unit)).map(|(at, _)| at)
    }
}

impl Group {
    /// How it is asked for and told: `heads` or `heads of blocks.2.attn`.
    pub fn name(&self) -> String {
        match self.at.as_str() {
            "" => self.kind.word().to_string(),
            at => format!("{} of {at}", self.kind.word()),
        }
    }
}

impl Graph {
    /// All groups that can lose anything, by kind and in graph order; see [`Group`].
    pub fn groups(&self) -> Vec<Group> {
        let mut groups = derive::groups(self);
        groups.extend(skip::groups(self));
        groups.retain(Group::can_lose);
        groups.sort_by_key(|group| group.kind);
        groups
    }
}

#[cfg(test)]
pub(crate) mod tests;
