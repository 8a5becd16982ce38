//! Accuracy or perplexity, and the three numbers people mix up: zeros, bytes, milliseconds.

use leptos::prelude::*;
use secateur_protocol::{Layout, Report, Timing};

use crate::state::App;
use crate::{figures, metric};

pub fn view(app: App) -> impl IntoView {
    view! {
        <div class="figures">{accuracy(app)} {zeros(app)} {bytes(app)} {milliseconds(app)}</div>
        <p class="hidden" role="status">{move || spoken(app)}</p>
        <p class="why">{move || why(app)}</p>
        <p class="digest">
            <button class="quiet" data-testid="measure" on:click=move |_| app.measure(|_| true)>"Measure again"</button>
            <span title="FNV-1a over all masks: equal cuts have equal names, here and on the command line">
                "masks "
                <code
                    data-testid="digest"
                    data-recipe=move || app.facts.level.with(|level| Some(level.as_ref()?.recipe.as_ref()?.canonical()))
                >
                    {move || app.facts.level.get().map(|level| level.digest.clone())}
                </code>
            </span>
        </p>
    }
}

/// The report, and whether it is about the masks that hold now.
fn report(app: App) -> Option<(std::sync::Arc<Report>, bool)> {
    let report = app.facts.report.get()?;
    let fresh = app.facts.is_fresh(&report.model_left());
    Some((report, fresh))
}

/// For screen readers, once the slider rests and not on its way.
fn spoken(app: App) -> Option<String> {
    let (report, _) = report(app).filter(|(_, fresh)| *fresh)?;
    let [pruned, dense] = [report.metric_pruned, report.metric_dense].map(|number| metric::value(&report, number));
    let zeros = figures::count(report.prunable_zero);
    Some(format!("{zeros} zeros: {} {pruned}, dense {dense}", report.metric_name))
}

fn timing(app: App) -> Option<(Timing, bool)> {
    let (digest, timing) = app.facts.timing.get()?;
    let fresh = app.facts.is_fresh(&digest);
    Some((timing, fresh))
}

fn accuracy(app: App) -> impl IntoView {
    let expected = move || if app.writes() { "perplexity" } else { "accuracy" };
    let name = move || report(app).map_or_else(|| expected().to_string(), |(report, _)| report.metric_name.clone());
    let stale = move || !report(app).is_some_and(|(_, fresh)| fresh);
    let of = move |pick: fn(&Report) -> f64| {
        report(app).map_or("–".to_string(), |(report, _)| metric::value(&report, pick(&report)))
    };
    let bar = move |at: usize| report(app).map_or(0.0, |(report, _)| metric::bars(&report)[at] * 100.0);
    let remark = move || {
        let samples = if app.writes() {
            "tokens"
        } else if app.sees_pictures() {
            "test digits"
        } else {
            "made-up inputs"
        };
        report(app).map(|(report, _)| metric::remark(&report, samples))
    };
    view! {
        <div class="figure" class:stale=stale>
            <h3>{name}</h3>
            <p class="big" data-testid="accuracy-pruned">{move || of(|report| report.metric_pruned)}</p>
            <p class="sub">
                "dense " <b data-testid="accuracy-dense">{move || of(|report| report.metric_dense)}</b> " " {remark}
            </p>
            <div class="pair" aria-hidden="true">
                <i class="dense" style=move || format!("width: {}%", bar(0))></i>
                <i class="pruned" style=move || format!("width: {}%", bar(1))></i>
            </div>
        </div>
    }
}

fn zeros(app: App) -> impl IntoView {
    let level = move || app.facts.level.get();
    let zeros = move || level().map_or("–".into(), |level| figures::count(level.zeros()));
    let of = move || {
        level().map(|level| {
            let exactly = figures::percent(level.sparsity(), 2);
            format!("of {} prunable weights, exactly {exactly}", figures::count(level.prunable()))
        })
    };
    let cut = move || level().map_or(0.0, |level| level.sparsity() * 100.0);
    view! {
        <div class="figure">
            <h3>"zeros"</h3>
            <p class="big" data-testid="zeros">{zeros}</p>
            <p class="sub">{of}</p>
            <div class="whole" aria-hidden="true"><i style=move || format!("width: {}%", cut())></i></div>
        </div>
    }
}

fn bytes(app: App) -> impl IntoView {
    let dense = move || app.facts.loaded.with(|loaded| loaded.as_ref().map(|loaded| loaded.bytes));
    let out = move || report(app).map(|(report, _)| report.bytes_out).or_else(dense);
    let packed = move || {
        let loaded = app.facts.loaded.get()?;
        let level = app.facts.level.get()?;
        Some(packed_bytes(loaded.bytes, level.zeros(), level.prunable()))
    };
    let portion = move || Some(packed()? as f64 / dense()?.max(1) as f64 * 100.0);
    view! {
        <div class="figure">
            <h3>"bytes on disk"</h3>
            <p class="big" data-testid="bytes">{move || out().map_or("–".into(), figures::bytes)}</p>
            <p class="sub">
                {move || packed().map(|n| format!("{} if zeros were packed away", figures::bytes(n)))}
            </p>
            <div class="whole" aria-hidden="true"><i style=move || format!("width: {}%", 100.0 - portion().unwrap_or(100.0).min(100.0))></i></div>
        </div>
    }
}

