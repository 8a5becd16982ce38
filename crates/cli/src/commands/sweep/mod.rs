//! `secateur sweep`: methods x settings x seeds x models, in processes of their own, into one file of results, a table and
//! curves.

mod curves;
mod plan;
mod results;
mod summary;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use self::plan::{Plan, Run};
use self::results::{Measured, Results};
use crate::args::SweepArgs;
use crate::out_dir::write_file;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress, args: SweepArgs) -> Result<Answer> {
    let runs = Plan::read(&args.file)?.runs()?;
    std::fs::create_dir_all(&args.out).map_err(|error| format!("could not make {}: {error}", args.out.display()))?;
    let path = args.out.join("results.jsonl");
    let results = Mutex::new(Results::open(&path)?);
    let open: Vec<&Run> = runs.iter().filter(|run| locked(&results).of(run).is_none()).collect();
    measure(&progress, &open, runs.len(), args.jobs.into(), &results)?;

    let results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let lines: Vec<&Measured> = runs.iter().filter_map(|run| results.of(run)).collect();
    let points = summary::points(lines.iter().copied());
    let table = summary::table(&points);
    write_file(&args.out.join("table.md"), table.as_bytes())?;
    let drawn = curves::draw(&points)?;
    for (name, svg) in &drawn {
        write_file(&args.out.join(name), svg.as_bytes())?;
    }
    let failed: Vec<String> = runs.iter().filter_map(|run| failure(&results, run)).collect();
    let mut text = format!("{table}\n{} of {} runs are measured, in {}\n", lines.len(), runs.len(), args.out.display());
    failed.iter().for_each(|failure| text += &format!("failed: {failure}\n"));
    let pictures: Vec<PathBuf> = drawn.iter().map(|(name, _)| args.out.join(name)).collect();
    Ok(Answer {
        text,
        json: json!({ "runs": runs.len(), "measured": lines.len(), "failed": failed, "pictures": pictures }),
    })
}

/// Makes the runs that are not measured yet, so many at once.
fn measure(progress: &Progress, open: &[&Run], all: usize, jobs: usize, results: &Mutex<Results>) -> Result {
    let next = AtomicUsize::new(0);
    let broken: Mutex<Option<String>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, open.len().max(1)) {
            scope.spawn(|| {
                while let Some(run) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let line = child(run);
                    progress.swept(all - open.len() + next.load(Ordering::Relaxed).min(open.len()), all, &run.name);
                    if let Err(error) = locked(results).add(line) {
                        *locked(&broken) = Some(error.to_string());
                        return;
                    }
                }
            });
        }
    });
    let broken = locked(&broken).take();
    broken.map_or(Ok(()), |error| Err(error.into()))
}

/// One run, in a process of its own: what it needs of memory goes with it.
fn child(run: &Run) -> Measured {
    let said = std::env::current_exe()
        .and_then(|secateur| Command::new(secateur).args(run.arguments()).stderr(Stdio::null()).output())
        .map_err(|error| error.to_string());
    let answer = said.and_then(|said| {
        let text = String::from_utf8_lossy(&said.stdout);
        let line = text.lines().last().unwrap_or("");
        serde_json::from_str::<serde_json::Value>(line).map_err(|_| format!("it ended with {}", said.status))
    });
    let (report, error) = match answer {
        Ok(answer) => match answer.get("error").and_then(serde_json::Value::as_str) {
            Some(error) => (None, Some(error.to_string())),
            None => (Some(answer), None),
        },
        Err(error) => (None, Some(error)),
    };
    let (settings, seed) = (run.recipe.values.clone(), run.recipe.seed);
    Measured { id: run.id(), name: run.name.clone(), model: run.model.clone(), settings, seed, report, error }
}

fn failure(results: &Results, run: &Run) -> Option<String> {
    if results.of(run).is_some() {
        return None;
    }
    let id = run.id();
    let line = results.lines.iter().rev().find(|line| line.id == id);
    let why = line.and_then(|line| line.error.clone()).unwrap_or_else(|| "it was not made".into());
    Some(format!("{} on {}, seed {}: {why}", run.name, run.model, run.recipe.seed))
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
