use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ties::{Cells, Slot};
use super::{Group, UnitKind};
use crate::{Graph, Op, Output, ParamId};

/// The input whose numbers are a vocabulary's tokens.
const TEXT: &str = "tokens";
/// The output that gives every token of the vocabulary a number.
const ANSWER: &str = "logits";

/// What is known of a model's tokens beyond their numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Their texts, by number; empty where nobody knows, as of those past the end.
    pub texts: Vec<String>,
    /// Those that must stay, and why: `it is a special token`.
    #[serde(with = "pairs")]
    pub needed: BTreeMap<u32, String>,
    /// Tokens that are written by joining two others: (one, the other, both), after those that make the two. Not told to
    /// hosts.
    #[serde(skip)]
    pub merges: Vec<[u32; 3]>,
}

/// Tokens and why they must stay, as a list: in JavaScript, where the page is told, only words name an object's fields.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(needed: &BTreeMap<u32, String>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(needed)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u32, String>, D::Error> {
        Ok(Vec::<(u32, String)>::deserialize(from)?.into_iter().collect())
    }
}

impl Vocabulary {
    /// A token for people: `token 317`, or `token 317 ('the')`.
    pub fn name(&self, token: u32) -> String {
        match self.texts.get(token as usize).filter(|text| !text.is_empty()) {
            Some(text) => format!("token {token} ('{}')", text.escape_debug()),
            None => format!("token {token}"),
        }
    }
}

impl Graph {
    /// The table that the numbers of a text are looked up in; none where the model reads no texts. It has a row a token.
    pub fn token_table(&self) -> Option<ParamId> {
        tables(self).first().copied()
    }

    /// [`Graph::groups`], of whose tokens so much is known.
    pub fn groups_with(&self, vocabulary: &Vocabulary) -> Vec<Group> {
        let mut groups = self.groups();
        let tokens = groups.iter_mut().filter(|group| group.kind == UnitKind::Tokens);
        tokens.for_each(|group| group.vocabulary = vocabulary.clone());
        groups.retain(Group::can_lose);
        groups
    }
}

/// Ties each token's row of the table to what the model answers about it.
pub(super) fn tie(graph: &Graph, tables: &[ParamId], cells: &mut Cells) {
    let rows = |id: &ParamId| graph.param(*id).dims[0].size;
    let slots: Vec<Slot> = tables.iter().map(|id| Slot::Param(*id, 0)).collect();
    let one_size = tables.iter().all(|id| rows(id) == rows(&tables[0]));
    for slot in &slots {
        // Numbers of a text that are looked up in tables of several sizes have no one vocabulary.
        if one_size { cells.same(slots[0], *slot) } else { cells.fix(*slot) }
    }
    for output in &graph.outputs {
        match tables.first() {
            Some(table) if answers(graph, output, rows(table)) => cells.same(slots[0], Slot::Value(output.node)),
            // What the model answers keeps its size.
            _ => cells.fix(Slot::Value(output.node)),
        }
    }
}

/// Tables that the input `tokens` is looked up in.
pub(super) fn tables(graph: &Graph) -> Vec<ParamId> {
    let text = |node: &crate::Node| node.name == TEXT && matches!(node.op, Op::Input(_)) && node.shape.len() == 1;
    let tables = graph
        .nodes
        .iter()
        .filter(|node| matches!(node.op, Op::Embedding(_)) && node.inputs.iter().any(|input| text(graph.node(*input))));
    tables.flat_map(|node| node.params.iter().copied()).collect()
}

/// Whether an output is [tokens, vocabulary]: which token comes next, or stands there.
fn answers(graph: &Graph, output: &Output, vocabulary: usize) -> bool {
    matches!(graph.node(output.node).shape[..], [_, features] if output.name == ANSWER && features == vocabulary)
}
