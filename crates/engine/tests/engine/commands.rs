use secateur_formats::safetensors::Dtype;
use secateur_protocol::{
    Choice, Command, DeviceChoice, Event, FileRef, Format, Generate, HeatKind, Image, Source, VERSION,
};

use crate::host::*;
use crate::texts::perplexity;
use crate::tiny::{CONFIG, DIGEST, TINY, tiny};

fn opened(more: Vec<Command>) -> Run {
    let mut commands = vec![hello(), load(&[TINY, CONFIG])];
    commands.extend(more);
    run(&tiny(Dtype::F32, 1), commands)
}

#[test]
fn hello_lists_methods_models_and_the_device() {
    let ready = run(&[], vec![hello()]);
    let (adapter, methods, models) = ready.find(1, |(event, _)| match event {
        Event::Ready { adapter, methods, models, .. } => Some((adapter.clone(), methods.len(), models.len())),
        _ => None,
    });
    assert!(!adapter.gpu && !adapter.why.is_empty());
    assert!(methods >= 3 && models >= 2);
}

#[test]
fn an_older_page_is_told_to_reload() {
    let run = run(&[], vec![Command::Hello { version: VERSION + 1, device: DeviceChoice::Cpu }]);
    assert!(run.error(1).contains("reload"), "{}", run.error(1));
}

#[test]
fn without_device_or_model_every_command_says_what_is_missing() {
    let all = vec![
        prune("magnitude", 0.5),
        Command::Undo,
        Command::Redo,
        Command::Predict { image: Image::Test { indices: vec![0] } },
        Command::Evaluate,
        perplexity("builtin:stories", 8, 8),
        Command::Generate(Generate { prompt: "a".into(), max_tokens: 1, choice: Choice::Greedy, seed: 0 }),
        Command::Time { batch: 1, repeats: 1 },
        Command::Heat { params: vec![0], kind: HeatKind::Weight, side: 4 },
        Command::Export { format: Format::Zeros },
        Command::Compare { with: Source::BuiltIn { id: "digits-vit".into() } },
    ];
    let n = all.len() as u32;
    let mute = run(&[], all.clone());
    (1..=n).for_each(|id| assert!(!mute.error(id).is_empty()));
    let unloaded = run(&[], [vec![hello()], all].concat());
    (2..=n).for_each(|id| assert!(unloaded.error(id).contains("load one first"), "{}", unloaded.error(id)));
}

#[test]
fn the_verdict_says_what_room_the_model_takes() {
    let verdict = opened(vec![]).find(2, |(event, _)| match event {
        Event::Loaded(loaded) => Some(loaded.verdict.clone()),
        _ => None,
    });
    assert!(verdict.contains("parameters"), "{verdict}");
    assert!(verdict.ends_with(" It needs 0.1 MB here for each of dense and pruned and fits."), "{verdict}");
}

#[test]
fn a_cut_is_exact_and_repeats() {
    let run = opened(vec![prune("random", 0.5), prune("wanda", 0.8), prune("random", 0.5)]);
    let [first, second, third] = [3, 4, 5].map(|id| run.level(id));
    for layer in &first.layers {
        assert_eq!(layer.of - layer.kept, (0.5 * layer.of as f64).round() as u64);
    }
    assert_eq!(first.digest, third.digest);
    assert_ne!(first.digest, second.digest);
    assert_eq!((first.undo, second.undo, third.undo), (1, 2, 3));
}

/// The browser's tests ask for the same digest.
#[test]
fn masks_are_the_same_on_every_machine() {
    assert_eq!(opened(vec![prune("magnitude", 0.7)]).level(3).digest, DIGEST);
}

#[test]
fn undo_and_redo_bring_the_same_masks_back() {
    let steps = vec![prune("magnitude", 0.3), prune("magnitude", 0.6), Command::Undo, Command::Undo];
    let run = opened([steps, vec![Command::Undo, Command::Redo, Command::Redo, Command::Redo]].concat());
    let [a, b, back, dense, again, forth] = [3, 4, 5, 6, 8, 9].map(|id| run.level(id));
    assert_eq!((&back.digest, &again.digest, &forth.digest), (&a.digest, &a.digest, &b.digest));
    assert_eq!((dense.zeros(), dense.recipe, dense.redo), (0, None, 2));
    assert!(run.error(7).contains("nothing to undo") && run.error(10).contains("nothing to redo"));
}

