//! A report's metric in words: fractions in percent, perplexities as they are. Pure functions.

use secateur_protocol::Report;

use crate::figures;

/// The metric of language models: the lower the better, and not a fraction.
const PERPLEXITY: &str = "perplexity";

fn is_perplexity(report: &Report) -> bool {
    report.metric_name == PERPLEXITY
}

/// One of the report's two numbers.
pub fn value(report: &Report, number: f64) -> String {
    named(&report.metric_name, number)
}

/// A number of the metric with this name.
pub fn named(name: &str, number: f64) -> String {
    match name == PERPLEXITY {
        false => figures::percent(number, 1),
        true if !number.is_finite() => "–".into(),
        true if number >= 1e6 => format!("{number:.1e}"),
        true if number >= 1e4 => figures::count(number.round() as u64),
        true => figures::three_digits(number),
    }
}

/// Lengths of the bars for dense and pruned, 0 to 1: the longer the better. For perplexities they are the mean
/// probabilities of a token beside the better model's.
pub fn bars(report: &Report) -> [f64; 2] {
    let numbers = [report.metric_dense, report.metric_pruned];
    if !is_perplexity(report) {
        return numbers;
    }
    let best = numbers.into_iter().filter(|number| number.is_finite()).fold(f64::INFINITY, f64::min);
    numbers.map(|number| if number.is_finite() && number > 0.0 { best / number } else { 0.0 })
}

/// What else there is to say; `samples` is what it was measured on.
pub fn remark(report: &Report, samples: &str) -> String {
    let on = format!("on {} {samples}", figures::count(report.metric_samples));
    let (dense, pruned) = (report.metric_dense, report.metric_pruned);
    match is_perplexity(report) {
        false => on,
        true if !dense.is_finite() => format!("{on}; the dense model does not predict this text"),
        true if !pruned.is_finite() => format!("{on}; the pruned model no longer predicts this text"),
        true => format!("{on}; pruned has {} times that, lower is better", figures::three_digits(pruned / dense)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, dense: f64, pruned: f64) -> Report {
        Report {
            params_left: 0,
            macs_dense: 0,
            macs_left: 0,
            reopened: None,
            model: String::new(),
            family: String::new(),
            method: None,
            recipe_id: None,
            params_total: 0,
            prunable_total: 0,
            prunable_zero: 0,
            sparsity_prunable: 0.0,
            bytes_dense: 0,
            bytes_out: 0,
            metric_name: name.into(),
            metric_dense: dense,
            metric_pruned: pruned,
            metric_samples: 1200,
            seconds: 0.0,
            device: String::new(),
            masks_digest: String::new(),
        }
    }

    #[test]
    fn perplexities_have_no_percent_sign_and_the_lower_one_the_longer_bar() {
        let both = report("perplexity", 20.0, 50.0);
        assert_eq!(value(&both, 20.0), "20.0");
        assert_eq!(bars(&both), [1.0, 0.4]);
        assert_eq!(remark(&both, "tokens"), "on 1,200 tokens; pruned has 2.50 times that, lower is better");
        assert_eq!([123_456.0, 2e12].map(|number| value(&both, number)), ["123,456", "2.0e12"]);
        let better = report("perplexity", 50.0, 20.0);
        assert_eq!(bars(&better), [0.4, 1.0]);
    }

    #[test]
    fn a_model_that_predicts_nothing_says_so() {
        for nothing in [f64::NAN, f64::INFINITY] {
            let lost = report("perplexity", 20.0, nothing);
            assert_eq!((value(&lost, nothing).as_str(), bars(&lost)), ("–", [1.0, 0.0]));
            assert!(remark(&lost, "tokens").ends_with("the pruned model no longer predicts this text"));
        }
        assert_eq!(bars(&report("perplexity", f64::NAN, f64::NAN)), [0.0, 0.0]);
    }

    #[test]
    fn fractions_are_percents() {
        let both = report("accuracy", 0.98, 0.5);
        assert_eq!((value(&both, 0.98).as_str(), bars(&both)), ("98.0\u{202f}%", [0.98, 0.5]));
        assert_eq!(remark(&both, "test digits"), "on 1,200 test digits");
    }
}
