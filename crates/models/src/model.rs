use secateur_formats::safetensors::Header;
use secateur_formats::{ConfigError, quote};
use secateur_graph::Graph;
use secateur_graph::grouped;
use serde_json::{Map, Value, json};

use crate::cuts::has_cuts;
use crate::error::listed;
use crate::{FAMILIES, Family, InputSpec, ModelError, Source, Tensors, unknown};

/// Most numbers a node may give for one sample: a bound for memory, far above real models.
pub const LARGEST_VALUE: usize = 1 << 26;

/// What a model file is.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub family: &'static str,
    pub graph: Graph,
    /// For the user: what it is, where the sizes were read from, what was assumed and what is not used.
    pub verdict: String,
    pub task: Task,
    /// Class names by index; empty where the task has no classes.
    pub labels: Vec<String>,
    /// How pictures are brought into shape for it, where it takes pictures.
    pub pictures: Option<InputSpec>,
    /// The config.json to write beside an export of any element type.
    pub config: Value,
}

/// What a model is for. Inputs are named `image` [channels, height, width], `tokens` [tokens], `sample`
/// (a noisy picture), `timestep`, `class_labels`, `encoder_hidden_states` [tokens, features]; outputs `logits`,
/// `hidden`, `embedding`, `image_embeds`, `text_embeds`, `sample`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Which class a picture belongs to: `logits` [classes].
    ImageClasses,
    /// What a picture shows, as numbers: `hidden` [tokens or places, features], or `embedding`.
    ImageFeatures,
    /// Which token comes next: `logits` [tokens, vocabulary].
    NextToken,
    /// Which token stands at a place: `logits` [tokens, vocabulary].
    MaskedToken,
    /// Which class a text belongs to: `logits` [classes].
    TextClasses,
    /// What a text says, as numbers: `hidden` [tokens, features] and, where the model pools them, `embedding`.
    TextFeatures,
    /// The noise in a picture: `sample` of its shape.
    Denoise,
    /// Pictures and texts in one space: `image_embeds` and `text_embeds`.
    TwoTowers,
    /// Nobody here knows: the model is a list of tensors and cannot be run.
    Unknown,
}

/// What a family makes of its sizes.
pub struct Plan {
    pub graph: Graph,
    pub task: Task,
    pub labels: Vec<String>,
    pub pictures: Option<InputSpec>,
    /// A complete configuration but for the labels.
    pub config: Map<String, Value>,
    /// Kind and sizes in words.
    pub title: String,
    /// What was neither in a configuration nor in the tensors, in words.
    pub assumed: Vec<String>,
}

/// The model in a file, from its header and, where there is one, its config.json.
///
/// An architecture that is not known gives a list of tensors that can be cut but not run. Errors name each tensor that
/// is missing, left over or of another shape than needed, or the setting that is wrong.
pub fn detect(header: &Header, config: Option<&Value>) -> Result<Model, ModelError> {
    let tensors = Tensors::new(header);
    let source = Source { config, tensors: Some(&tensors) };
    let family = match family(&source) {
        Err(why @ ModelError::Unknown { .. }) => return unknown::model(&tensors, config, &why)?.ok_or(why),
        found => found?,
    };
    if let Some(config) = config.filter(|_| has_cuts(config)) {
        let model = initial(config)?;
        let title = model.verdict.trim_end_matches('.');
        tensors.check(title, &model.graph, |name| family.unused(name)).map_err(ModelError::Misfit)?;
        return Ok(model);
    }
    let plan = plan(family, &source)?;
    let unused = tensors.check(&plan.title, &plan.graph, |name| family.unused(name)).map_err(ModelError::Misfit)?;
    Ok(model(family, plan, config, &unused))
}

/// The model that a configuration describes, to be trained from scratch.
pub fn initial(config: &Value) -> Result<Model, ModelError> {
    let source = Source { config: Some(config), tensors: None };
    let family = family(&source)?;
    model(family, plan(family, &source)?, Some(config), &[]).after_cuts()
}

