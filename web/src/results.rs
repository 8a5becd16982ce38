//! Quality against size: runs of a sweep's `results.jsonl` or of this page, those that differ in nothing but their seed taken
//! together. Pure functions.

use std::collections::BTreeMap;

use secateur_protocol::{Recipe, Report, Values};
use serde::Deserialize;

use crate::chart::Axis;

/// One run that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub model: String,
    /// The line of the curves that it belongs to.
    pub name: String,
    /// What was set, as on the command line.
    pub settings: String,
    pub seed: u64,
    /// The share of weights or parameters that is left, 0 to 1.
    pub left: f64,
    pub metric_name: String,
    pub dense: f64,
    pub metric: f64,
    pub seconds: f64,
}

/// A file of results.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultsFile {
    pub name: String,
    pub runs: Vec<Run>,
    /// Lines that tell of failed runs.
    pub failed: usize,
}

/// A line of `results.jsonl`, as far as it matters here.
#[derive(Deserialize)]
struct Line {
    model: String,
    name: String,
    #[serde(default)]
    settings: Values,
    seed: u64,
    /// None where the run failed.
    report: Option<Measured>,
}

/// What is no number is null there.
#[derive(Deserialize)]
struct Measured {
    metric_name: String,
    metric_dense: Option<f64>,
    metric_pruned: Option<f64>,
    params_left: f64,
    params_total: f64,
    sparsity_prunable: f64,
    seconds: f64,
}

/// The runs of a file, and how many of its lines tell of failed ones. A last line without an end was still being written.
///
/// # Errors
/// A sentence with the first line that is none of a sweep's.
pub fn read(text: &str) -> Result<(Vec<Run>, usize), String> {
    let (mut runs, mut failed) = (Vec::new(), 0);
    for (at, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n')) {
        let wrong = |error| format!("line {}: wanted a run of secateur sweep, got something else ({error})", at + 1);
        let Line { model, name, settings, seed, report } = serde_json::from_str(line).map_err(wrong)?;
        match report {
            Some(measured) => runs.push(measured.run(model, name, words(&settings), seed)),
            None => failed += 1,
        }
    }
    Ok((runs, failed))
}

impl Measured {
    fn run(self, model: String, name: String, settings: String, seed: u64) -> Run {
        let left = left(self.params_left, self.params_total, self.sparsity_prunable);
        let [dense, metric] = [self.metric_dense, self.metric_pruned].map(|number| number.unwrap_or(f64::NAN));
        Run { model, name, settings, seed, left, metric_name: self.metric_name, dense, metric, seconds: self.seconds }
    }
}

impl Run {
    /// A cut that was made and measured on the page.
    pub fn made(report: &Report, recipe: &Recipe) -> Self {
        Self {
            model: report.model.clone(),
            name: recipe.method.clone(),
            settings: words(&recipe.values),
            seed: recipe.seed,
            left: left(report.params_left as f64, report.params_total as f64, report.sparsity_prunable),
            metric_name: report.metric_name.clone(),
            dense: report.metric_dense,
            metric: report.metric_pruned,
            seconds: report.seconds,
        }
    }

    /// The same settings on the same model, whatever came of them.
    pub fn is_again(&self, other: &Self) -> bool {
        let key = |run: &Self| (run.model.clone(), run.name.clone(), run.settings.clone(), run.seed);
        key(self) == key(other) && self.metric_name == other.metric_name
    }
}

fn words(values: &Values) -> String {
    values.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// Of the parameters where the model became smaller, else of the prunable weights.
fn left(params: f64, total: f64, sparsity: f64) -> f64 {
    if params < total { params / total } else { 1.0 - sparsity }
}

/// Mean and spread over seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub settings: String,
    pub left: f64,
    pub mean: f64,
    /// Least and greatest.
    pub spread: (f64, f64),
    pub seeds: usize,
    pub seconds: f64,
}

/// All that was measured on one model by one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub model: String,
    pub metric: String,
    pub dense: f64,
    /// By name; their points from the smallest model to the largest.
    pub lines: Vec<(String, Vec<Point>)>,
}

