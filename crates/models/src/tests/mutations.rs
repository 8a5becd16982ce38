//! Damaged files and settings: never a panic, always one sentence, and what is accepted fits its file.

use proptest::prelude::*;
use secateur_formats::safetensors::Dtype;

use std::sync::LazyLock;

use super::goldens::{golden_config, golden_header, goldens};
use super::*;
use crate::Schedule;

/// Files that are whole, with their settings: every golden, and two of ours.
static WHOLE: LazyLock<Vec<(Value, Header)>> = LazyLock::new(|| {
    let of = |config: Value| (config.clone(), header(&initial(&config).unwrap()));
    let ours = [of(tiny_vit()), of(tiny_lenet())];
    goldens().iter().map(|name| (golden_config(name), golden_header(name))).chain(ours).collect()
});

/// One thing that went wrong between the model and us.
#[derive(Clone, Debug)]
enum Damage {
    Setting { at: usize, value: Value },
    NoSetting { at: usize },
    NoTensor { at: usize },
    Rename { at: usize, name: String },
    Axis { at: usize, axis: usize, size: usize },
    Shape { at: usize, shape: Vec<usize> },
    Type { at: usize, dtype: Dtype },
    Extra { name: String, shape: Vec<usize> },
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![0..40_usize, Just(1 << 20), Just(1 << 31), Just(1 << 40), Just(usize::MAX), any::<usize>()]
}

fn setting() -> impl Strategy<Value = Value> {
    let number = prop_oneof![size().prop_map(|n| json!(n)), any::<i64>().prop_map(|n| json!(n))];
    // What stands somewhere in a config is likelier to get past the first check.
    let known: Vec<String> = WHOLE.iter().flat_map(|(config, _)| words(config)).collect();
    let word =
        prop_oneof![4 => prop::sample::select(known), 1 => Just("\u{0}\n".to_string()), 1 => Just(String::new())];
    let leaf = prop_oneof![
        4 => number.clone(),
        1 => any::<f64>().prop_map(|n| json!(n)),
        1 => any::<bool>().prop_map(|b| json!(b)),
        1 => word.prop_map(|w| json!(w)),
        1 => Just(Value::Null),
    ];
    prop_oneof![
        4 => leaf.clone(),
        1 => prop::collection::vec(number, 0..4).prop_map(|list| json!(list)),
        1 => prop::collection::vec(leaf.clone(), 0..4).prop_map(|list| json!(list)),
        1 => prop::collection::btree_map("[0-9]{1,2}", leaf, 0..4).prop_map(|map| json!(map)),
    ]
}

/// All texts in a config, however deep.
fn words(config: &Value) -> Vec<String> {
    match config {
        Value::String(word) => vec![word.clone()],
        Value::Array(list) => list.iter().flat_map(words).collect(),
        Value::Object(map) => map.values().flat_map(words).collect(),
        _ => Vec::new(),
    }
}

