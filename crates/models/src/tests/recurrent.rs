use super::goldens::{golden, golden_config, golden_header};
use super::*;
use crate::Task;

#[test]
fn goldens_are_read_with_their_config() {
    for name in ["rnn-classes", "gru-lm", "lstm-classes"] {
        let (model, config) = (golden(name), golden_config(name));
        assert!(model.verdict.ends_with("parameters, as its config says."), "{}", model.verdict);
        assert!(config.as_object().unwrap().iter().all(|(key, value)| &model.config[key] == value), "{name}");
    }
}

/// But for the length of a text, which nothing limits.
#[test]
fn goldens_are_read_without_their_config() {
    let cases = [
        ("gru-lm", Task::NextToken, "assumed: texts of up to 256 tokens"),
        ("lstm-classes", Task::TextClasses, "assumed: texts of up to 256 tokens, the class is told from both ends"),
    ];
    for (name, task, sentence) in cases {
        let (read, known) = (detect(&golden_header(name), None).unwrap(), golden(name));
        let tokens = known.graph.nodes[0].shape.clone();
        assert_eq!(read.graph.resized(|_| Some(tokens.clone())).unwrap(), known.graph, "{name}");
        assert_eq!((read.task, known.task), (task, task));
        assert!(read.verdict.contains(sentence), "{}", read.verdict);
    }
}

/// Weights do not show a plain cell's function.
#[test]
fn tanh_is_assumed_and_said() {
    let header = golden_header("rnn-classes");
    let read = detect(&header, None).unwrap();
    assert!(read.verdict.contains("assumed: tanh, texts of"), "{}", read.verdict);
    let tanh = with(&golden_config("rnn-classes"), "nonlinearity", json!("tanh"));
    let known = detect(&header, Some(&tanh)).unwrap().graph;
    assert_eq!(read.graph.resized(|_| Some(vec![64])).unwrap(), known);
}

/// The head reads the last state and, backwards, the first; a shorter text has its own last token.
#[test]
fn both_ends_are_read() {
    let graph = golden("lstm-classes").graph.resized(|_| Some(vec![3])).unwrap();
    let shape = |name: &str| graph.nodes.iter().find(|node| node.name == name).map(|node| node.shape.clone());
    assert_eq!(shape("lstm.l0.both"), Some(vec![3, 12]));
    assert_eq!(shape("ends"), Some(vec![12]));
    assert_eq!(graph.blocks(), 4);
}

#[test]
fn hostile_settings_are_refused() {
    let cases = [
        ("gru-lm", "cell", json!("lstm"), "\"gru.weight_ih_l0\" is [21, 6], not [28, 6]"),
        ("gru-lm", "cell", json!("qrnn"), "\"cell\" should be \"rnn\" or \"gru\" or \"lstm\", got \"qrnn\""),
        ("gru-lm", "num_hidden_layers", json!(u64::MAX), "\"num_hidden_layers\" should be from 1 to 64"),
        ("gru-lm", "num_hidden_layers", json!(4), "missing \"gru.weight_ih_l3\" [21, 7]"),
        ("gru-lm", "hidden_size", json!(8), "\"hidden_size\" is 8, but axis 1 of gru.weight_hh_l0"),
        (
            "gru-lm",
            "bidirectional",
            json!(true),
            "\"task\" should be \"classes\", since a network that reads both ways",
        ),
        ("gru-lm", "max_length", json!(1 << 20), "\"max_length\" should be from 1 to 4096, got 1048576"),
        ("gru-lm", "head_name", json!("encoder"), "\"head_name\" should be another name than embedding_name"),
        ("gru-lm", "head_name", json!("a\nb"), "\"head_name\" should be 1 to 100 letters"),
        ("rnn-classes", "task", json!("next-token"), "\"vocab_size\" is 11, but axis 0 of fc.weight [3, 6] says 3"),
        ("rnn-classes", "nonlinearity", json!("sin"), "\"nonlinearity\" should be \"tanh\" or \"relu\", got \"sin\""),
    ];
    for (name, key, value, sentence) in cases {
        let said = refused(&golden_header(name), Some(&with(&golden_config(name), key, value)));
        assert!(said.contains(sentence), "{name}, {key}: {said}");
    }
}

#[test]
fn other_recurrent_networks_are_recognised() {
    let mut projected = golden_header("lstm-classes");
    push(&mut projected, "lstm.weight_hr_l0", &[3, 6]);
    let mut stacked = golden_header("gru-lm");
    push(&mut stacked, "other.weight_hh_l0", &[21, 7]);
    let mut deep = golden_header("gru-lm");
    push(&mut deep, "fc.weight", &[7, 7]);
    push(&mut deep, "fc.bias", &[7]);
    let mut odd = golden_header("gru-lm");
    tensor(&mut odd, "gru.weight_hh_l0").shape = vec![14, 7];
    let cases = [
        (projected, "lstm is an LSTM with a projection (proj_size), which is not supported"),
        (stacked, "but 2 could be the recurrent_name"),
        (deep, "but 2 could be the head_name; choose such a model, or put a config.json with embedding_name"),
        (odd, "gru.weight_hh_l0 is [14, 7]; wanted 1, 3 or 4 times as many rows as columns"),
    ];
    for (file, sentence) in cases {
        let said = refused(&file, None);
        assert!(said.contains(sentence), "{said}");
    }
}