/// A file with one bit for each prunable weight and no zeros: the least a simple sparse format needs.
fn packed_bytes(dense: u64, zeros: u64, prunable: u64) -> u64 {
    (dense + prunable.div_ceil(8)).saturating_sub(4 * zeros).min(dense)
}

fn milliseconds(app: App) -> impl IntoView {
    let stale = move || !timing(app).is_some_and(|(_, fresh)| fresh);
    let of = move |pick: fn(&Timing) -> f64| timing(app).map_or("–".to_string(), |(t, _)| figures::milliseconds(pick(&t)));
    let spread = move || {
        timing(app).map(|(timing, _)| {
            let (q1, q3) = (figures::three_digits(timing.pruned_ms.q1), figures::milliseconds(timing.pruned_ms.q3));
            let what = if app.sees_pictures() { "picture" } else { "input" };
            let plural = if timing.batch == 1 { "" } else { "s" };
            format!("{} {what}{plural}, {} runs, middle half {q1} to {q3}, {}", timing.batch, timing.repeats, timing.device)
        })
    };
    view! {
        <div class="figure" class:stale=stale>
            <h3>"milliseconds here"</h3>
            <p class="big" data-testid="milliseconds">{move || of(|timing| timing.pruned_ms.median)}</p>
            <p class="sub">"dense " <b>{move || of(|timing| timing.dense_ms.median)}</b> {move || spread().map(|words| format!(" · {words}"))}</p>
        </div>
    }
}

/// Why the three numbers do not move together, for the cut that holds now.
fn why(app: App) -> Option<String> {
    let level = app.facts.level.get()?;
    if level.zeros() == 0 {
        return Some("Nothing is cut yet. Zeros, bytes and milliseconds all stand where the dense model has them.".into());
    }
    let measured = timing(app).filter(|(_, fresh)| *fresh).map(|(timing, _)| timing);
    if let Some(words) = smaller(app) {
        let took = measured.as_ref().map_or(String::new(), |timing| format!("; {}", faster(timing)));
        return Some(format!("{words}{took}. The file shrinks with it in every export but the one with the same shapes."));
    }
    let skipping = measured.as_ref().map_or(0, |timing| timing.layouts.iter().filter(|m| m.layout != Layout::Dense).count());
    let took = measured.as_ref().map_or(String::new(), |timing| format!(": {}", faster(timing)));
    let zeros = figures::percent(level.sparsity(), 0);
    let why = format!("Why they differ: {zeros} of the weights are exactly zero, but the file stores a zero like any other number");
    Some(match skipping {
        0 => format!(
            "{why}, and the processor multiplies by it like any other number{took}. Bytes and time fall only with a format and a product that skip zeros, or when whole rows go."
        ),
        _ => {
            let of = level.layers.len();
            format!(
                "{why}. {skipping} of {of} layers leave zeros out of their products here{took}. Bytes fall only with a format that skips zeros, or when whole rows go."
            )
        }
    })
}

/// After a cut of whole units: how much smaller the model is.
fn smaller(app: App) -> Option<String> {
    let cut = app.structure.cut.get()?;
    let (left, dense) = (cut.graph.counts(), app.facts.loaded.get()?.graph.counts());
    let [params, macs] = [(left.params, dense.params), (left.macs, dense.macs)]
        .map(|(left, dense)| figures::percent(left as f64 / dense.max(1) as f64, 0));
    Some(format!(
        "Whole units are gone and not only zero: the model keeps {params} of its parameters and {macs} of its multiplications on any hardware"
    ))
}

/// Says that times differ only when the middle halves of the measurements do not overlap.
fn faster(timing: &Timing) -> String {
    let (dense, pruned) = (timing.dense_ms, timing.pruned_ms);
    let ratio = figures::percent(pruned.median / dense.median.max(f64::MIN_POSITIVE), 0);
    if pruned.q3 < dense.q1 {
        format!("here it took {ratio} of the dense time")
    } else if pruned.q1 > dense.q3 {
        format!("here it took {ratio} of the dense time, longer instead of shorter")
    } else {
        "here the difference is within the noise".into()
    }
}

#[cfg(test)]
mod tests {
    use secateur_protocol::{Spread, Timing};

    use super::{faster, packed_bytes};

    #[test]
    fn overlapping_times_are_noise() {
        let spread = |q1, median, q3| Spread { q1, median, q3 };
        let said = |pruned_ms| {
            let dense_ms = spread(9.0, 10.0, 11.0);
            faster(&Timing { batch: 1, repeats: 5, dense_ms, pruned_ms, device: String::new(), layouts: Vec::new(), ops: Vec::new() })
        };
        assert!(said(spread(4.0, 5.0, 6.0)).contains("50"));
        assert!(said(spread(4.0, 12.0, 16.0)).contains("noise"));
        assert!(said(spread(12.0, 20.0, 30.0)).contains("longer"));
    }

    #[test]
    fn packing_pays_only_once_the_bits_are_earned_back() {
        assert_eq!(packed_bytes(4000, 0, 1000), 4000);
        assert_eq!(packed_bytes(4000, 500, 1000), 4000 + 125 - 2000);
        assert_eq!(packed_bytes(10, 1000, 1000), 0);
    }
}
