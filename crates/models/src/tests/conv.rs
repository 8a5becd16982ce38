//! Convolutional networks, most of whose files come without a config.

use super::goldens::{golden, golden_config, golden_header};
use super::*;

const GOLDENS: [&str; 8] = [
    "vgg-bn",
    "vgg-plain",
    "resnet-basic",
    "resnet-bottleneck",
    "resnet-cifar",
    "resnet-shortcut",
    "mobilenet-v1",
    "mobilenet-v2",
];

fn parameters(config: Value) -> u64 {
    initial(&config).unwrap().graph.params_total()
}

/// torchvision's counts, and for batch norms a mean and a variance for each channel.
#[test]
fn counts_are_the_published_ones() {
    let layers = json!([64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]);
    let vgg_11 = json!({
        "model_type": "vgg", "image_size": 224, "num_channels": 3, "layers": layers, "batch_norm": false,
        "classifier_numbers": [0, 3, 6], "classifier_features": [4096, 4096], "num_labels": 1000,
    });
    assert_eq!(parameters(vgg_11.clone()), 132_863_336);
    assert_eq!(parameters(with(&vgg_11, "batch_norm", json!(true))), 132_868_840 + 2 * 2_752);
    let inner: Vec<usize> = [64, 128, 256, 512].into_iter().flat_map(|channels| [channels; 2]).collect();
    let resnet_18 = json!({
        "model_type": "resnet", "image_size": 224, "num_channels": 3, "stem_kernel": 7, "stem_channels": 64,
        "layer_type": "basic", "depths": [2, 2, 2, 2], "stage_channels": [64, 128, 256, 512],
        "inner_channels": inner, "num_labels": 1000,
    });
    let model = initial(&resnet_18).unwrap();
    assert_eq!(model.graph.params_total(), 11_689_512 + 2 * 4_800);
    assert_eq!((model.graph.macs(), model.graph.blocks()), (1_814_073_344, 10));
    let widths = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
    let mobilenet = json!({
        "model_type": "mobilenet_v1", "image_size": 224, "num_channels": 3, "block_channels": widths,
        "strides": [2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1], "num_labels": 1000,
    });
    assert_eq!(parameters(mobilenet), 4_231_976 + 2 * 10_944);
}

#[test]
fn goldens_are_read_with_their_config() {
    for name in GOLDENS {
        let (model, config) = (golden(name), golden_config(name));
        assert!(model.verdict.contains("as its config says") && !model.verdict.contains("pixels, strides"), "{name}");
        for (key, value) in config.as_object().unwrap() {
            assert_eq!(&model.config[key], value, "{name}: {key}");
        }
    }
}

/// Nothing in the tensors shows the pictures of a network that ends in a mean; all else is read.
#[test]
fn goldens_are_read_without_their_config() {
    for name in GOLDENS.into_iter().filter(|name| !["vgg-plain", "mobilenet-v2"].contains(name)) {
        let read = detect(&golden_header(name), None).unwrap_or_else(|error| panic!("{name}: {error}"));
        let known = golden(name);
        let pictures = known.pictures.unwrap();
        let shape = vec![pictures.channels, pictures.height, pictures.width];
        let resized = read.graph.resized(|_| Some(shape.clone())).unwrap();
        assert_eq!(resized, known.graph, "{name}");
        assert!(read.verdict.contains("; assumed: "), "{name}: {}", read.verdict);
    }
}

#[test]
fn what_is_assumed_is_said() {
    let said = |name: &str| detect(&golden_header(name), None).unwrap().verdict;
    assert!(said("vgg-bn").contains("assumed: a max pool at the end, 56×56 pixels"), "{}", said("vgg-bn"));
    let verdict = said("resnet-cifar");
    assert!(verdict.contains("assumed: 32×32 pixels, strides [1, 2, 2], norm ε = 1e-5"), "{verdict}");
    assert!(verdict.contains("pixels normalised by ImageNet's mean and deviation"), "{verdict}");
    assert!(said("resnet-shortcut").contains("assumed: 28×28 pixels, strides"), "{}", said("resnet-shortcut"));
    assert!(said("resnet-basic").contains("assumed: 224×224 pixels, strides [1, 2, 2, 2]"), "{}", said("resnet-basic"));
    assert!(said("mobilenet-v1").contains("strides [2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]"));
    assert!(said("mobilenet-v1").contains("not used: \"model.0.1.num_batches_tracked\""));
}

