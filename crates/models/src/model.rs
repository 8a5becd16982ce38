use secateur_formats::safetensors::Header;
use secateur_formats::{ConfigError, quote};
use secateur_graph::Graph;
use serde_json::{Map, Value, json};

use crate::error::listed;
use crate::{FAMILIES, Family, ModelError, Source, Tensors};

/// Most numbers a node may give for one picture: a bound for memory, far above real models.
const LARGEST_VALUE: usize = 1 << 26;

/// What a model file is.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub family: &'static str,
    pub graph: Graph,
    /// For the user: what it is, where the sizes were read from, what was assumed and what is not used.
    pub verdict: String,
    /// Class names by index.
    pub labels: Vec<String>,
    pub input: InputSpec,
    /// The config.json to write beside an export of any element type.
    pub config: Value,
}

/// The pictures a model takes: [channels, height, width], entries (x / 255 - mean) / std by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub mean: Vec<f32>,
    pub std: Vec<f32>,
}

/// What a family makes of its sizes.
pub struct Plan {
    pub graph: Graph,
    pub labels: Vec<String>,
    pub input: InputSpec,
    /// A complete configuration but for the labels.
    pub config: Map<String, Value>,
    /// Kind and sizes in words.
    pub title: String,
    /// What was neither in a configuration nor in the tensors, in words.
    pub assumed: Vec<String>,
}

/// The model in a file, from its header and, where there is one, its config.json.
///
/// Errors name each tensor that is missing, left over or of another shape than needed, or the setting that is wrong.
pub fn detect(header: &Header, config: Option<&Value>) -> Result<Model, ModelError> {
    let tensors = Tensors::new(header);
    let source = Source { config, tensors: Some(&tensors) };
    let family = family(&source)?;
    let plan = plan(family, &source)?;
    let unused = tensors.check(&plan.title, &plan.graph, |name| family.unused(name)).map_err(ModelError::Misfit)?;
    Ok(model(family, plan, config, &unused))
}

/// The model that a configuration describes, to be trained from scratch.
pub fn initial(config: &Value) -> Result<Model, ModelError> {
    let source = Source { config: Some(config), tensors: None };
    let family = family(&source)?;
    Ok(model(family, plan(family, &source)?, Some(config), &[]))
}

/// By `model_type`, else by the tensors' names.
fn family(source: &Source) -> Result<&'static dyn Family, ModelError> {
    if let Some(other) = source.config.filter(|config| !config.is_object()) {
        return Err(ConfigError::NotSettings { got: quote(&other.to_string()) }.into());
    }
    let model_type: Option<String> = source.setting("model_type")?;
    let (found, got) = match (model_type, source.tensors) {
        (Some(word), _) => {
            let found = FAMILIES.iter().find(|family| family.model_types().contains(&word.as_str()));
            (found, format!("the config's model_type is {}", quote(&word)))
        }
        (None, Some(tensors)) => {
            let names: Vec<_> = tensors.names().collect();
            let such = listed("with tensors ", &names, |name| quote(name));
            let found = FAMILIES.iter().find(|family| family.claims(tensors));
            (found, format!("the file is one {}", such.unwrap_or_else(|| "without tensors".into())))
        }
        (None, None) => (None, "the config has no model_type".into()),
    };
    let known = || FAMILIES.iter().flat_map(|family| family.model_types()).copied().collect::<Vec<_>>().join(", ");
    found.copied().ok_or_else(|| ModelError::Unknown { known: known(), got })
}

/// The family's plan, unless it needs more memory than any real model.
fn plan(family: &dyn Family, source: &Source) -> Result<Plan, ModelError> {
    let plan = family.plan(source)?;
    let size = |shape: &[usize]| shape.iter().fold(1, |product: usize, size| product.saturating_mul(*size));
    match plan.graph.nodes.iter().find(|node| size(&node.shape) > LARGEST_VALUE) {
        None => Ok(plan),
        Some(node) => {
            let what = format!("{} gives {:?} numbers for one picture", node.name, node.shape);
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
        labels: plan.labels,
        input: plan.input,
    }
}

/// The given configuration with what it leaves out. The element type is left to the file that stands beside it.
fn completed(mut all: Map<String, Value>, labels: &[String], given: Option<&Value>) -> Value {
    let numbered = || labels.iter().enumerate();
    let ids: Map<_, _> = numbered().map(|(at, label)| (at.to_string(), json!(label))).collect();
    let names: Map<_, _> = numbered().map(|(at, label)| (label.clone(), json!(at))).collect();
    all.extend([("id2label".to_string(), json!(ids)), ("label2id".to_string(), json!(names))]);
    let given = given.and_then(Value::as_object).cloned().unwrap_or_default();
    all.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
    all.remove("dtype");
    all.remove("torch_dtype");
    Value::Object(all)
}

/// 1234567 as 1,234,567.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
