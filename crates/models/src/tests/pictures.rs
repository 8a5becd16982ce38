//! How pictures are brought into shape.

use serde_json::json;

use super::{tiny_vit, with};
use crate::{Filter, InputSpec, Resize, initial};

/// The tiny ViT's pictures, 8×8, with a preprocessor_config.json.
fn preprocessed(settings: serde_json::Value) -> Result<InputSpec, String> {
    let model = initial(&tiny_vit()).unwrap().with_preprocessor(&settings);
    model.map(|model| model.pictures.unwrap()).map_err(|error| error.to_string())
}

#[test]
fn the_preprocessor_gives_mean_and_deviation() {
    let model = || initial(&tiny_vit()).unwrap();
    assert_eq!(
        (model().pictures.clone().unwrap().mean, model().pictures.clone().unwrap().std),
        (vec![0.5; 3], vec![0.5; 3])
    );
    let imagenet = json!({"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]});
    let input = model().with_preprocessor(&imagenet).unwrap().pictures.unwrap();
    assert_eq!((input.mean, input.std), (vec![0.485, 0.456, 0.406], vec![0.229, 0.224, 0.225]));
    let input = model().with_preprocessor(&json!({"do_normalize": false})).unwrap().pictures.unwrap();
    assert_eq!((input.mean, input.std), (vec![0.0; 3], vec![1.0; 3]));
    let cases = [
        ("image_mean", json!([0.5])),
        ("image_mean", json!([1e300, 0.5, 0.5])),
        ("image_std", json!([0.5, 0.0, 0.5])),
        ("image_std", json!("half")),
        ("do_rescale", json!(false)),
        ("rescale_factor", json!(1.0 / 127.5)),
    ];
    for (key, wrong) in cases {
        let said = model().with_preprocessor(&with(&json!({}), key, wrong)).unwrap_err().to_string();
        assert!(said.starts_with(&format!("the config's \"{key}\" should be ")), "{said}");
    }
}

#[test]
fn the_preprocessor_says_how_pictures_are_resized() {
    let cases = [
        (json!({}), Resize::Exactly(8, 8)),
        (json!({"size": 8}), Resize::Exactly(8, 8)),
        (json!({"size": {"height": 8, "width": 8}}), Resize::Exactly(8, 8)),
        (json!({"size": {"shortest_edge": 9}, "crop_size": 8}), Resize::Shorter(9)),
        (json!({"size": {"shortest_edge": 6, "longest_edge": null}}), Resize::Shorter(6)),
        (json!({"size": 10, "crop_size": {"height": 8, "width": 8}, "do_center_crop": true}), Resize::Exactly(10, 10)),
        (json!({"size": 10, "crop_size": 8, "feature_extractor_type": "CLIPFeatureExtractor"}), Resize::Shorter(10)),
        (json!({"size": 8, "crop_pct": 0.875, "image_processor_type": "ConvNextImageProcessor"}), Resize::Shorter(9)),
        (json!({"size": {"shortest_edge": 384}, "crop_pct": 0.875}), Resize::Exactly(384, 384)),
        (json!({"do_resize": false, "size": 8}), Resize::Keep),
        (json!({"do_center_crop": false, "crop_size": 7}), Resize::Exactly(8, 8)),
    ];
    for (settings, resize) in cases {
        assert_eq!(preprocessed(settings.clone()).unwrap().resize, resize, "{settings}");
    }
    let filter = |number| preprocessed(json!({ "resample": number })).unwrap().filter;
    assert_eq!((filter(2), filter(3)), (Filter::Bilinear, Filter::Bicubic));
}

#[test]
fn pictures_that_would_not_fit_are_refused() {
    for (settings, said) in [
        (json!({"size": 6}), "\"size\" should be 8×8, which the model takes, got 6×6"),
        (json!({"size": 9, "do_center_crop": false}), "\"size\" should be 8×8"),
        (json!({"crop_size": 9}), "\"crop_size\" should be 8×8, which the model takes, got 9×9"),
        (json!({"size": 0}), "\"size\" should be a number of pixels"),
        (json!({"size": {"height": 8}}), "\"size\" should be a number of pixels"),
        (json!({"size": {"height": 8, "width": 1e9}}), "\"size\" should be a number of pixels"),
        (json!({"size": {"shortest_edge": 8, "longest_edge": 9}}), "\"size\" should be a number of pixels"),
        (json!({"size": {"shortest_edge": 8}, "crop_pct": 0}), "\"crop_pct\" should be a number from 0.1 to 1"),
        (json!({"resample": 1}), "\"resample\" should be 2 (bilinear) or 3 (bicubic)"),
    ] {
        let error = preprocessed(settings.clone()).unwrap_err();
        assert!(error.contains(said), "{settings}: {error}");
    }
}

/// As their libraries have it.
#[test]
fn families_cut_or_stretch() {
    let spec = |channels, side| InputSpec::imagenet(channels, crate::settings::Pair(side, side), &mut Vec::new());
    assert_eq!(spec(3, 224).resize, Resize::Shorter(256));
    assert_eq!(spec(3, 32).resize, Resize::Shorter(32), "CIFAR's pictures are looked at whole");
    assert_eq!(spec(1, 224).resize, Resize::Exactly(224, 224));
    assert_eq!(InputSpec::new(3, 8, 12).cut(0.9).resize, Resize::Exactly(8, 12), "oblong pictures are stretched");
    assert_eq!(InputSpec::new(3, 224, 224).cut(0.9).resize, Resize::Shorter(248));
}
