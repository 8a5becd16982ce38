//! Smaller models that stock libraries open: those whose layers all have the sizes that a plain configuration can say.

use std::collections::{BTreeMap, BTreeSet};

use secateur_formats::safetensors::{Dtype, Header, TensorInfo};
use secateur_graph::surgery::Surgery;
use secateur_graph::{Graph, Op};
use serde_json::{Value, json};

use crate::{Model, ModelError, WrongTensor, detect};

/// Settings that follow from the tensors' shapes, in all families.
const SIZES: &[&str] = &[
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "n_embd",
    "n_inner",
    "n_layer",
    "dim",
    "hidden_dim",
    "n_layers",
    "num_features",
    "mlp_ratio",
    "time_embedding_dim",
    "stem_channels",
    "hidden_sizes",
    "inner_channels",
    "stage_channels",
    "depths",
    "block_channels",
    "expanded_channels",
    "last_channels",
    "conv_channels",
    "fc_features",
    "pooler_output_size",
    "architecture",
];

/// What a stock library needs to open a smaller model.
#[derive(Clone, Debug, PartialEq)]
pub struct Uniform {
    pub config: Value,
    /// Names of the graph's parameters in the file: blocks are numbered without gaps.
    pub names: Vec<String>,
}

impl Model {
    /// The plain configuration of the smaller model that a cut has left of this one, or why there is none.
    pub fn uniform(&self, surgery: &Surgery) -> Result<Uniform, String> {
        let smaller = &surgery.graph;
        if let Some(what) = beyond_configs(smaller) {
            return Err(what);
        }
        let renamed = Renaming::new(&self.graph, smaller).graph(smaller);
        let header = header(&renamed);
        let mut config = self.smaller(surgery).config;
        forget_sizes(&mut config);
        if config.get("block_out_channels").is_some() {
            levels(&mut config, &renamed);
        }
        if let Some(Op::Attention(attention)) = ops(smaller).find(|op| matches!(op, Op::Attention(_))) {
            let heads = ["num_attention_heads", "n_head", "n_heads", "num_heads"].map(|key| (key, attention.heads));
            let sizes = [("num_key_value_heads", attention.kv_heads), ("head_dim", attention.head_dim)];
            for (key, size) in heads.into_iter().chain(sizes) {
                if let Some(value) = config.get_mut(key) {
                    *value = json!(size);
                }
            }
        }
        let found = detect(&header, Some(&config)).map_err(unfit)?;
        // With fewer tokens there may be room for longer texts.
        let shape = |name: &str| renamed.inputs().find(|node| node.name == name).map(|node| node.shape.clone());
        let graph = found.graph.resized(shape).map_err(|error| error.to_string())?;
        match first_difference(&graph, &renamed) {
            None => {
                let names = renamed.params.into_iter().map(|param| param.name).collect();
                Ok(Uniform { config: found.config, names })
            }
            Some(node) => Err(format!(
                "layers have different sizes where a plain configuration has one, first at {node}; cut every layer alike \
                 (share = uniform), or export it as ragged or onnx"
            )),
        }
    }
}

/// Leaves sizes to the tensors, those of a CLIP's towers too.
fn forget_sizes(config: &mut Value) {
    let Some(settings) = config.as_object_mut() else { return };
    settings.retain(|key, _| !SIZES.contains(&key.as_str()));
    settings.iter_mut().filter(|(key, _)| key.ends_with("_config")).for_each(|(_, tower)| forget_sizes(tower));
}

/// Why a plain configuration does not describe the tensors, in a few words.
fn unfit(error: ModelError) -> String {
    let next = "export it as ragged or onnx";
    match error {
        ModelError::Misfit(misfit) => match misfit.wrong.first() {
            Some(wrong) => {
                let WrongTensor { name, want, got } = wrong;
                format!("with {} the library expects {name} of {want}, and it is {got}; {next}", misfit.model)
            }
            None => format!("it is no {}; {next}", misfit.model),
        },
        other => format!("no plain configuration describes it: {other}"),
    }
}

