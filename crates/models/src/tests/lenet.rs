use super::*;

#[test]
fn lenet_5_has_61706_parameters() {
    let config = json!({
        "model_type": "lenet", "image_size": 28, "num_channels": 1, "conv_channels": [6, 16], "conv_kernels": [5, 5],
        "conv_paddings": [2, 0], "fc_features": [120, 84], "num_labels": 10,
    });
    let graph = initial(&config).unwrap().graph;
    assert_eq!(graph.params_total(), 61_706);
    assert_eq!(graph.macs(), 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10);
}

#[test]
fn shapes_alone_give_the_same_graph() {
    let asked = shipped("digits-cnn");
    let read = detect(&header(&asked), None).unwrap();
    assert_eq!(read.graph, asked.graph);
    assert!(read.verdict.contains("assumed: 28×28 pixels, paddings [2, 0]"), "{}", read.verdict);
}

/// The usual tutorial network: CIFAR pictures, no padding.
#[test]
fn colour_pictures_are_taken_for_cifar() {
    let mut file = Header { tensors: Vec::new(), metadata: Default::default() };
    let layers: [(&str, &[usize]); 5] = [
        ("conv1", &[6, 3, 5, 5]),
        ("conv2", &[16, 6, 5, 5]),
        ("fc1", &[120, 400]),
        ("fc2", &[84, 120]),
        ("fc3", &[10, 84]),
    ];
    for (name, shape) in layers {
        push(&mut file, &format!("{name}.weight"), shape);
        push(&mut file, &format!("{name}.bias"), &shape[..1]);
    }
    let model = detect(&file, None).unwrap();
    assert_eq!(
        (model.family, model.pictures.clone().unwrap().height, model.graph.params_total()),
        ("lenet", 32, 62_006)
    );
}

#[test]
fn hostile_settings_are_refused() {
    let file = header(&initial(&tiny_lenet()).unwrap());
    let cases = [
        ("conv_channels", json!([2, 4]), "\"conv_channels\" is 4, but axis 0 of conv2.weight [3, 2, 3, 3] says 3"),
        ("conv_channels", json!(vec![1; 99]), "\"conv_channels\" should be a list of 1 to 16 sizes, got 99 of them"),
        ("conv_channels", json!([2]), "\"conv_kernels\" should be one for each of the 1 convolutions, got 2"),
        ("conv_kernels", json!([0, 3]), "\"conv_kernels\" is 0, but axis 2 of conv1.weight"),
        (
            "conv_paddings",
            json!([1]),
            "\"conv_paddings\" should be a padding up to 4096 for each of the 2 convolutions",
        ),
        ("conv_paddings", json!([u64::MAX, 0]), "\"conv_paddings\" should be a padding up to 4096"),
        ("image_size", json!(0), "\"image_size\" should be from 1 to 4096, got 0"),
        (
            "image_size",
            json!(2),
            "Conv2d at conv2: wanted [2, height, width] of at least the kernel's 3 each way, got [[2, 1, 1]]",
        ),
        ("image_size", json!(4096), "\"fc1.weight\" is [7, 12], not [7, 3139587]"),
        ("fc_features", json!([7, 2]), "missing \"fc3.weight\""),
    ];
    for (key, value, sentence) in cases {
        let said = refused(&file, Some(&with(&tiny_lenet(), key, value)));
        assert!(said.contains(sentence), "{key}: {said}");
    }
}

#[test]
fn an_unusual_geometry_needs_a_config() {
    let file = header(&initial(&tiny_lenet()).unwrap());
    let said = refused(&file, None);
    assert!(said.contains("\"image_size\" and \"conv_paddings\""), "{said}");
}