#[test]
fn answers_follow_the_masks() {
    let look = || Command::Predict { image: Image::Test { indices: vec![0] } };
    let run = opened(vec![look(), prune("magnitude", 0.9), look(), Command::Undo, look(), Command::Redo, look()]);
    let pruned = |id| {
        run.find(id, |(event, _)| match event {
            Event::Predictions { items, .. } => Some(items[0].pruned.clone()),
            _ => None,
        })
    };
    let (dense, cut) = (pruned(3), pruned(5));
    assert_ne!(dense, cut);
    assert_eq!((pruned(7), pruned(9)), (dense, cut));
}

#[test]
fn a_wrong_recipe_is_refused_and_changes_nothing() {
    let run = opened(vec![prune("magnitude", 0.5), prune("magnitude", 7.0), prune("magic", 0.5), Command::Evaluate]);
    assert!(run.error(4).contains("sparsity"), "{}", run.error(4));
    assert!(run.error(5).contains("there are random, magnitude, global-mp"), "{}", run.error(5));
    assert_eq!(run.report(6).masks_digest, run.level(3).digest);
}

#[test]
fn the_report_counts_what_the_masks_say() {
    let run = opened(vec![Command::Evaluate, prune("magnitude", 0.5), Command::Evaluate]);
    let (dense, pruned, level) = (run.report(3), run.report(5), run.level(4));
    assert_eq!((dense.prunable_zero, dense.method.clone(), dense.metric_dense), (0, None, dense.metric_pruned));
    assert_eq!((pruned.prunable_zero, pruned.prunable_total), (level.zeros(), level.prunable()));
    assert_eq!((pruned.metric_name.as_str(), pruned.metric_samples), ("accuracy", 1000));
    assert_eq!(pruned.metric_dense, dense.metric_dense);
    assert!(pruned.seconds > 0.0);
}

