//! Models that whole units were cut out of, each layer with its own sizes. Their config.json is the whole model's, and says
//! under `secateur` what went:
//!
//! ```json
//! { "secateur": { "cuts": [{ "norms": "kept", "removed": { "heads of model.layers.0.self_attn": [1, 4] } }] } }
//! ```
//!
//! Cuts follow one another: the second names the groups of the model that the first left.

use secateur_formats::{ConfigError, quote};
use secateur_graph::surgery::{Removal, Statistics};
use secateur_graph::{Graph, grouped};
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
    /// The configuration of this model without some units.
    pub fn cut_config(&self, removal: &Removal, statistics: Statistics) -> Value {
        let groups = self.graph.groups();
        let removed: Map<String, Value> =
            removal.iter().map(|(group, units)| (groups[*group].name(), json!(units))).collect();
        let cut = json!({ "norms": word(statistics), "removed": removed });
        let mut config = self.config.clone();
        match config.pointer_mut("/secateur/cuts").and_then(Value::as_array_mut) {
            Some(cuts) => cuts.push(cut),
            None => config[KEY] = json!({ "cuts": [cut] }),
        }
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
        Some(Cut { statistics, removed: removed.map(|(group, of)| Some((group.clone(), units(of)?))).collect::<Option<_>>()? })
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
        Ok(cut.map_err(|error| ModelError::unsupported(error.to_string(), "choose the config.json that belongs to the file"))?.graph)
    }
}
