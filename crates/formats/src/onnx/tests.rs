use super::proto::{DataLocation, DataType, NodeProto, StringStringEntryProto, TensorProto};
use super::*;

fn model() -> ModelProto {
    let node = NodeProto { op_type: "Relu".into(), input: vec!["x".into()], ..NodeProto::default() };
    let initializer = vec![TensorProto::of_i64("axes", &[2], &[2, -3])];
    let graph = GraphProto { node: vec![node], name: "g".into(), initializer, ..GraphProto::default() };
    ModelProto { ir_version: 9, graph: Some(graph), ..ModelProto::default() }
}

fn weights() -> [Weight; 2] {
    [Weight { name: "a".into(), shape: vec![2, 100] }, Weight { name: "b".into(), shape: vec![] }]
}

fn proto(data_type: DataType, dims: &[i64]) -> TensorProto {
    TensorProto { name: "t".into(), data_type: data_type as i32, dims: dims.into(), ..TensorProto::default() }
}

#[test]
fn a_file_written_in_pieces_is_one_message() {
    let layout = Layout::inline(model(), &weights());
    let values = [vec![0.5f32; 200], vec![7.0]];
    let mut file = layout.start;
    for (before, values) in layout.before.iter().zip(&values) {
        file.extend(before);
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    let (_, graph) = decode(file.into()).unwrap();
    let mut whole = model().graph.unwrap();
    whole.initializer.push(TensorProto::of_f32("a", &[2, 100], &values[0]));
    whole.initializer.push(TensorProto::of_f32("b", &[], &values[1]));
    assert_eq!(graph, whole);
}

#[test]
fn weights_beside_the_file_are_found_there() {
    let layout = Layout::beside(model(), &weights(), "m.onnx.data");
    assert!(layout.before.iter().all(Vec::is_empty));
    let (_, graph) = decode(layout.start.into()).unwrap();
    let places: Vec<_> = graph.initializer[1..].iter().map(|proto| Tensor::read(proto).unwrap().data).collect();
    let at = |range| Data::Beside(Place { location: "m.onnx.data".into(), range });
    assert_eq!(places, [at(0..800), at(800..804)]);
}

#[test]
fn tensors_share_the_files_bytes() {
    let file = Bytes::from(model().encode_to_vec());
    let (_, graph) = decode(file.clone()).unwrap();
    let Data::Here(bytes) = Tensor::read(&graph.initializer[0]).unwrap().data else { panic!("it is in the file") };
    assert!(file.as_ptr_range().contains(&bytes.as_ptr()));
}

#[test]
fn every_way_to_store_numbers_is_read() {
    let of = |proto: TensorProto| Tensor::read(&proto).unwrap();
    let floats = [
        TensorProto { float_data: vec![1.5, -2.0], ..proto(DataType::Float, &[2]) },
        TensorProto { double_data: vec![1.5, -2.0], ..proto(DataType::Double, &[1, 2]) },
        TensorProto { int32_data: vec![0x3e00, 0xc000], ..proto(DataType::Float16, &[2]) },
        TensorProto { int32_data: vec![0x3fc0, 0xc000], ..proto(DataType::Bfloat16, &[2]) },
        TensorProto { raw_data: vec![0, 0x3e, 0, 0xc0].into(), ..proto(DataType::Float16, &[2]) },
    ];
    for proto in floats {
        let tensor = of(proto);
        assert_eq!((tensor.numbers(), tensor.whole_numbers()), (Some(vec![1.5, -2.0]), None), "{tensor:?}");
    }
    let whole = [
        TensorProto { int64_data: vec![1, -2], ..proto(DataType::Int64, &[2]) },
        TensorProto { int32_data: vec![1, -2], ..proto(DataType::Int32, &[2]) },
        TensorProto { int32_data: vec![1, -2], ..proto(DataType::Int8, &[2]) },
    ];
    for proto in whole {
        let tensor = of(proto);
        assert_eq!(tensor.whole_numbers(), Some(vec![1, -2]), "{tensor:?}");
        assert_eq!(tensor.numbers(), Some(vec![1.0, -2.0]), "{tensor:?}");
    }
    assert_eq!(
        of(TensorProto { int32_data: vec![1, 0], ..proto(DataType::Bool, &[2]) }).whole_numbers(),
        Some(vec![1, 0])
    );
}

#[test]
fn each_damage_has_its_sentence() {
    let beside = |entries: &[(&str, &str)]| TensorProto {
        data_location: DataLocation::External as i32,
        external_data: entries
            .iter()
            .map(|(key, value)| StringStringEntryProto { key: key.to_string(), value: value.to_string() })
            .collect(),
        ..proto(DataType::Float, &[2])
    };
    for (proto, sentence) in [
        (proto(DataType::Float, &[2]), "needs 8 bytes, got 0"),
        (proto(DataType::Float, &[-1]), "more entries than can be counted"),
        (proto(DataType::Float, &[i64::MAX, i64::MAX]), "more entries than can be counted"),
        (proto(DataType::Undefined, &[2]), "has element type 0"),
        (beside(&[]), "wanted a file's name"),
        (beside(&[("location", "../secret")]), "location = ../secret"),
        (beside(&[("location", "/secret")]), "location = /secret"),
        (beside(&[("location", "w"), ("offset", "-1")]), "offset = -1"),
        (beside(&[("location", "w"), ("offset", "18446744073709551615")]), "wanted a file's name"),
        (beside(&[("location", "w"), ("length", "4")]), "needs 8 bytes, got 4"),
    ] {
        let error = Tensor::read(&proto).unwrap_err().to_string();
        assert!(error.contains(sentence), "wanted {sentence:?} in {error:?}");
    }
    assert_eq!(decode(Bytes::new()).unwrap_err(), OnnxError::NoGraph);
    assert!(decode(Bytes::from_static(b"PK\x03\x04")).unwrap_err().to_string().contains("cannot be decoded"));
}
