//! Wanda on the shipped ViT beside PyTorch with hooks: statistics, scores and masks of three layers, each of which
//! sees all pruning in the blocks before it.

use pollster::block_on;
use secateur_exec::{Calibration, Silent};
use secateur_graph::groups::Vocabulary;
use secateur_methods::{Cache, Lab, Outcome, Unwatched, find};
use secateur_protocol::{Recipe, Value};
use secateur_tests::{Golden, Opened, assert_close_relative, public_path};

/// As in golden/shipped.py.
const LAYERS: [&str; 3] =
    ["vit.encoder.layer.0.attention.attention.query", "vit.encoder.layer.1.intermediate.dense", "classifier"];

fn wanda(opened: &Opened, pixels: &[f32], samples: usize) -> Outcome {
    let values = [("samples".to_string(), Value::Number(samples as f64))].into();
    let recipe = Recipe { method: "wanda".into(), values, seed: 0 };
    let mut cache = Cache::default();
    let mut lab = Lab {
        compute: &opened.compute,
        graph: &opened.model.graph,
        params: &opened.params,
        calibration: Calibration { inputs: pixels, samples },
        vocabulary: &Vocabulary::default(),
        task: None,
        checkpoints: &[],
        meter: &Silent,
        watch: &Unwatched,
        now_ms: &|| 0.0,
        cache: &mut cache,
    };
    block_on(find("wanda").unwrap().run(&mut lab, &recipe)).unwrap()
}

#[test]
fn scores_and_masks_are_the_references() {
    let file = |file| public_path(&format!("models/digits-vit/{file}"));
    let opened = Opened::new(&file("model.safetensors"), Some(&file("config.json")));
    let golden = Golden::open("wanda.safetensors");
    let (shape, pixels) = golden.f32("pixels");
    let outcome = wanda(&opened, &pixels, shape[0]);
    for name in LAYERS {
        let id = opened.model.graph.find_param(&format!("{name}.weight")).unwrap();
        let (_, want) = golden.f32(&format!("{name}.scores"));
        let scores = outcome.scores.of(&opened.compute, &opened.model.graph, &opened.params, id);
        assert_close_relative(&want, &block_on(scores).unwrap(), 1e-4);
        let mask = outcome.masks.get(id).unwrap();
        let want = golden.u8(&format!("{name}.mask"));
        let differing: Vec<usize> = (0..want.len()).filter(|at| (want[*at] == 1) != mask.is_kept(*at)).collect();
        assert_eq!(differing, [0usize; 0], "{name}: entries where the masks differ");
    }
}
