//! Whatever is in an ONNX file, reading it gives tensors or a sentence: no panic, and no more memory than it is worth.

mod support;

use proptest::prelude::*;
use proptest::sample::Index;
use secateur_formats::onnx::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};
use secateur_formats::onnx::{Layout, OnnxError, Tensor, Weight, decode};
use support::{assert_is_sentence, peak};

/// Two weights in the file or beside it, and a tensor in a list and one in an attribute.
fn sound(beside: bool) -> Vec<u8> {
    let t = Some(TensorProto::of_f32("t", &[2], &[0.5, 1.0]));
    let attribute = vec![AttributeProto { name: "value".into(), t, ..AttributeProto::default() }];
    let node = NodeProto { op_type: "Constant".into(), output: vec!["c".into()], attribute, ..NodeProto::default() };
    let listed =
        TensorProto { int64_data: vec![1, 2, 3], raw_data: Default::default(), ..TensorProto::of_i64("l", &[3], &[]) };
    let graph = GraphProto { node: vec![node], initializer: vec![listed], ..GraphProto::default() };
    let model = ModelProto { ir_version: 9, graph: Some(graph), ..ModelProto::default() };
    let weights = [[2, 3], [4, 1]].map(|shape| Weight { name: format!("w{shape:?}"), shape: shape.into() });
    let layout = if beside { Layout::beside(model, &weights, "w.data") } else { Layout::inline(model, &weights) };
    let mut file = layout.start;
    for (before, weight) in layout.before.iter().zip(&weights).filter(|_| !beside) {
        file.extend(before);
        file.extend(vec![1; weight.size() as usize]);
    }
    file
}

/// The whole way: messages, then each tensor, wherever it stands.
fn read(file: &[u8]) -> Result<usize, OnnxError> {
    let (_, graph) = decode(file.to_vec().into())?;
    let attributes = graph.node.iter().flat_map(|node| &node.attribute).filter_map(|attribute| attribute.t.as_ref());
    let mut numbers = 0;
    for proto in graph.initializer.iter().chain(attributes) {
        let tensor = Tensor::read(proto)?;
        if let Some(all) = tensor.numbers() {
            assert_eq!(all.len(), tensor.len());
            numbers += all.len();
        }
    }
    Ok(numbers)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_gives_tensors_or_a_sentence(
        beside in any::<bool>(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<Index>()),
    ) {
        let mut file = sound(beside);
        for (at, byte) in &changes {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        file.truncate(cut.as_ref().map_or(file.len(), |cut| cut.index(file.len())));
        let (found, bytes) = peak(|| read(&file));
        prop_assert!(bytes < 200 * file.len() + (16 << 10), "{bytes} bytes for a file of {}", file.len());
        if let Err(error) = found {
            prop_assert!(cut.is_some() || !changes.is_empty(), "a sound file: {error}");
            assert_is_sentence(&error.to_string());
        }
    }
}
