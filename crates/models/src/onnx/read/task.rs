//! What a graph out of an ONNX file is for, as its inputs, outputs and operations say.

use secateur_graph::ops::{Attention, Recurrent};
use secateur_graph::{Graph, Op, grouped};
use serde_json::json;

use crate::error::listed;
use crate::settings::Pair;
use crate::{InputSpec, Model, Task};

/// Names that mean something here; see [`Task`].
const INPUTS: [&str; 6] = ["image", "tokens", "sample", "timestep", "class_labels", "encoder_hidden_states"];
const OUTPUTS: [&str; 6] = ["logits", "hidden", "embedding", "image_embeds", "text_embeds", "sample"];

/// An input's name here: the first picture is `image`, or `sample` if a time step comes with it, the first text `tokens`.
pub fn input_name(name: &str, shape: &[usize], whole: bool, taken: &[String], denoises: bool) -> String {
    let free = |word: &str| !taken.iter().any(|taken| taken == word);
    let word = match (shape.len(), whole) {
        _ if INPUTS.contains(&name) && (denoises || name != "sample") => name,
        (3, false) if free("image") => "image",
        (1, true) if free("tokens") && !name.contains("type") => "tokens",
        _ => name,
    };
    word.to_string()
}

/// An output's name here. A value cannot be called as an input is, so our own files call the sample `out_sample`.
pub fn output_name(name: &str, shape: &[usize], first: bool, denoises: bool) -> String {
    let own = name.strip_prefix("out_").unwrap_or(name);
    let word = match shape.len() {
        _ if OUTPUTS.contains(&own) => own,
        3 if first && denoises => "sample",
        1 | 2 if first => "logits",
        _ => name,
    };
    word.to_string()
}

/// The model; none where its inputs are neither picture nor text.
pub fn model(graph: Graph, made_by: &str, mut assumed: Vec<String>) -> Option<Model> {
    let task = task(&graph)?;
    let picture = graph.inputs().find(|node| node.name == "image").map(|node| node.shape.clone());
    let pictures = match picture.as_deref() {
        Some(&[channels, height, width]) => Some(InputSpec::imagenet(channels, Pair(height, width), &mut assumed)),
        _ => None,
    };
    let classes = match task {
        Task::ImageClasses | Task::TextClasses => graph.node(graph.output()).shape[0],
        _ => 0,
    };
    let what = match task {
        Task::ImageClasses | Task::TextClasses => format!("{} of {} classes", title(task), grouped(classes as u64)),
        task => title(task).to_string(),
    };
    let assumed = listed("; assumed: ", &assumed, String::clone).unwrap_or_default();
    let by = if made_by.is_empty() { String::new() } else { format!(" made by {made_by}") };
    Some(Model {
        family: "onnx",
        verdict: format!("ONNX file{by}: {what}, {} parameters{assumed}.", grouped(graph.params_total())),
        task,
        labels: (0..classes).map(|at| format!("LABEL_{at}")).collect(),
        pictures,
        config: json!({}),
        graph,
    })
}

fn title(task: Task) -> &'static str {
    match task {
        Task::ImageClasses => "image classifier",
        Task::ImageFeatures => "image encoder",
        Task::NextToken => "language model",
        Task::MaskedToken => "masked language model",
        Task::TextClasses => "text classifier",
        Task::TextFeatures => "text encoder",
        Task::Denoise => "diffusion model",
        Task::TwoTowers => "encoders of pictures and texts",
        Task::Unknown => "model",
    }
}

fn task(graph: &Graph) -> Option<Task> {
    let takes = |name: &str| graph.inputs().any(|node| node.name == name);
    let gives = |name: &str| graph.outputs.iter().any(|output| output.name == name);
    let rank = graph.node(graph.output()).shape.len();
    Some(match (takes("image"), takes("tokens")) {
        (true, true) if gives("image_embeds") && gives("text_embeds") => Task::TwoTowers,
        _ if takes("sample") && gives("sample") => Task::Denoise,
        (true, false) if gives("logits") && rank == 1 => Task::ImageClasses,
        (true, false) => Task::ImageFeatures,
        (false, true) => match (gives("logits"), rank) {
            (true, 1) => Task::TextClasses,
            (true, 2) if looks_back(graph) => Task::NextToken,
            (true, 2) => Task::MaskedToken,
            _ => Task::TextFeatures,
        },
        _ => return None,
    })
}

/// Whether tokens see earlier ones only.
fn looks_back(graph: &Graph) -> bool {
    graph.nodes.iter().all(|node| match &node.op {
        Op::Attention(Attention { causal, .. }) => *causal,
        Op::Recurrent(Recurrent { reverse, .. }) => !reverse,
        _ => true,
    })
}