/// The settings of a U-Net that its tensors say: sizes, and where attention is left.
fn levels(config: &mut Value, graph: &Graph) {
    let outputs = |name: &str| graph.find_param(name).map(|id| graph.param(id).dims[0].size);
    let level = |level: usize| outputs(&format!("down_blocks.{level}.resnets.0.conv2.weight"));
    config["block_out_channels"] = (0..).map_while(level).collect();
    config["time_embedding_dim"] = json!(outputs("time_embedding.linear_1.weight"));
    let attends = |at: String| graph.params.iter().any(|param| param.name.starts_with(&format!("{at}.attentions.")));
    for way in ["down", "up"] {
        let types = config.get_mut(format!("{way}_block_types")).and_then(Value::as_array_mut);
        for (level, word) in types.into_iter().flatten().enumerate() {
            let plain = word.as_str().map(|word| word.trim_start_matches("Cross").trim_start_matches("Attn"));
            if let (false, Some(plain)) = (attends(format!("{way}_blocks.{level}")), plain) {
                *word = json!(plain);
            }
        }
    }
    if let Some(middle) = config.get_mut("add_attention") {
        *middle = json!(attends("mid_block".into()));
    }
}

fn ops(graph: &Graph) -> impl Iterator<Item = &Op> {
    graph.nodes.iter().map(|node| &node.op)
}

/// What no stock library's configuration can say, in words.
fn beyond_configs(graph: &Graph) -> Option<String> {
    let counts = |op: &Op| match op {
        Op::LayerNorm(op) => op.over.is_some(),
        Op::RmsNorm(op) => op.over.is_some(),
        Op::GroupNorm(op) => op.over.is_some(),
        _ => false,
    };
    let head_dims = |op: &Op| match op {
        Op::Attention(op) => op.scored.is_some(),
        _ => false,
    };
    match () {
        () if ops(graph).any(counts) => Some(
            "its norms count features that are gone as zeros, which stock norms do not; cut with norms = recomputed, or \
             export it as ragged or onnx"
                .into(),
        ),
        () if ops(graph).any(head_dims) => Some(
            "its attention divides scores by the root of a head size that is gone; export it as ragged or onnx".into(),
        ),
        () => None,
    }
}

/// The name of the first node that is not the same in both.
fn first_difference(found: &Graph, want: &Graph) -> Option<String> {
    let differ =
        found.nodes.iter().zip(&want.nodes).find(|(found, want)| found != want).map(|(_, want)| want.name.clone());
    let longer = || (found.nodes.len() != want.nodes.len()).then(|| "the end".to_string());
    differ.or_else(longer)
}

/// A file with just these parameters.
fn header(graph: &Graph) -> Header {
    let tensor = |param: &secateur_graph::Param| TensorInfo {
        name: param.name.clone(),
        dtype: Dtype::F32,
        shape: param.stored_shape(),
        range: 0..0,
    };
    Header { tensors: graph.params.iter().map(tensor).collect(), metadata: BTreeMap::new() }
}

/// New numbers for blocks after some are gone.
struct Renaming {
    /// By what stands before a number in names, the numbers that are gone.
    gone: BTreeMap<String, BTreeSet<usize>>,
}

impl Renaming {
    fn new(whole: &Graph, smaller: &Graph) -> Self {
        let mut gone = numbers(whole);
        for (before, left) in numbers(smaller) {
            if let Some(gone) = gone.get_mut(&before) {
                gone.retain(|number| !left.contains(number));
            }
        }
        Self { gone }
    }

    fn name(&self, name: &str) -> String {
        let mut before = String::new();
        let mut renamed = Vec::new();
        for part in name.split('.') {
            let gone = part.parse::<usize>().ok().and_then(|number| Some((number, self.gone.get(&before)?)));
            renamed.push(match gone {
                Some((number, gone)) => (number - gone.range(..number).count()).to_string(),
                None => part.to_string(),
            });
            before = if before.is_empty() { part.to_string() } else { format!("{before}.{part}") };
        }
        renamed.join(".")
    }

    fn graph(&self, smaller: &Graph) -> Graph {
        let mut graph = smaller.clone();
        graph.nodes.iter_mut().for_each(|node| node.name = self.name(&node.name));
        graph.params.iter_mut().for_each(|param| param.name = self.name(&param.name));
        graph
    }
}

/// Numbers in parameters' names by what stands before them: {"model.layers": {0, 1, 2}}.
fn numbers(graph: &Graph) -> BTreeMap<String, BTreeSet<usize>> {
    let mut numbers: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for param in &graph.params {
        let mut before = String::new();
        for part in param.name.split('.') {
            if let Ok(number) = part.parse() {
                numbers.entry(before.clone()).or_default().insert(number);
            }
            before = if before.is_empty() { part.to_string() } else { format!("{before}.{part}") };
        }
    }
    numbers
}
