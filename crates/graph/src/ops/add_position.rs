use serde::{Deserialize, Serialize};

use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Adds a learned vector to each of [tokens, features], by the token's position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddPosition {
    /// Rows of the table.
    pub entries: usize,
    pub features: usize,
    /// The first token's row; RoBERTa keeps two rows for padding.
    pub first: usize,
    pub stored: PositionTable,
}

/// How checkpoints store positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PositionTable {
    /// [1, entries, features], and the node carries the name: vision transformers.
    Parameter,
    /// [entries, features] of an embedding module: language models.
    Embedding,
}

impl AddPosition {
    /// A picture's positions: one for each token.
    pub fn parameter(entries: usize, features: usize) -> Self {
        Self { entries, features, first: 0, stored: PositionTable::Parameter }
    }

    /// A text's positions: any number of tokens up to the table's rows.
    pub fn embedding(entries: usize, features: usize) -> Self {
        Self { entries, features, first: 0, stored: PositionTable::Embedding }
    }
}

impl OpRule for AddPosition {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let most = self.entries.saturating_sub(self.first);
        let fits = |tokens: usize| match self.stored {
            PositionTable::Parameter => tokens == most,
            PositionTable::Embedding => tokens <= most,
        };
        match inputs {
            [x] if x.len() == 2 && fits(x[0]) && x[1] == self.features => Ok((*x).clone()),
            other => {
                let at_most = if self.stored == PositionTable::Embedding { "at most " } else { "" };
                Err((format!("[tokens, {}] of {at_most}{most} tokens", self.features), format!("{other:?}")))
            }
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let table = [(Axis::Token, self.entries), (Axis::Feature, self.features)];
        vec![match self.stored {
            PositionTable::Embedding => ParamSpec::new("weight", Role::Embedding, &table),
            PositionTable::Parameter => ParamSpec::new("", Role::Embedding, &[(Axis::Unit, 1), table[0], table[1]]),
        }]
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        self.features = kept.outputs_left();
    }

    fn title(&self) -> String {
        "Positions".into()
    }
}
