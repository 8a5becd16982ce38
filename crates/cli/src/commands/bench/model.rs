use secateur_graph::Graph;
use secateur_graph::groups::UnitKind;
use secateur_protocol::{Command, Event, Recipe, Timing, Value};
use serde_json::json;

use super::quartiles;
use crate::args::BenchModelArgs;
use crate::client::{Client, talk};
use crate::model::source;
use crate::progress::Progress;
use crate::{Answer, Result};

/// Kinds of operations that are listed, those that take longest.
const OPS: usize = 6;

/// A cut, and the model under it.
struct Measured {
    cut: &'static str,
    timing: Timing,
}

/// Times the model dense and under cuts of several patterns, side by side.
pub fn run(progress: Progress, args: BenchModelArgs) -> Result<Answer> {
    let source = source(&args.model)?;
    let measured = talk(progress, async |client| {
        client.hello(args.device.into()).await?;
        let loaded = client.load(source).await?;
        let mut measured = vec![Measured { cut: "nothing", timing: time(client, &args).await? }];
        for (cut, recipe) in cuts(&loaded.graph) {
            client.ask(Command::Prune { recipe, amend: false }).await?;
            measured.push(Measured { cut, timing: time(client, &args).await? });
        }
        Ok(measured)
    })?;
    let mut text = measured.first().map_or(String::new(), |Measured { timing, .. }| {
        let Timing { device, batch, repeats, .. } = timing;
        format!(
            "{} on {device}: {batch} inputs, median and quartiles of {repeats} in ms, dense and pruned in turns\n",
            args.model
        )
    });
    measured.iter().for_each(|measured| text += &line(measured));
    let cuts: Vec<_> = measured.iter().map(|on| json!({ "cut": on.cut, "timing": on.timing })).collect();
    Ok(Answer { text, json: json!({ "model": args.model, "cuts": cuts }) })
}

/// By magnitude, which needs no data: the time does not depend on which weights go.
fn cuts(graph: &Graph) -> Vec<(&'static str, Recipe)> {
    let recipe = |values: &[(&str, Value)]| Recipe {
        method: "magnitude".into(),
        values: values.iter().map(|(key, value)| (key.to_string(), value.clone())).collect(),
        seed: 0,
    };
    let number = |number: f64| Value::Number(number);
    let word = |word: &str| Value::Text(word.into());
    let mut cuts = vec![
        ("50 % unstructured", recipe(&[("sparsity", number(0.5))])),
        ("90 % unstructured", recipe(&[("sparsity", number(0.9))])),
        ("2:4", recipe(&[("pattern", word("n:m")), ("n", number(2.0)), ("m", number(4.0))])),
        ("90 % blocks", recipe(&[("pattern", word("blocks")), ("block", word("32")), ("sparsity", number(0.9))])),
    ];
    if let Some(units) = units(graph) {
        let half =
            [("pattern", word("unit")), ("units", word(units)), ("budget", word("macs")), ("target", number(0.5))];
        cuts.push(("50 % MACs by units", recipe(&half)));
    }
    cuts
}

/// Units of which a model can lose so many that half its work is left: those of transformers, else channels.
fn units(graph: &Graph) -> Option<&'static str> {
    let groups = graph.groups();
    let has = |kind| groups.iter().any(|group| group.kind == kind);
    match () {
        () if has(UnitKind::Heads) || has(UnitKind::Neurons) => Some("heads,neurons"),
        () => has(UnitKind::Channels).then_some("channels"),
    }
}

async fn time(client: &mut Client, args: &BenchModelArgs) -> Result<Timing> {
    let timing = |event| match event {
        Event::Timing(timing) => Some(timing),
        _ => None,
    };
    Ok(client.ask_for(Command::Time { batch: args.batch, repeats: args.repeats }, timing).await?.0)
}

fn line(Measured { cut, timing }: &Measured) -> String {
    let (dense, pruned) = (timing.dense_ms, timing.pruned_ms);
    let ops = timing.ops.iter().take(OPS).map(|on| format!("{} {:.2} -> {:.2}", on.op, on.dense_ms, on.pruned_ms));
    let ops = ops.collect::<Vec<_>>().join(", ");
    format!(
        "  {cut:<20} dense {:<24} pruned {:<24} {:.2} x as fast; layers: {}\n{}",
        quartiles(dense),
        quartiles(pruned),
        dense.median / pruned.median,
        timing.picked(),
        if ops.is_empty() { ops } else { format!("  {:<20} {ops}\n", "") }
    )
}