fn name() -> impl Strategy<Value = String> {
    let layers = (any::<u64>(), Just("output.dense.weight"));
    prop_oneof![
        Just("vit.embeddings.cls_token".to_string()),
        Just("vit.pooler.dense.weight".to_string()),
        Just("conv3.weight".to_string()),
        Just("fc4.weight".to_string()),
        layers.prop_map(|(layer, rest)| format!("vit.encoder.layer.{layer}.{rest}")),
        "[a-z.]{0,12}",
        any::<String>(),
        "x{5000}",
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<usize>;
    let shape = || prop::collection::vec(size(), 0..6);
    let dtype = prop_oneof![Just(Dtype::F16), Just(Dtype::BF16), Just(Dtype::F64), Just(Dtype::BOOL), Just(Dtype::I8)];
    prop_oneof![
        4 => (at(), setting()).prop_map(|(at, value)| Damage::Setting { at, value }),
        1 => at().prop_map(|at| Damage::NoSetting { at }),
        1 => at().prop_map(|at| Damage::NoTensor { at }),
        1 => (at(), name()).prop_map(|(at, name)| Damage::Rename { at, name }),
        2 => (at(), at(), size()).prop_map(|(at, axis, size)| Damage::Axis { at, axis, size }),
        1 => (at(), shape()).prop_map(|(at, shape)| Damage::Shape { at, shape }),
        1 => (at(), dtype).prop_map(|(at, dtype)| Damage::Type { at, dtype }),
        1 => (name(), shape()).prop_map(|(name, shape)| Damage::Extra { name, shape }),
    ]
}

impl Damage {
    fn apply(self, config: &mut Value, file: &mut Header) {
        let keys: Vec<String> = config.as_object().unwrap().keys().cloned().collect();
        let tensors = file.tensors.len().max(1);
        match self {
            Self::Setting { at, value } => config[&keys[at % keys.len()]] = value,
            Self::NoSetting { at } if keys.len() > 1 => {
                config.as_object_mut().unwrap().remove(&keys[at % keys.len()]);
            }
            Self::NoSetting { .. } => {}
            Self::NoTensor { at } => {
                file.tensors.remove(at % tensors);
            }
            Self::Rename { at, name } => file.tensors[at % tensors].name = name,
            Self::Axis { at, axis, size } => {
                let shape = &mut file.tensors[at % tensors].shape;
                let axes = shape.len().max(1);
                if let Some(old) = shape.get_mut(axis % axes) {
                    *old = size;
                }
            }
            Self::Shape { at, shape } => file.tensors[at % tensors].shape = shape,
            Self::Type { at, dtype } => file.tensors[at % tensors].dtype = dtype,
            Self::Extra { name, shape } => {
                file.tensors.push(TensorInfo { name, dtype: Dtype::F32, shape, range: 0..0 });
            }
        }
    }
}

/// Short, on one line, and no bare technicality.
fn is_a_sentence(text: &str) -> bool {
    text.contains(' ') && text.len() < 4000 && !text.contains(['\n', '\0'])
}

/// Everything the graph needs is in the file as it needs it, and the written config says the same.
fn fits(model: &Model, file: &Header) -> Result<(), TestCaseError> {
    prop_assert!(model.graph.nodes.len() < 1 << 16, "{} nodes", model.graph.nodes.len());
    if model.task == Task::Unknown {
        return Ok(());
    }
    for param in &model.graph.params {
        let held = file.tensors.iter().filter(|tensor| tensor.name == param.name);
        prop_assert!(held.clone().count() >= 1, "{}", param.name);
        prop_assert!(held.clone().any(|tensor| tensor.shape == param.stored_shape()), "{}", param.name);
    }
    if !model.labels.is_empty() {
        prop_assert_eq!(model.graph.node(model.graph.output()).shape.clone(), vec![model.labels.len()]);
    }
    prop_assert_eq!(&initial(&model.config).unwrap().graph, &model.graph);
    prop_assert!(model.graph.macs() > 0 && model.graph.params_total() > 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_told(
        which in any::<usize>(),
        damages in prop::collection::vec(damage(), 0..4),
        with_config in any::<bool>(),
    ) {
        let (mut config, mut file) = WHOLE[which % WHOLE.len()].clone();
        for damage in damages {
            damage.apply(&mut config, &mut file);
        }
        match detect(&file, with_config.then_some(&config)) {
            Ok(model) => {
                fits(&model, &file)?;
                prop_assert!(is_a_sentence(&model.verdict), "{}", model.verdict);
            }
            Err(error) => prop_assert!(is_a_sentence(&error.to_string()), "{}", error),
        }
        if let Err(error) = initial(&config) {
            prop_assert!(is_a_sentence(&error.to_string()), "{}", error);
        }
    }

    #[test]
    fn damaged_settings_beside_the_config_are_told(
        damages in prop::collection::vec((any::<usize>(), setting()), 1..4),
        steps in size(),
    ) {
        let damaged = |mut settings: Value| {
            let keys: Vec<String> = settings.as_object().unwrap().keys().cloned().collect();
            damages.iter().for_each(|(at, value)| settings[&keys[at % keys.len()]] = value.clone());
            settings
        };
        match initial(&tiny_vit()).unwrap().with_preprocessor(&damaged(preprocessor())) {
            Ok(model) => prop_assert_eq!(model.pictures.unwrap().mean.len(), 3),
            Err(error) => prop_assert!(is_a_sentence(&error.to_string()), "{}", error),
        }
        match Schedule::read(&damaged(scheduler())).and_then(|schedule| Ok((schedule.ddpm(steps)?, schedule))) {
            Ok((list, schedule)) => {
                prop_assert_eq!(list.len(), steps);
                for step in list.iter().chain(&schedule.ddim(steps).unwrap()) {
                    prop_assert!(step.timestep < schedule.signal().len());
                    prop_assert!(step.next(0.5, -0.25, 0.0, 1.0).is_finite());
                }
            }
            Err(error) => prop_assert!(is_a_sentence(&error.to_string()), "{}", error),
        }
    }
}

/// Of 8×8 pixels, as the tiny ViT takes them.
fn preprocessor() -> Value {
    json!({
        "image_processor_type": "CLIPImageProcessor", "do_resize": true, "size": {"shortest_edge": 9}, "resample": 3,
        "do_center_crop": true, "crop_size": {"height": 8, "width": 8}, "crop_pct": 0.9, "do_rescale": true,
        "rescale_factor": 1.0 / 255.0, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    })
}

fn scheduler() -> Value {
    json!({
        "_class_name": "DDIMScheduler", "num_train_timesteps": 30, "beta_start": 1e-4, "beta_end": 0.2,
        "beta_schedule": "scaled_linear", "trained_betas": null, "prediction_type": "sample", "clip_sample": false,
        "clip_sample_range": 1.0, "variance_type": "fixed_large", "timestep_spacing": "trailing", "steps_offset": 0,
        "set_alpha_to_one": false, "rescale_betas_zero_snr": false, "thresholding": false,
    })
}
