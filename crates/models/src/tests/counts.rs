//! Every golden's parameters and multiply-accumulates beside PyTorch's, from `tests/golden/counts.json`; `counts.py` beside
//! it says what it counts.

use secateur_graph::Graph;
use serde_json::Value;

use super::goldens::{golden, goldens};

const NO_ANSWER: &str =
    "The scale of the product of both embeddings, and that product, are part of no answer of the golden.";
const MASK: &str = "The token in the place of hidden patches is there for training only.";
const TWICE: &str = "The first block's embedding of time and class is worked out a second time for the last norm.";

/// (golden, parameters and multiply-accumulates that PyTorch counts and we do not, why)
const MORE: &[(&str, u64, u64, &str)] = &[
    ("clip", 1, 9, NO_ANSWER),
    ("dinov2", 24, 0, MASK),
    ("dinov2-registers", 24, 0, MASK),
    ("dinov2-swiglu", 18, 0, MASK),
    ("dit", 0, 3_216, TWICE),
    ("dit-learned-norm", 0, 3_216, TWICE),
];

/// The graph for the sizes of PyTorch's inputs.
fn sized(graph: &Graph, inputs: &Value) -> Graph {
    let size = |name: &str| {
        let upstream = match name {
            "image" => "pixel_values",
            "tokens" => "input_ids",
            other => other,
        };
        let shape = inputs.get(upstream)?.as_array()?;
        Some(shape[1..].iter().map(|size| size.as_u64().unwrap() as usize).collect())
    };
    graph.resized(size).unwrap()
}

/// Running means and variances, which PyTorch counts apart, are parameters with us.
#[test]
fn counts_are_pytorchs() {
    let counts: Value = serde_json::from_str(include_str!("../../../../tests/golden/counts.json")).unwrap();
    let counts = counts["models"].as_object().unwrap();
    assert_eq!(counts.keys().cloned().collect::<Vec<_>>(), goldens(), "run counts.py for the goldens there are");
    for (name, want) in counts {
        let graph = sized(&golden(name).graph, &want["inputs"]);
        let number = |value: &Value| value.as_u64().unwrap();
        let params = number(&want["parameters"]["unique"]) + number(&want["buffers"]);
        let more =
            MORE.iter().find(|(golden, ..)| golden == name).map_or((0, 0), |(_, params, macs, _)| (*params, *macs));
        let got = (graph.params_total() + more.0, graph.macs() + more.1);
        assert_eq!(got, (params, number(&want["macs"]["total"])), "{name}: parameters, multiply-accumulates");
    }
}
