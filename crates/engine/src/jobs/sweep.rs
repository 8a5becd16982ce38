use secateur_graph::groups::Group;
use secateur_protocol::{Event, Recipe, Swept, Value};

use crate::Host;
use crate::desk::Job;
use crate::jobs::{evaluate, prune};
use crate::session::Session;
use crate::stop::Stop;

/// Shares of a group's units that go.
const SHARES: [f64; 3] = [0.25, 0.5, 0.75];

/// Cuts each group of the recipe's kinds by itself, for real, and measures the smaller model each time.
pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, recipe: Recipe) -> Result<(), Stop> {
    let checkpoint = &session.open()?.checkpoint;
    let groups = checkpoint.model.graph.groups_with(&checkpoint.vocabulary);
    for (at, gone) in points(&groups, &recipe)? {
        let found = prune::find_cut(session, job, alone(&recipe, at, gone)).await?;
        let (compute, open) = session.ready()?;
        let smaller = open.runnable(compute, Some(&found.cut)).await?;
        let held = open.exchange(Some(smaller))?;
        let metric = evaluate::metric(session, job).await;
        session.open()?.put_back(held);
        let metric = metric?;
        let (metric_name, metric) = (metric.name.to_string(), metric.pruned);
        let of = groups[at].units as u32;
        job.send(Event::Swept(Swept { group: at as u32, gone: gone as u32, of, metric_name, metric }));
    }
    Ok(())
}

/// Which groups lose how many units, one after the other.
fn points(groups: &[Group], recipe: &Recipe) -> Result<Vec<(usize, usize)>, Stop> {
    let kinds = match recipe.values.get("units") {
        Some(Value::Text(kinds)) => kinds.clone(),
        _ => "neurons".into(),
    };
    let swept = |group: &&Group| kinds.split(',').any(|kind| kind == group.kind.word());
    let counts = |group: &Group| {
        let mut counts: Vec<usize> = SHARES.map(|share| group.nearest((share * group.units as f64) as usize)).into();
        counts.retain(|count| *count > 0);
        counts.dedup();
        counts
    };
    let groups = groups.iter().enumerate().filter(|(_, group)| swept(group));
    let points: Vec<_> = groups.flat_map(|(at, group)| counts(group).into_iter().map(move |gone| (at, gone))).collect();
    if points.is_empty() {
        return Err(Stop::because(format!("this model has no {kinds} that can be cut; choose other units to sweep")));
    }
    Ok(points)
}

/// The recipe for one group only.
fn alone(recipe: &Recipe, group: usize, gone: usize) -> Recipe {
    let mut recipe = recipe.clone();
    ["budget", "target", "remove"].iter().for_each(|key| drop(recipe.values.remove(*key)));
    recipe.values.insert("pattern".into(), Value::Text("unit".into()));
    recipe.values.insert("sparsity".into(), Value::Number(0.0));
    recipe.values.insert("counts".into(), Value::Text(format!("{group}:{gone}")));
    recipe
}
