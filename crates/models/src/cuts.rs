//! Models that whole units were cut out of, each layer with its own sizes. Their config.json is the whole model's, and says
//! under `secateur` what went:
//!
//! ```json
//! { "secateur": {
//!     "cuts": [{ "norms": "kept", "removed": { "heads of model.layers.0.self_attn": [1, 4] } }],
//!     "layers": { "model.layers.0.self_attn": { "heads": 4, "kv_heads": 2, "head_dim": 16 } },
//!     "gone": [] } }
//! ```
//!
//! Cuts follow one another: the second names the groups of the model that the first left. We read them alone. `layers` and
//! `gone` say of the model that is left what its tensors' shapes do not, to programs that know nothing of groups:
//!
//! - of attention its sizes; `scored`, the head size by whose root scores are divided, where that is another; `pairs`, the
//!   rotary pairs that are left of each head, where some are gone;
//! - of norms `over`, how many features (of each group) they count, those that are gone as zeros;
//! - in `gone` the tensors that the file had and has no more.

use secateur_formats::{ConfigError, quote};
use secateur_graph::surgery::{Removal, Statistics, Surgery};
use secateur_graph::{Graph, Node, Op, grouped};
use serde_json::{Map, Value, json};

use crate::Model;
use crate::error::ModelError;

const KEY: &str = "secateur";

/// One step of what went.
struct Cut {
    statistics: Statistics,
    /// Units by the names of their groups.
    removed: Vec<(String, Vec<u32>)>,
}

impl Model {
    /// The configuration of this model without some units, which is what the surgery left.
    pub fn cut_config(&self, removal: &Removal, statistics: Statistics, surgery: &Surgery) -> Value {
        let (groups, smaller) = (self.graph.groups(), &surgery.graph);
        let removed: Map<String, Value> =
            removal.iter().map(|(group, units)| (groups[*group].name(), json!(units))).collect();
        let cut = json!({ "norms": word(statistics), "removed": removed });
        let before = |key: &str| self.config[KEY][key].as_array().cloned().unwrap_or_default();
        let params = self.graph.params.iter().filter(|param| smaller.find_param(&param.name).is_none());
        let gone = params.map(|param| json!(param.name));
        let mut config = self.smaller(surgery).config;
        config[KEY] = json!({
            "cuts": before("cuts").into_iter().chain([cut]).collect::<Vec<_>>(),
            "layers": layers(smaller),
            "gone": before("gone").into_iter().chain(gone).collect::<Vec<_>>(),
        });
        config
    }

    /// The model that is left by the cuts that its configuration tells of.
    pub(crate) fn after_cuts(mut self) -> Result<Self, ModelError> {
        let cuts = read(&self.config)?;
        for cut in &cuts {
            self.graph = cut.of(&self.graph)?;
        }
        if !cuts.is_empty() {
            let params = grouped(self.graph.params_total());
            self.verdict = format!("{} Units were cut out of it: {params} parameters are left.", self.verdict);
        }
        Ok(self)
    }
}

/// Whether a configuration tells of cuts.
pub(crate) fn has_cuts(config: Option<&Value>) -> bool {
    config.is_some_and(|config| config.get(KEY).is_some())
}

/// What the shapes of a model's tensors do not say, by the names of its layers.
fn layers(graph: &Graph) -> Map<String, Value> {
    graph.nodes.iter().filter_map(|node| Some((node.name.clone(), layer(graph, node)?))).collect()
}

fn layer(graph: &Graph, node: &Node) -> Option<Value> {
    let over = match &node.op {
        Op::Attention(op) => {
            let mut sizes = json!({ "heads": op.heads, "kv_heads": op.kv_heads, "head_dim": op.head_dim });
            if let Some(scored) = op.scored {
                sizes["scored"] = json!(scored);
            }
            if let Op::Rotary(queries) = &graph.node(node.inputs[0]).op
                && let Some(pairs) = &queries.pairs
            {
                sizes["pairs"] = json!(pairs.kept);
            }
            return Some(sizes);
        }
        Op::LayerNorm(op) => op.over,
        Op::RmsNorm(op) => op.over,
        Op::GroupNorm(op) => op.over,
        _ => None,
    };
    over.map(|over| json!({ "over": over }))
}

fn word(statistics: Statistics) -> &'static str {
    match statistics {
        Statistics::Kept => "kept",
        Statistics::Recomputed => "recomputed",
    }
}

fn read(config: &Value) -> Result<Vec<Cut>, ModelError> {
    let Some(told) = config.get(KEY) else { return Ok(Vec::new()) };
    let wrong = |got: &Value| {
        let want = "a list of cuts, each with norms and the units removed of each group";
        ModelError::setting(KEY, want, quote(&got.to_string()))
    };
    let cut = |cut: &Value| {
        let statistics = match cut.get("norms").and_then(Value::as_str) {
            Some("kept") => Statistics::Kept,
            Some("recomputed") => Statistics::Recomputed,
            _ => return None,
        };
        let unit = |unit: &Value| u32::try_from(unit.as_u64()?).ok();
        let units = |units: &Value| units.as_array()?.iter().map(unit).collect::<Option<Vec<u32>>>();
        let removed = cut.get("removed")?.as_object()?.iter();
        Some(Cut {
            statistics,
            removed: removed.map(|(group, of)| Some((group.clone(), units(of)?))).collect::<Option<_>>()?,
        })
    };
    let cuts = told.get("cuts").and_then(Value::as_array).ok_or_else(|| wrong(told))?;
    cuts.iter().map(|told| cut(told).ok_or_else(|| wrong(told))).collect()
}

impl Cut {
    fn of(&self, graph: &Graph) -> Result<Graph, ModelError> {
        let groups = graph.groups();
        let mut removal = Removal::new();
        for (name, units) in &self.removed {
            let place = groups.iter().position(|group| group.name() == *name);
            let place = place.ok_or_else(|| ConfigError::NotSettings { got: format!("a cut of {}", quote(name)) })?;
            removal.insert(place, units.clone());
        }
        let cut = graph.cut(&groups, &removal, self.statistics);
        Ok(cut
            .map_err(|error| {
                ModelError::unsupported(error.to_string(), "choose the config.json that belongs to the file")
            })?
            .graph)
    }
}