/// One chart for each model and metric.
pub fn charts(runs: &[Run]) -> Vec<Chart> {
    let mut groups: BTreeMap<[&str; 2], BTreeMap<[&str; 2], Vec<&Run>>> = BTreeMap::new();
    for run in runs {
        let points = groups.entry([&run.model, &run.metric_name]).or_default();
        points.entry([&run.name, &run.settings]).or_default().push(run);
    }
    groups
        .into_iter()
        .map(|([model, metric], points)| {
            let dense = points.values().flatten().map(|run| run.dense).find(|dense| dense.is_finite());
            let mut lines: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
            points.iter().for_each(|([name, _], runs)| lines.entry(name).or_default().push(point(runs)));
            lines.values_mut().for_each(|points| points.sort_by(|a, b| a.left.total_cmp(&b.left)));
            let lines = lines.into_iter().map(|(name, points)| (name.to_string(), points)).collect();
            Chart { model: model.into(), metric: metric.into(), dense: dense.unwrap_or(f64::NAN), lines }
        })
        .collect()
}

/// `runs` differ in their seed and are not empty.
fn point(runs: &[&Run]) -> Point {
    let mean = |of: fn(&Run) -> f64| runs.iter().map(|run| of(run)).sum::<f64>() / runs.len() as f64;
    let metrics = || runs.iter().map(|run| run.metric);
    Point {
        settings: runs[0].settings.clone(),
        left: mean(|run| run.left),
        mean: mean(|run| run.metric),
        spread: (metrics().fold(f64::INFINITY, f64::min), metrics().fold(f64::NEG_INFINITY, f64::max)),
        seeds: runs.len(),
        seconds: mean(|run| run.seconds),
    }
}

impl Chart {
    /// Shares that are left, from the smallest model to the whole one.
    pub fn sizes(&self) -> Axis {
        Axis::of(self.points().map(|point| point.left).chain([1.0]))
    }

    pub fn qualities(&self) -> Axis {
        Axis::of(self.points().flat_map(|point| [point.spread.0, point.spread.1]).chain([self.dense]))
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.lines.iter().flat_map(|(_, points)| points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, seed: u64, metric: &str) -> String {
        let report = format!(
            r#"{{"metric_name":"accuracy","metric_dense":0.9,"metric_pruned":{metric},"params_left":100,"params_total":100,"sparsity_prunable":0.75,"seconds":2.0,"device":"x"}}"#
        );
        format!(
            r#"{{"id":"1","name":"{name}","model":"m","settings":{{"sparsity":0.75}},"seed":{seed},"report":{report},"error":null}}"#
        ) + "\n"
    }

    #[test]
    fn seeds_are_taken_together() {
        let failed = r#"{"id":"1","name":"a","model":"m","settings":{},"seed":0,"report":null,"error":"no"}"#;
        let text = line("b", 0, "0.5") + &line("a", 0, "0.2") + &line("b", 1, "0.7") + failed + "\n" + r#"{"id":"#;
        let (runs, failed) = read(&text).unwrap();
        assert_eq!((runs.len(), failed), (3, 1), "the last line was still being written");
        let [chart] = &charts(&runs)[..] else { panic!("one chart") };
        let names: Vec<&str> = chart.lines.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let point = &chart.lines[1].1[0];
        assert_eq!((point.seeds, point.spread, point.left), (2, (0.5, 0.7), 0.25));
        assert!((point.mean - 0.6).abs() < 1e-12);
        assert_eq!(point.settings, "sparsity=0.75");
    }

    #[test]
    fn what_is_no_number_is_left_out_of_the_axes() {
        let (runs, _) = read(&(line("a", 0, "null") + &line("a", 1, "0.4"))).unwrap();
        let chart = &charts(&runs)[0];
        assert!(chart.lines[0].1[0].mean.is_nan());
        assert_eq!(chart.qualities().ends()[0], "0.400");
    }

    #[test]
    fn another_file_is_refused_with_its_line() {
        let error = read(&(line("a", 0, "1") + "{\"frames\":[]}\n")).unwrap_err();
        assert!(error.starts_with("line 2: wanted a run of secateur sweep"), "{error}");
        assert_eq!(read("").unwrap(), (Vec::new(), 0));
    }
}