#[test]
fn what_the_tensors_do_not_show_is_asked_for() {
    let said = refused(&golden_header("vgg-plain"), None);
    let places = "the 60 inputs of classifier.weight are no square number of places, so no picture size follows";
    assert!(said.contains(places) && said.contains("put a config.json with \"image_size\" beside it"), "{said}");
    let said = refused(&golden_header("mobilenet-v2"), None);
    let strides = "do not show the strides of these 6 layers";
    assert!(said.contains(strides) && said.contains("put a config.json with \"strides\" beside it"), "{said}");
}

#[test]
fn relatives_are_recognised() {
    let cases: [(&str, &[usize], &str); 3] = [
        ("resnet.embedder.embedder.convolution.weight", &[64, 3, 7, 7], "a ResNet with Hugging Face's tensor names"),
        ("mobilenet_v2.conv_stem.first_conv.convolution.weight", &[32, 3, 3, 3], "whose padding differs"),
        // AlexNet
        ("features.0.weight", &[64, 3, 11, 11], "wanted a model of a known family"),
    ];
    for (name, shape, sentence) in cases {
        let mut file = Header { tensors: Vec::new(), metadata: Default::default() };
        push(&mut file, name, shape);
        push(&mut file, "classifier.1.weight", &[10, 8]);
        let said = refused(&file, None);
        assert!(said.contains(sentence), "{said}");
    }
}

#[test]
fn hostile_settings_are_refused() {
    let cases = [
        ("vgg-bn", "image_size", json!(64), "takes, without averaging, got 64×64, which leave 576"),
        (
            "vgg-bn",
            "image_size",
            json!([u64::MAX, 56]),
            "\"image_size\" should be from 1 to 8192, got 18446744073709551615",
        ),
        ("vgg-bn", "image_size", json!(4), "MaxPool2d at features.14: wanted [channels, height, width] of at least 2"),
        ("vgg-bn", "layers", json!([5, "M", 8, 6, "M", 9, "M"]), "\"layers\" is 8, but axis 0 of features.4.weight"),
        ("vgg-bn", "layers", json!([5, "A"]), "\"layers\" should be a list of channels, with \"M\" for a max pool"),
        ("vgg-bn", "layers", json!(["M", 5]), "\"layers\" should be up to 256 layers, the first a convolution"),
        ("vgg-bn", "batch_norm", json!(false), "wanted features.5.weight with 4 axes, got [7]"),
        (
            "vgg-bn",
            "classifier_numbers",
            json!([0, 3, 3]),
            "\"classifier_numbers\" should be up to 16 different numbers",
        ),
        ("vgg-bn", "batch_norm_eps", json!(2), "\"batch_norm_eps\" should be a number from 0 to 1, got 2"),
        ("resnet-basic", "depths", json!([1, 2, 1, 0]), "\"depths\" should be up to 16 stages of blocks"),
        ("resnet-basic", "depths", json!([u64::MAX, 2, 1, 1]), "\"depths\" should be up to 16 stages of blocks"),
        (
            "resnet-basic",
            "depths",
            json!([1, 2, 1, 2]),
            "\"inner_channels\" should be a list of 6 sizes, got 5 of them",
        ),
        ("resnet-basic", "stem_kernel", json!(5), "\"stem_kernel\" is 5, but axis 2 of conv1.weight"),
        ("resnet-basic", "stage_strides", json!([1, 2, 0, 2]), "\"stage_strides\" should be from 1 to 64, got 0"),
        ("resnet-basic", "shortcut", json!("average"), "should be \"downsample\" or \"shortcut\" or \"padding\", got"),
        ("resnet-basic", "shortcut", json!("padding"), "layer3.0 makes 7 channels of 8 without a convolution"),
        ("resnet-basic", "layer_type", json!("bottleneck"), "\"inner_channels\" should be a list of 10 sizes"),
        ("mobilenet-v1", "strides", json!([1, 2]), "\"strides\" should be a list of 14 strides, got 2 of them"),
        ("mobilenet-v2", "without_expansion", json!([9]), "should be different numbers of blocks below 5, ascending"),
        ("mobilenet-v2", "without_expansion", json!([]), "\"expanded_channels\" should be a list of 5 sizes"),
        (
            "mobilenet-v2",
            "block_channels",
            json!(vec![1; 1001]),
            "\"block_channels\" should be a list of 1 to 1000 sizes",
        ),
    ];
    for (name, key, value, sentence) in cases {
        let said = refused(&golden_header(name), Some(&with(&golden_config(name), key, value)));
        assert!(said.contains(sentence), "{name}, {key}: {said}");
    }
}

#[test]
fn other_numberings_are_no_vgg() {
    let mut file = golden_header("vgg-bn");
    tensor(&mut file, "features.4.weight").name = "features.6.weight".into();
    let said = refused(&file, None);
    assert!(said.contains("features.6.weight stands where a VGG has no convolution: one is expected at 3"), "{said}");
}
