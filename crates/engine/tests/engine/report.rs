//! Reports through the engine: facts of the session, the same each time, and nothing of a file's that could do harm.

use std::borrow::Cow;

use secateur_formats::safetensors::{Dtype, Tensor, write};
use secateur_graph::grouped;
use secateur_protocol::{Choice, Command, Draw, Event, Format, Generate, Recipe, Sampler, Value};

use crate::draw::opened as drawing;
use crate::host::*;
use crate::texts::llama;
use crate::tiny::{CONFIG, TINY, tiny};

const REPORT: Command = Command::Export { format: Format::Report };

/// Names and texts of the files that a report came in.
fn files(run: &Run, id: u32) -> Vec<(String, String)> {
    run.find(id, |(event, blobs)| match event {
        Event::Exported { files, .. } => {
            let text = |at: usize| String::from_utf8_lossy(&blobs[at]).into_owned();
            Some(files.iter().map(|file| (file.name.clone(), text(file.data.0 as usize))).collect())
        }
        _ => None,
    })
}

fn text(run: &Run, id: u32, name: &str) -> String {
    let found = files(run, id).into_iter().find(|(file, _)| file == name);
    found.unwrap_or_else(|| panic!("{name} is missing")).1
}

fn opened(commands: Vec<Command>) -> Run {
    run(&tiny(Dtype::F32, 1), [vec![hello(), load(&[TINY, CONFIG])], commands].concat())
}

fn neurons() -> Command {
    let values =
        [("pattern", "unit"), ("units", "neurons")].map(|(key, value)| (key.into(), Value::Text(value.into())));
    Command::Prune { recipe: Recipe { method: "magnitude".into(), values: values.into(), seed: 0 }, amend: false }
}

#[test]
fn a_report_tells_what_the_session_knows() {
    let run = opened(vec![REPORT, prune("magnitude", 0.7), Command::Time { batch: 2, repeats: 3 }, REPORT]);
    assert!(run.error(3).contains("nothing is pruned yet"));
    let names: Vec<_> = files(&run, 6).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["report.html", "report.md", "report.json", "recipe.json", "masks.safetensors"]);
    let (report, level) = (run.report(6), run.level(4));
    assert_eq!((report.bytes_out, report.reopened), (0, None));
    for name in ["report.html", "report.md"] {
        let said = text(&run, 6, name);
        let facts = [
            grouped(report.params_total),
            report.figure(report.metric_pruned),
            level.digest.clone(),
            report.recipe_id.clone().unwrap(),
            "secateur prune tiny.safetensors --method magnitude --set sparsity=0.7 --seed 0".into(),
            "middle half of 3 passes".into(),
        ];
        facts.iter().for_each(|fact| assert!(said.contains(fact), "{name} lacks {fact}"));
        for layer in &level.layers {
            let left = format!("{} of {}", grouped(layer.kept), grouped(layer.of));
            assert!(said.contains(&left), "{name} lacks {left}");
        }
    }
    assert!(text(&run, 6, "report.html").matches("data:image/png").count() >= 6, "test digits");
}

#[test]
fn one_session_gives_one_report() {
    let run = opened(vec![prune("wanda", 0.5), REPORT, REPORT, Command::Undo, Command::Redo, REPORT]);
    assert_eq!(files(&run, 4), files(&run, 5));
    let (first, last) = (files(&run, 4), files(&run, 8));
    assert_eq!(first[..2], last[..2]);
}

#[test]
fn units_that_went_are_told_by_group_and_tensor() {
    let run = opened(vec![neurons(), REPORT]);
    let page = text(&run, 4, "report.html");
    assert!(page.contains("4 of 8") && page.contains("Whole units are gone"), "{page}");
    let text = text(&run, 4, "report.md");
    assert!(text.contains("| 8 × 288 → 4 × 288 |") && text.contains("| 4 of 8 |"), "{text}");
    assert!(!text.contains("middle half"), "nobody has measured the time");
}

#[test]
fn a_hostile_tensor_stays_a_name() {
    let name = "<script>alert('x')</script>|**`";
    let bytes = Cow::Owned([1.0_f32, -6.0, 3.0, -4.0].iter().flat_map(|value| value.to_le_bytes()).collect());
    let tensor = Tensor { name: name.into(), dtype: Dtype::F32, shape: vec![2, 2], bytes };
    let file = write([tensor], &Default::default()).unwrap();
    let file_name = "<b>who.safetensors";
    let run = run(&[(file_name, file)], vec![hello(), load(&[file_name]), prune("magnitude", 0.5), REPORT]);
    let (page, text) = (text(&run, 4, "report.html"), text(&run, 4, "report.md"));
    assert!(
        page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;|**`") && !page.contains("<script"),
        "{page}"
    );
    assert!(text.contains(r"\<script\>alert('x')\</script\>\|\*\*\`") && !page.contains("<b>who"), "{text}");
    assert!(!page.contains("NaN"), "{page}");
}

#[test]
fn a_language_model_shows_the_text_that_was_asked_for() {
    let asked = Generate { prompt: "the old dog".into(), max_tokens: 4, choice: Choice::Greedy, seed: 0 };
    let load = load(&["model.safetensors", "config.json", "tokenizer.json"]);
    let run = run(&llama(), vec![hello(), load, prune("magnitude", 0.8), REPORT, Command::Generate(asked), REPORT]);
    let [usual, asked] = [4, 6].map(|id| text(&run, id, "report.html"));
    assert!(usual.contains("Both models go on") && !usual.contains("the old dog"), "{usual}");
    assert!(asked.contains("the old dog") && asked.contains("Perplexity"), "{asked}");
}

#[test]
fn a_model_that_draws_shows_its_pictures() {
    let asked = Draw { label: None, count: 2, sampler: Sampler::Ddim, steps: 2, guidance: 1.0, seed: 5 };
    let run = drawing("unet2d-ddpm", "{}", vec![prune("magnitude", 0.5), REPORT, Command::Draw(asked), REPORT]);
    for (id, words) in [(4, "8 pictures from the same noise (seed 0)"), (6, "2 pictures from the same noise (seed 5)")]
    {
        assert!(text(&run, id, "report.html").contains(words));
        assert!(text(&run, id, "drawn-pruned.png").contains("PNG"));
    }
}
