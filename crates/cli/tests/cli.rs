//! The program itself, run as a user would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use secateur_formats::safetensors::{Dtype, read_f32, read_header};
use secateur_formats::{Picture, ReadAt};
use serde_json::Value;

/// A folder of a test's own, empty at its start.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder); // left over from an earlier run
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn secateur(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_secateur")).args(args).output().unwrap()
}

/// The JSON on the last line of stdout.
fn json(args: &[&str]) -> Value {
    let output = secateur(&[args, &["--json"]].concat());
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{args:?}: {err}");
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

/// The one sentence a command fails with.
fn error(args: &[&str]) -> String {
    let output = secateur(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    assert!(output.stdout.is_empty());
    let err = String::from_utf8(output.stderr).unwrap();
    let said: Vec<&str> = err.lines().filter(|line| line.starts_with("secateur: ")).collect();
    assert_eq!(said.len(), 1, "{err}");
    said[0].to_string()
}

/// Zeros in all of a file's tensors of this type.
fn zeros(file: &Path, dtype: Dtype) -> u64 {
    pollster::block_on(async {
        let bytes = fs::read(file).unwrap();
        let file = bytes.as_slice();
        let mut zeros = 0;
        for tensor in read_header(&file).await.unwrap().tensors.iter().filter(|tensor| tensor.dtype == dtype) {
            zeros += match dtype {
                Dtype::U8 => file.read(tensor.range.clone()).await.unwrap().iter().filter(|bit| **bit == 0).count(),
                _ => read_f32(&file, tensor).await.unwrap().iter().filter(|value| **value == 0.0).count(),
            } as u64;
        }
        zeros
    })
}

const CNN: &str = "builtin:digits-cnn";

#[test]
fn lists_models_and_methods() {
    let models = json(&["models"]);
    assert!(models["models"].as_array().unwrap().iter().any(|model| model["id"] == "digits-vit"));
    let methods = json(&["methods"]);
    for id in ["random", "magnitude", "wanda"] {
        assert!(methods["methods"].as_array().unwrap().iter().any(|method| method["id"] == id));
        assert_eq!(json(&["methods", "show", id])["id"], id);
    }
    assert!(error(&["methods", "show", "magic"]).contains("random, magnitude, global-mp"));
}

#[test]
fn prune_writes_files_that_agree_with_its_report() {
    let out = folder("prune").join("new");
    let out_arg = out.to_str().unwrap();
    let report =
        json(&["prune", CNN, "--method", "magnitude", "--set", "sparsity=0.8", "--device", "cpu", "-o", out_arg]);
    for key in [
        "model",
        "family",
        "method",
        "recipe_id",
        "params_total",
        "prunable_total",
        "prunable_zero",
        "sparsity_prunable",
        "bytes_dense",
        "bytes_out",
        "metric_name",
        "metric_dense",
        "metric_pruned",
        "seconds",
        "device",
    ] {
        assert!(!report[key].is_null(), "{key} is missing");
    }
    let total = report["prunable_total"].as_u64().unwrap();
    let pruned = report["prunable_zero"].as_u64().unwrap();
    assert!((pruned as f64 - 0.8 * total as f64).abs() <= 2.5, "each of 5 layers rounds by half at most");
    assert_eq!(zeros(&out.join("masks.safetensors"), Dtype::U8), pruned);
    assert_eq!(report["bytes_out"], fs::metadata(out.join("model.safetensors")).unwrap().len());
    let written: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert!(written.as_object().unwrap().iter().all(|(key, value)| report[key] == *value));

    let compared = json(&["compare", CNN, out_arg, "--device", "cpu"]);
    let params = compared["params"].as_array().unwrap();
    let sum = |key: &str| params.iter().map(|param| param[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("differ"), sum("zeros_b") - sum("zeros_a")), (pruned, pruned));
    assert_eq!(json(&["eval", out_arg, "--device", "cpu"])["metric_dense"], report["metric_pruned"]);
}

#[test]
fn the_same_recipe_gives_the_same_files() {
    let folder = folder("recipe");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let cut =
        ["prune", CNN, "--method", "wanda", "--set", "sparsity=0.6", "--set", "samples=32", "--device", "cpu", "-o"];
    json(&[&cut[..], &[&at("a")]].concat());
    json(&["prune", CNN, "--recipe", &at("a/recipe.json"), "--device", "cpu", "-o", &at("b")]);
    for file in ["masks.safetensors", "model.safetensors", "recipe.json"] {
        assert!(
            fs::read(folder.join("a").join(file)).unwrap() == fs::read(folder.join("b").join(file)).unwrap(),
            "{file}"
        );
    }
    let masks = |other: &str| json(&["compare", &at("a/masks.safetensors"), &at(other)])["masks"].clone();
    assert_eq!(masks("b/masks.safetensors"), Value::Array(vec![]));
    json(&[
        "prune",
        CNN,
        "--method",
        "random",
        "--set",
        "sparsity=0.6",
        "--seed",
        "9",
        "--device",
        "cpu",
        "-o",
        &at("c"),
    ]);
    let differing = masks("c/masks.safetensors");
    assert!(differing[0]["count"].as_u64().unwrap() > 0 && differing[0]["indexes"][0].is_u64());
}

#[test]
fn nothing_is_written_when_something_fails() {
    let folder = folder("failure");
    let out = folder.join("out");
    let prune =
        |more: &[&str]| error(&[&["prune", CNN, "--device", "cpu", "-o", out.to_str().unwrap()], more].concat());
    assert!(prune(&["--method", "magic"]).contains("there is no method \"magic\""));
    assert!(prune(&["--method", "magnitude", "--set", "sparsity=2"]).contains("a number from 0 to 0.99"));
    assert!(prune(&["--method", "magnitude", "--set", "sparsty=0.5"]).contains("no setting \"sparsty\""));
    assert!(prune(&["--recipe", "no/such/recipe.json"]).contains("no/such/recipe.json"));
    assert!(error(&["eval", "no/such/model"]).contains("no/such/model"));
    assert!(error(&["eval", "builtin:nothing", "--device", "cpu"]).contains("nothing"));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing half-written, nothing left over");

    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine.txt"), "mine").unwrap();
    assert!(prune(&["--method", "magnitude"]).contains("is not empty"));
    json(&["prune", CNN, "--method", "magnitude", "--device", "cpu", "--force", "-o", out.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(out.join("mine.txt")).unwrap(), "mine");
    assert!(out.join("report.json").is_file());
}

#[test]
fn a_failure_under_json_is_one_object_too() {
    let output = secateur(&["eval", "no/such/model", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(said["error"].as_str().unwrap().contains("no/such/model"));
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_secateur"));
    let mut child = command.arg("methods").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn progress_goes_to_stderr_as_json_lines() {
    let output = secateur(&["eval", CNN, "--device", "cpu", "--json"]);
    let err = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["unit"] == "samples" && line["done"] == line["total"]));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
}

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(path)
}

#[test]
fn pictures_are_classified_in_the_order_of_their_names() {
    let folder = folder("images");
    for (to, from) in [("b.png", "colours.png"), ("a.JPG", "turned.jpg"), ("c.png", "grey.png")] {
        fs::copy(golden("pictures").join(from), folder.join(to)).unwrap();
    }
    let note = folder.join("note.txt");
    fs::write(&note, "no picture").unwrap();
    let seen = json(&["eval", CNN, "--images", folder.to_str().unwrap(), "--device", "cpu"]);
    let pictures = seen["pictures"].as_array().unwrap();
    let name = |picture: &Value| Path::new(picture["name"].as_str().unwrap()).file_name().unwrap().to_owned();
    assert_eq!(pictures.iter().map(name).collect::<Vec<_>>(), ["a.JPG", "b.png", "c.png"]);
    for picture in pictures {
        let best = picture["dense"].as_array().unwrap();
        assert_eq!((best.len(), &picture["pruned"]), (5, &picture["dense"]));
        assert_eq!(best[0][1], best[0][0].to_string(), "class 7 is called 7");
        assert!(best[0][2].as_f64().unwrap() >= best[1][2].as_f64().unwrap());
    }
    let refused = |path: &Path| error(&["eval", CNN, "--device", "cpu", "--images", path.to_str().unwrap()]);
    assert!(refused(&note).contains("wanted a png or jpeg picture"));
    let empty = folder.join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(refused(&empty).contains("holds no png, jpg, jpeg file"));
}

#[test]
fn a_diffusion_model_draws_a_sheet_of_pictures() {
    let folder = folder("sample");
    for file in ["model.safetensors", "config.json"] {
        fs::copy(golden("families/unet2d-ddpm").join(file), folder.join(file)).unwrap();
    }
    fs::write(folder.join("scheduler_config.json"), "{}").unwrap();
    let draw = |out: &str, more: &[&str]| {
        let (model, out) = (folder.to_str().unwrap(), folder.join(out));
        let asked = ["sample", model, "--count", "9", "--steps", "2", "--device", "cpu", "-o", out.to_str().unwrap()];
        json(&[&asked, more].concat());
        fs::read(out).unwrap()
    };
    let sheet = draw("a.png", &[]);
    let picture = Picture::decode(&sheet).unwrap();
    assert_eq!((picture.height, picture.width, picture.channels), (2 * 8, 8 * 12, 3));
    assert_eq!(sheet, draw("b.png", &["--sampler", "ddim", "--seed", "0"]));
    assert_ne!(sheet, draw("c.png", &["--sampler", "ddpm"]));
    assert_ne!(sheet, draw("d.png", &["--seed", "1"]));
    let out = folder.join("e.png");
    let said = error(&["sample", CNN, "--device", "cpu", "-o", out.to_str().unwrap()]);
    assert!(said.contains("draws no pictures") && !out.exists(), "{said}");
}

/// A folder with the golden Llama, a tokenizer of letters and a text.
fn llama(test: &str) -> (String, String) {
    let folder = folder(test);
    for file in ["model.safetensors", "config.json"] {
        fs::copy(golden("families/llama").join(file), folder.join(file)).unwrap();
    }
    fs::copy(golden("letters.json"), folder.join("tokenizer.json")).unwrap();
    let text = folder.join("text.txt");
    fs::write(&text, "the owl sat in the old tree and did not see the cat.").unwrap();
    (folder.to_str().unwrap().into(), text.to_str().unwrap().into())
}

#[test]
fn a_text_is_measured_and_gone_on_with() {
    let (model, text) = &llama("text");
    let seen = json(&["eval", model, "--text", text, "--window", "16", "--stride", "8", "--device", "cpu"]);
    assert_eq!((&seen["metric_name"], &seen["tokens"]), (&"perplexity".into(), &51.into()));
    assert!(seen["metric"].as_f64().unwrap() > 1.0 && seen["metric"] == seen["metric_dense"]);
    let apart = json(&["eval", model, "--text", text, "--window", "16", "--device", "cpu"]);
    assert_eq!(apart["tokens"], 48, "a stride is a window");

    let asked = ["generate", model, "--prompt", "the owl", "--device", "cpu", "--max-tokens", "6"];
    let written = |more: &[&str]| json(&[&asked, more].concat());
    let drawn = written(&["--temperature", "2", "--top-k", "20", "--top-p", "1", "--seed", "3"]);
    let ids = drawn["ids"].as_array().unwrap();
    assert!(ids.len() <= 6 && drawn["log_probabilities"].as_array().unwrap().len() == ids.len());
    assert!(drawn["prompt"] == "the owl" && drawn["text"].is_string() && drawn["tokens_per_second"].is_f64());
    assert_eq!(drawn["ids"], written(&["--temperature", "2", "--top-k", "20", "--top-p", "1", "--seed", "3"])["ids"]);
    assert_eq!(written(&["--greedy"])["ids"], written(&["--top-k", "1", "--seed", "7"])["ids"]);
    assert!(error(&[&asked[..], &["--temperature", "0"]].concat()).contains("temperature = 0"));
    assert!(error(&["eval", model, "--text", "no/such/text"]).contains("no/such/text"));
    assert!(error(&["generate", CNN, "--prompt", "a", "--device", "cpu"]).contains("open a language model"));
}

#[test]
fn a_language_model_is_cut_on_a_text_and_stays_whole() {
    let (model, text) = &llama("calibrated");
    let out = Path::new(model).join("out");
    let out_arg = out.to_str().unwrap();
    let calibration = ["--calibration", text, "--calibration-samples", "3", "--calibration-length", "8"];
    let prune = ["prune", model, "--method", "wanda", "--eval-text", text, "--device", "cpu", "-o", out_arg];
    let cut = json(&[&prune[..], &calibration].concat());
    assert_eq!(cut["notes"][0], format!("Calibrated on {text}: 3 samples of 8 tokens."));
    assert_eq!(cut["metric_name"], "perplexity");
    let read = |name: &str| serde_json::from_slice::<Value>(&fs::read(out.join(name)).unwrap()).unwrap();
    assert_eq!(read("report.json")["metric_pruned"], cut["metric_pruned"]);
    assert_eq!(read("recipe.json")["values"]["length"], 8.0);
    let again = json(&["eval", out_arg, "--text", text, "--device", "cpu"]);
    let [again, cut] = [&again["metric"], &cut["metric_pruned"]].map(|figure| figure.as_f64().unwrap());
    assert!((again / cut - 1.0).abs() < 1e-5, "{again} {cut}");
}

#[test]
fn a_training_writes_a_model_like_any_other() {
    let out = folder("train").join("cnn");
    let asked = ["train", "digits-cnn", "--steps", "2", "-o", out.to_str().unwrap()];
    let log = json(&asked);
    assert_eq!(log["command"], "secateur train digits-cnn --seed 0 --steps 2");
    assert_eq!((&log["step"], &log["steps"], log["marks"].as_array().unwrap().len()), (&2.into(), &2.into(), 2));
    let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config.json", "model.safetensors", "train.json"]);
    let seen = json(&["eval", out.to_str().unwrap(), "--device", "cpu"]);
    assert_eq!(seen["metric_dense"], log["scores"][0]["value"]);

    let with = |more: &str| error(&[&asked[..], &[more]].concat());
    assert!(error(&asked).contains("is not empty"));
    assert!(with("--resume").contains("holds no training.safetensors to go on with"));
    fs::write(out.join("training.safetensors"), "half of one").unwrap();
    assert!(error(&asked).contains("add --resume to go on with it, or --force"));
    assert!(with("--resume").contains("training.safetensors: "));
}

/// What the page shows before its engine is up is what the engine does today.
#[test]
fn the_recorded_run_is_of_this_engine() {
    let run = concat!(env!("CARGO_MANIFEST_DIR"), "/../../public/demo/run.json");
    let run: Value = serde_json::from_slice(&fs::read(run).unwrap()).unwrap();
    let frames = run["frames"].as_array().unwrap();
    let cards = &frames[0]["event"]["body"]["Ready"]["methods"];
    assert_eq!(*cards, json(&["methods"])["methods"], "record the run again");
    let reports = frames.iter().map(|frame| &frame["event"]["body"]["Report"]).filter(|report| report.is_object());
    let reports: Vec<&Value> = reports.collect();
    for (method, sparsity) in [("magnitude", 0.8), ("wanda", 0.6)] {
        let setting = format!("sparsity={sparsity}");
        let now = json(&["prune", "builtin:digits-vit", "--method", method, "--set", &setting, "--device", "cpu"]);
        let then = reports.iter().find(|then| then["recipe_id"] == now["recipe_id"]).unwrap();
        for key in ["masks_digest", "prunable_zero", "bytes_out"] {
            assert_eq!(then[key], now[key], "{method}: record the run again");
        }
        let metric = |report: &Value| report["metric_pruned"].as_f64().unwrap();
        assert!((metric(then) - metric(&now)).abs() <= 0.003, "{method}: record the run again");
    }
}

/// A sparse file: two gigabytes of weights that are never read.
#[test]
fn inspect_reads_the_header_only() {
    let file = folder("inspect").join("large.safetensors");
    let bytes: u64 = 2 << 30;
    let mut header =
        format!(r#"{{"wte.weight":{{"dtype":"F16","shape":[{},1024],"data_offsets":[0,{bytes}]}}}}"#, bytes / 2048);
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    fs::write(&file, [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()).unwrap();
    let start = 8 + header.len() as u64;
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(start + bytes).unwrap();
    let seen = json(&["inspect", file.to_str().unwrap()]);
    assert_eq!((seen["entries"].as_u64(), seen["family"].as_str()), (Some(bytes / 2), Some("unknown")));
    fs::remove_file(&file).unwrap();
}

#[test]
fn inspect_names_what_is_wrong() {
    let folder = folder("wrong");
    let file = folder.join("model.safetensors");
    fs::write(&file, b"PK\x03\x04 something").unwrap();
    let said = error(&["inspect", file.to_str().unwrap()]);
    assert!(said.contains("model.safetensors") && said.contains("zip archive"), "{said}");
}
