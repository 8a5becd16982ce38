//! How much of each matrix is kept: width = its weights, height = the kept fraction, so area = kept weights.

use leptos::prelude::*;
use secateur_protocol::{LayerLevel, Level};

use crate::state::App;
use crate::{atlas, figures};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;

/// One matrix on the chart.
#[derive(Clone, Debug, PartialEq)]
struct Bar {
    param: u32,
    x: f64,
    width: f64,
    kept: f64,
    words: String,
}

pub fn view(app: App) -> impl IntoView {
    let bars = Memo::new(move |_| {
        let names = |param| {
            app.facts.loaded.with(|loaded| {
                let params = loaded.as_ref().map(|loaded| &loaded.graph.params);
                params.and_then(|params| params.get(param as usize)).map_or(String::new(), |p| p.name.clone())
            })
        };
        app.facts.level.with(|level| level.as_ref().map_or_else(Vec::new, |level| bars(level, names)))
    });
    let overall = move || app.facts.level.with(|level| level.as_ref().map_or(1.0, |level| 1.0 - level.sparsity()));
    let summary =
        move || format!("Kept fraction of {} matrices; overall {}", bars.get().len(), figures::percent(overall(), 1));
    view! {
        <figure class="layers-chart" data-testid="layers">
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label=summary>
                <defs>
                    <pattern id="cut-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                        <rect class="hatch-ground" width="6" height="6" />
                        <rect class="hatch-line" width="1.800" height="6" />
                    </pattern>
                </defs>
                {move || bars.get().into_iter().map(|one| bar(app, one)).collect_view()}
                <line class="overall" x1="0" x2=WIDTH y1=move || (1.0 - overall()) * HEIGHT y2=move || (1.0 - overall()) * HEIGHT />
            </svg>
            <figcaption>
                "Each column is a matrix from first to last: as wide as it has weights, as high as the part of it that is kept. The line is the whole model: "
                <b>{move || figures::percent(overall(), 1)}</b>
                " kept. "
                {move || {
                    let any = app.structure.touched.with(|touched| !touched.is_empty());
                    any.then_some("Marked on top: what loses something with the unit you picked.")
                }}
            </figcaption>
        </figure>
    }
}

/// A matrix's column; marked while it loses something with the unit that is looked at.
fn bar(app: App, Bar { param, x, width, kept, words }: Bar) -> impl IntoView {
    let top = (1.0 - kept) * HEIGHT;
    let touched = move || app.structure.touched.with(|touched| touched.contains(&param));
    view! {
        <g class="bar" class:touched=touched>
            <title>{words}</title>
            <rect class="cut" x=x y="0" width=width height=top fill="url(#cut-hatch)" />
            <rect class="kept" x=x y=top width=width height=HEIGHT - top />
            <rect class="lit" x=x y="0" width=width height="12" />
        </g>
    }
}

fn bars(level: &Level, name: impl Fn(u32) -> String) -> Vec<Bar> {
    const GAP: f64 = 3.0;
    let least = 4.0;
    let room = WIDTH - GAP * level.layers.len().saturating_sub(1) as f64;
    let total = level.prunable().max(1) as f64;
    let widths: Vec<f64> = level.layers.iter().map(|layer| (layer.of as f64 / total * room).max(least)).collect();
    let shrink = room.max(0.0) / widths.iter().sum::<f64>().max(1.0);
    let mut x = 0.0;
    let bar = |(layer, width): (&LayerLevel, f64)| {
        let kept = layer.kept as f64 / layer.of.max(1) as f64;
        let full = name(layer.param);
        let words = format!(
            "{} ({full}): {} of {} kept, {}",
            atlas::label(&full),
            figures::count(layer.kept),
            figures::count(layer.of),
            figures::percent(kept, 1)
        );
        let bar = Bar { param: layer.param, x, width: width * shrink, kept, words };
        x += width * shrink + GAP;
        bar
    };
    level.layers.iter().zip(widths).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_the_width_and_keep_their_order() {
        let layers = [(10, 1_000_000), (5, 10), (0, 500_000)];
        let layers =
            layers.iter().enumerate().map(|(at, &(kept, of))| LayerLevel { param: at as u32, kept, of }).collect();
        let level =
            Level { recipe: None, layers, removed: vec![], undo: 0, redo: 0, notes: vec![], digest: String::new() };
        let bars = bars(&level, |param| format!("fc{param}.weight"));
        let end = bars.last().map(|bar| bar.x + bar.width).unwrap();
        assert!((end - WIDTH).abs() < 1e-6, "{end}");
        assert!(bars.windows(2).all(|pair| pair[0].x + pair[0].width < pair[1].x));
        assert!(bars[1].width > 1.0, "small matrices stay visible");
        assert_eq!(bars[1].kept, 0.5);
    }
}
