use std::collections::BTreeMap;

use secateur_formats::safetensors::{self, Dtype};
use secateur_protocol::{Command, Event, Format, Recipe, Report};

use crate::host::*;
use crate::tiny::{CONFIG, TINY, tiny};

/// Opens the tiny model, cuts it and exports; the files by name.
fn exported(dtype: Dtype, prune: Command) -> (Run, BTreeMap<String, Vec<u8>>) {
    let run =
        run(&tiny(dtype, 1), vec![hello(), load(&[TINY, CONFIG]), prune, Command::Export { format: Format::Zeros }]);
    let files = run.find(4, |(event, blobs)| match event {
        Event::Exported { files, .. } => {
            Some(files.iter().map(|file| (file.name.clone(), blobs[file.data.0 as usize].clone())).collect())
        }
        _ => None,
    });
    (run, files)
}

#[test]
fn pruned_entries_are_zero_and_all_others_untouched() {
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
        let (run, files) = exported(dtype, prune("magnitude", 0.7));
        let (dense, out) = (tensors(&tiny(dtype, 1)[0].1), tensors(&files["model.safetensors"]));
        let masks = tensors(&files["masks.safetensors"]);
        assert_eq!(dense.keys().collect::<Vec<_>>(), out.keys().collect::<Vec<_>>());
        for (name, dense) in &dense {
            let want = match masks.get(name) {
                Some(mask) => dense.iter().zip(mask).map(|(w, keep)| if *keep == 1.0 { *w } else { 0.0 }).collect(),
                None => dense.clone(),
            };
            assert_eq!(out[name], want, "{name}");
        }
        let pruned: usize = masks.values().flatten().filter(|keep| **keep == 0.0).count();
        assert_eq!(pruned as u64, run.level(3).zeros());
    }
}

/// Few bits round what a method works out: the model in memory is rounded too, so that no figure is of another model.
#[test]
fn what_a_method_changes_is_measured_as_the_file_holds_it() {
    for dtype in [Dtype::F16, Dtype::BF16] {
        let (run, files) = exported(dtype, prune("sparsegpt", 0.5));
        let (dense, out) = (tensors(&tiny(dtype, 1)[0].1), tensors(&files["model.safetensors"]));
        let moved = |name: &String| dense[name].iter().zip(&out[name]).any(|(dense, out)| *out != 0.0 && dense != out);
        assert!(out.keys().any(moved), "nothing made up for the cut");
        assert_eq!(run.report(4).reopened, Some(0.0), "{dtype:?}");
    }
}

#[test]
fn the_files_open_again_and_agree_with_the_report() {
    let (run, files) = exported(Dtype::F16, prune("random", 0.5));
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["config.json", "masks.safetensors", "model.safetensors", "recipe.json", "report.json"]
    );
    let report: Report = serde_json::from_slice(&files["report.json"]).unwrap();
    assert_eq!(report, run.report(4));
    assert_eq!(report.bytes_out, files["model.safetensors"].len() as u64);
    let recipe: Recipe = serde_json::from_slice(&files["recipe.json"]).unwrap();
    assert_eq!(Some(recipe.id().to_string()), report.recipe_id);

    let model = files["model.safetensors"].as_slice();
    let header = pollster::block_on(safetensors::read_header(&model)).unwrap();
    assert_eq!(header.metadata.get("format").map(String::as_str), Some("pt"));
    let masks = files["masks.safetensors"].as_slice();
    let masks = pollster::block_on(safetensors::read_header(&masks)).unwrap();
    assert_eq!(masks.metadata["digest"], report.masks_digest);
    assert_eq!(masks.metadata["recipe"], recipe.canonical());

    let again =
        vec![("model.safetensors", files["model.safetensors"].clone()), ("config.json", files["config.json"].clone())];
    let load = load(&["model.safetensors", "config.json"]);
    let again = crate::host::run(&again, vec![hello(), load, Command::Evaluate]);
    assert_eq!(again.report(3).metric_dense, report.metric_pruned);
    assert_eq!(again.report(3).bytes_out, report.bytes_out);
}

#[test]
fn the_dense_model_is_not_exported() {
    let run =
        run(&tiny(Dtype::F32, 1), vec![hello(), load(&[TINY, CONFIG]), Command::Export { format: Format::Zeros }]);
    assert!(run.error(3).contains("nothing is pruned yet"));
}
