use std::collections::BTreeMap;

use secateur_protocol::{Command, Event, Layout, Recipe, Timing, Value};
use serde_json::json;

use super::quartiles;
use crate::args::BenchModelArgs;
use crate::client::{Client, talk};
use crate::model::source;
use crate::progress::Progress;
use crate::{Answer, Result};

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
        client.load(source).await?;
        let mut measured = vec![Measured { cut: "nothing", timing: time(client, &args).await? }];
        for (cut, recipe) in cuts() {
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
fn cuts() -> [(&'static str, Recipe); 3] {
    let recipe = |values: &[(&str, Value)]| Recipe {
        method: "magnitude".into(),
        values: values.iter().map(|(key, value)| (key.to_string(), value.clone())).collect(),
        seed: 0,
    };
    let number = |number: f64| Value::Number(number);
    [
        ("50 % unstructured", recipe(&[("sparsity", number(0.5))])),
        ("90 % unstructured", recipe(&[("sparsity", number(0.9))])),
        ("2:4", recipe(&[("pattern", Value::Text("n:m".into())), ("n", number(2.0)), ("m", number(4.0))])),
    ]
}

async fn time(client: &mut Client, args: &BenchModelArgs) -> Result<Timing> {
    let timing = |event| match event {
        Event::Timing(timing) => Some(timing),
        _ => None,
    };
    Ok(client.ask_for(Command::Time { batch: args.batch, repeats: args.repeats }, timing).await?.0)
}

fn line(Measured { cut, timing }: &Measured) -> String {
    let mut picked: BTreeMap<&str, usize> = BTreeMap::new();
    for multiplied in &timing.layouts {
        let layout = match multiplied.layout {
            Layout::Dense => "dense",
            Layout::Blocks => "blocks",
            Layout::Rows => "rows",
        };
        *picked.entry(layout).or_default() += 1;
    }
    let picked: Vec<_> = picked.iter().map(|(layout, layers)| format!("{layers} {layout}")).collect();
    let (dense, pruned) = (timing.dense_ms, timing.pruned_ms);
    format!(
        "  {cut:<20} dense {:<24} pruned {:<24} {:.2} x as fast; layers: {}\n",
        quartiles(dense),
        quartiles(pruned),
        dense.median / pruned.median,
        picked.join(", ")
    )
}