/// By `model_type` (diffusers: `_class_name`), else by the tensors' names.
fn family(source: &Source) -> Result<&'static dyn Family, ModelError> {
    if let Some(other) = source.config.filter(|config| !config.is_object()) {
        return Err(ConfigError::NotSettings { got: quote(&other.to_string()) }.into());
    }
    let (found, got) = match (kind(source)?, source.tensors) {
        (Some((key, word)), _) => {
            let found = FAMILIES.iter().find(|family| family.model_types().contains(&word.as_str()));
            (found, format!("the config's {key} is {}", quote(&word)))
        }
        (None, Some(tensors)) => {
            let names: Vec<_> = tensors.names().collect();
            let such = listed("with tensors ", &names, |name| quote(name));
            let found = FAMILIES.iter().find(|family| family.claims(tensors));
            (found, format!("the file is one {}", such.unwrap_or_else(|| "without tensors".into())))
        }
        (None, None) => (None, "the config has neither model_type nor _class_name".into()),
    };
    let known = || FAMILIES.iter().flat_map(|family| family.model_types()).copied().collect::<Vec<_>>().join(", ");
    found.copied().ok_or_else(|| ModelError::Unknown { known: known(), got })
}

/// The config's word for the kind of model, and under which key.
fn kind(source: &Source) -> Result<Option<(&'static str, String)>, ModelError> {
    for key in ["model_type", "_class_name"] {
        if let Some(word) = source.setting(key)? {
            return Ok(Some((key, word)));
        }
    }
    Ok(None)
}

/// The family's plan, unless it needs more memory than any real model.
fn plan(family: &dyn Family, source: &Source) -> Result<Plan, ModelError> {
    let plan = family.plan(source)?;
    within_bounds(&plan.graph)?;
    Ok(plan)
}

/// Refuses a graph that needs more memory than any real model.
pub fn within_bounds(graph: &Graph) -> Result<(), ModelError> {
    let size = |shape: &[usize]| shape.iter().fold(1, |product: usize, size| product.saturating_mul(*size));
    match graph.nodes.iter().find(|node| size(&node.shape) > LARGEST_VALUE) {
        None => Ok(()),
        Some(node) => {
            let what = format!("{} gives {:?} numbers for one sample", node.name, node.shape);
            Err(ModelError::unsupported(format!("{what}, wanted at most {LARGEST_VALUE}"), "choose a smaller model"))
        }
    }
}

fn model(family: &dyn Family, plan: Plan, config: Option<&Value>, unused: &[String]) -> Model {
    let sizes = if config.is_some() { "as its config says" } else { "read from the tensors' names and shapes" };
    let title = format!("{}, {} parameters, {sizes}", plan.title, grouped(plan.graph.params_total()));
    let assumed = listed("assumed: ", &plan.assumed, String::clone);
    let unused = listed("not used: ", unused, |name| quote(name));
    let verdict = [Some(title), assumed, unused].into_iter().flatten().collect::<Vec<_>>().join("; ") + ".";
    Model {
        family: family.id(),
        config: completed(plan.config, &plan.labels, config),
        graph: plan.graph,
        verdict,
        task: plan.task,
        labels: plan.labels,
        pictures: plan.pictures,
    }
}

/// What is given holds, setting by setting, in nested groups of settings too; null says nothing.
fn merge(all: &mut Map<String, Value>, given: Map<String, Value>) {
    for (key, value) in given {
        match (all.get_mut(&key), value) {
            (_, Value::Null) => {}
            (Some(Value::Object(all)), Value::Object(given)) => merge(all, given),
            (_, value) => drop(all.insert(key, value)),
        }
    }
}

/// The given configuration with what it leaves out. The element type is left to the file that stands beside it.
fn completed(mut all: Map<String, Value>, labels: &[String], given: Option<&Value>) -> Value {
    let numbered = || labels.iter().enumerate();
    if !labels.is_empty() {
        let ids: Map<_, _> = numbered().map(|(at, label)| (at.to_string(), json!(label))).collect();
        let names: Map<_, _> = numbered().map(|(at, label)| (label.clone(), json!(at))).collect();
        all.extend([("id2label".to_string(), json!(ids)), ("label2id".to_string(), json!(names))]);
    }
    let mut given = given.and_then(Value::as_object).cloned().unwrap_or_default();
    // The class is the one that the tensors show: bare encoders are often saved with that of a model with a head.
    given.retain(|key, _| key != "architectures" || !all.contains_key(key));
    for whole in ["id2label", "label2id"] {
        if let Some(names) = given.remove(whole).filter(|names| !names.is_null()) {
            all.insert(whole.into(), names);
        }
    }
    merge(&mut all, given);
    all.remove("dtype");
    all.remove("torch_dtype");
    Value::Object(all)
}