#[test]
fn predictions_are_probabilities_of_both_models() {
    let test = Command::Predict { image: Image::Test { indices: vec![3, 999] } };
    let drawn = Command::Predict { image: Image::Drawn { grey: vec![128; 784] } };
    let small = Command::Predict { image: Image::Drawn { grey: vec![0; 9] } };
    let far = Command::Predict { image: Image::Test { indices: vec![1000] } };
    let run = opened(vec![prune("magnitude", 0.9), test, drawn, small, far]);
    for (id, pictures) in [(4, 2), (5, 1)] {
        let (items, pixels) = run.find(id, |(event, blobs)| match event {
            Event::Predictions { items, pixels } => Some((items.clone(), blobs[pixels.0 as usize].len())),
            _ => None,
        });
        assert_eq!((items.len(), pixels), (pictures, pictures * 784));
        for item in items {
            assert_eq!(item.test.is_some(), id == 4);
            assert!((item.dense.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert_ne!(item.dense, item.pruned);
        }
    }
    assert!(run.error(6).contains("784") && run.error(7).contains("0 to 999"));
}

#[test]
fn heat_maps_show_weights_scores_and_masks() {
    let heat = |kind, params: Vec<u32>| Command::Heat { params, kind, side: 6 };
    let conv = 0;
    let run = opened(vec![
        heat(HeatKind::Importance, vec![conv]),
        heat(HeatKind::Weight, vec![conv]),
        heat(HeatKind::Mask, vec![conv]),
        prune("random", 0.5),
        heat(HeatKind::Importance, vec![conv]),
        heat(HeatKind::Mask, vec![conv, 2]),
        heat(HeatKind::Mask, vec![77]),
    ]);
    let picture = |id| {
        run.find(id, |(event, blobs)| match event {
            Event::Heat { rows, cols, data, .. } => {
                let cells: Vec<f32> =
                    blobs[data.0 as usize].as_chunks().0.iter().map(|c| f32::from_le_bytes(*c)).collect();
                assert_eq!(cells.len() as u32, rows * cols);
                Some(cells)
            }
            _ => None,
        })
    };
    assert_eq!(picture(3), picture(4));
    assert!(picture(5).iter().all(|kept| *kept == 1.0));
    assert_ne!(picture(7), picture(3));
    assert!(picture(8).iter().any(|kept| *kept < 1.0));
    assert_eq!(run.told(8).iter().filter(|(event, _)| matches!(event, Event::Heat { .. })).count(), 2);
    assert!(run.error(9).contains("parameter 77"));
}

#[test]
fn timing_has_a_spread_and_a_device() {
    let run = opened(vec![
        prune("magnitude", 0.5),
        Command::Time { batch: 2, repeats: 3 },
        Command::Time { batch: 0, repeats: 3 },
    ]);
    let timing = run.find(4, |(event, _)| if let Event::Timing(timing) = event { Some(timing.clone()) } else { None });
    assert!(timing.dense_ms.q1 <= timing.dense_ms.median && timing.dense_ms.median <= timing.dense_ms.q3);
    assert!(timing.pruned_ms.median > 0.0 && timing.device.contains("CPU"));
    assert!(run.error(5).contains("batch = 0"));
}

#[test]
fn bench_measures_the_score_kernel() {
    let run = run(
        &[],
        vec![hello(), Command::Bench { entries: 5000, repeats: 2 }, Command::Bench { entries: 0, repeats: 2 }],
    );
    let band = run.find(2, |(event, _)| if let Event::Bandwidth(band) = event { Some(band.clone()) } else { None });
    assert!(band.bytes >= 5000 * 8 && band.score_ms.median > 0.0);
    assert!(run.error(3).contains("entries"));
}

#[test]
fn bench_measures_products_of_linear_layers_and_convolutions() {
    let products = |samples, window| Command::BenchProducts { samples, inputs: 36, outputs: 20, window, repeats: 2 };
    let asked = [products(30, None), products(30, Some(3)), products(1, Some(3)), products(30, Some(4))];
    let run = run(&[], [hello()].into_iter().chain(asked).collect());
    let kernels = |of| {
        let times =
            |(event, _): &_| if let Event::Products(products) = event { Some(products.times.clone()) } else { None };
        let mut kernels: Vec<_> = run.find(of, times).into_iter().map(|time| time.kernel).collect();
        kernels.dedup();
        kernels
    };
    assert_eq!(kernels(2), ["burn", "copy", "dense", "masked", "blocks16", "rows"]);
    assert_eq!(kernels(3), ["burn", "copy", "dense", "blocks16", "rows"]);
    assert_eq!(kernels(4), ["burn", "copy"], "a single place is left to burn");
    assert!(run.error(5).contains("window = 4"));
}

#[test]
fn another_device_keeps_model_masks_and_history() {
    let run = opened(vec![
        prune("wanda", 0.4),
        prune("wanda", 0.7),
        Command::Evaluate,
        Command::UseDevice { device: DeviceChoice::Cpu },
        Command::Evaluate,
        Command::Undo,
    ]);
    assert_eq!(*run.end(6), Event::Done);
    assert_eq!(run.report(5), run.report(7));
    assert_eq!(run.level(8).digest, run.level(3).digest);
}

#[test]
fn comparing_counts_differing_entries() {
    let [mut files, mut other] = [1, 2].map(|seed| tiny(Dtype::F32, seed));
    other[0].0 = "other.safetensors";
    files.push(other.swap_remove(0));
    let with = |name: &str| Command::Compare {
        with: Source::Files { files: [name, CONFIG].map(|name| FileRef { name: name.into(), bytes: 0 }).into() },
    };
    let run = run(&files, vec![hello(), load(&[TINY, CONFIG]), with(TINY), with("other.safetensors")]);
    let compared = |id| run.find(id, |(event, _)| if let Event::Compared(c) = event { Some(c.clone()) } else { None });
    let (same, different) = (compared(3), compared(4));
    assert!(same.params.iter().all(|param| param.differ == 0));
    assert_eq!((same.max_logit_diff, same.agreement, same.samples), (0.0, 1.0, 1000));
    assert!(different.params.iter().all(|param| param.differ == param.entries && param.max_abs_diff > 0.0));
    assert!(different.max_logit_diff > 0.0);
}
