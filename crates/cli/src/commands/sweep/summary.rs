//! Runs that differ in nothing but their seed, taken together.

use std::collections::BTreeMap;

use super::results::Measured;

/// Mean and spread over seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub model: String,
    pub name: String,
    /// What was set, as on the command line.
    pub settings: String,
    /// The share of weights or parameters that is left, 0 to 1.
    pub left: f64,
    pub metric_name: String,
    pub dense: f64,
    pub mean: f64,
    /// Least and greatest.
    pub spread: (f64, f64),
    pub seeds: usize,
    pub seconds: f64,
}

/// Points in the order in which their runs were made.
pub fn points<'a>(lines: impl IntoIterator<Item = &'a Measured>) -> Vec<Point> {
    let mut order: Vec<(String, String, String)> = Vec::new();
    let mut groups: BTreeMap<(String, String, String), Vec<&Measured>> = BTreeMap::new();
    for line in lines.into_iter().filter(|line| line.report.is_some()) {
        let settings: Vec<String> = line.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let key = (line.model.clone(), line.name.clone(), settings.join(" "));
        let group = groups.entry(key.clone()).or_default();
        if group.is_empty() {
            order.push(key);
        }
        group.push(line);
    }
    order.into_iter().filter_map(|key| point(&groups[&key], key)).collect()
}

fn point(lines: &[&Measured], (model, name, settings): (String, String, String)) -> Option<Point> {
    let numbers = |key: &str| lines.iter().filter_map(|line| line.number(key)).collect::<Vec<f64>>();
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
    let metric = numbers("metric_pruned");
    let lowest = metric.iter().copied().reduce(f64::min)?;
    let highest = metric.iter().copied().reduce(f64::max)?;
    let name_of = |line: &&Measured| Some(line.report.as_ref()?.get("metric_name")?.as_str()?.to_string());
    Some(Point {
        model,
        name,
        settings,
        left: mean(&lines.iter().filter_map(|line| line.left()).collect::<Vec<f64>>()),
        metric_name: lines.first().and_then(name_of)?,
        dense: mean(&numbers("metric_dense")),
        mean: mean(&metric),
        spread: (lowest, highest),
        seeds: metric.len(),
        seconds: mean(&numbers("seconds")),
    })
}

/// A table in Markdown.
pub fn table(points: &[Point]) -> String {
    let mut text =
        "| model | method | settings | left | metric | dense | pruned | spread | seeds | seconds |\n".to_string();
    text += "| --- | --- | --- | --: | --- | --: | --: | --- | --: | --: |\n";
    for point in points {
        let Point { model, name, settings, left, metric_name, dense, mean, spread: (low, high), seeds, seconds } =
            point;
        let cells = [model, name, settings].map(|text| text.replace('|', "\\|"));
        text += &format!(
            "| {} | {:.1} % | {metric_name} | {} | {} | {} to {} | {seeds} | {seconds:.1} |\n",
            cells.join(" | "),
            100.0 * left,
            short(*dense),
            short(*mean),
            short(*low),
            short(*high),
        );
    }
    text
}

/// Four figures.
fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 1e5 => format!("{number:.2e}"),
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn seeds_are_taken_together() {
        let line = |name: &str, seed, metric: f64| Measured {
            id: String::new(),
            name: name.into(),
            model: "m".into(),
            settings: BTreeMap::new(),
            seed,
            report: Some(json!({
                "metric_name": "accuracy", "metric_dense": 0.9, "metric_pruned": metric, "seconds": 2.0,
                "params_left": 100, "params_total": 100, "sparsity_prunable": 0.75,
            })),
            error: None,
        };
        let points = points(&[line("b", 0, 0.5), line("a", 0, 0.2), line("b", 1, 0.7)]);
        let told: Vec<_> = points.iter().map(|point| (point.name.as_str(), point.seeds, point.spread)).collect();
        assert_eq!(told, [("b", 2, (0.5, 0.7)), ("a", 1, (0.2, 0.2))]);
        assert!((points[0].mean - 0.6).abs() < 1e-12 && (points[0].left - 0.25).abs() < 1e-12);
        assert!(
            table(&points).contains("| m | b |  | 25.0 % | accuracy | 0.9000 | 0.6000 | 0.5000 to 0.7000 | 2 | 2.0 |")
        );
    }
}
