//! Curves with their spread over seeds; lines differ in colour, dashes and marks.

use leptos::prelude::*;

use crate::chart;
use crate::figures;
use crate::metric;
use crate::results::{Chart, Point};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 280.0;
/// Curves that can be told apart; more begin again.
pub const KINDS: usize = 6;

pub fn view(chart: &Chart) -> impl IntoView + use<> {
    let (sizes, qualities) = (chart.sizes(), chart.qualities());
    let x = |left: f64| sizes.place(left) * WIDTH;
    let y = |quality: f64| (1.0 - qualities.place(quality)) * HEIGHT;
    let spread = |point: &Point| {
        let (low, high) = point.spread;
        view! { <line class="spread" x1=x(point.left) x2=x(point.left) y1=y(low) y2=y(high) /> }
    };
    let dot = |at: usize, point: &Point| mark(at % KINDS, x(point.left), y(point.mean));
    let curve = |(at, (name, points)): (usize, &(String, Vec<Point>))| {
        let line = chart::line(points.iter().map(|point| (point.left, point.mean)), sizes, qualities, WIDTH, HEIGHT);
        let known = || points.iter().filter(|point| point.mean.is_finite());
        view! {
            <g class=format!("kind-{}", at % KINDS)>
                <title>{name.clone()}</title>
                <polyline points=line />
                {known().map(spread).collect_view()}
                {known().map(|point| dot(at, point)).collect_view()}
            </g>
        }
    };
    let dense = chart.dense.is_finite().then(|| y(chart.dense));
    let [bottom, middle, top] = [0.0, 0.5, 1.0].map(|place| metric::named(&chart.metric, qualities.at(place)));
    let [least, most] = [0.0, 1.0].map(|place| figures::percent(sizes.at(place), 0));
    view! {
        <figure class="quality">
            <div class="plot-frame">
                <p class="scale-words" aria-hidden="true"><span>{top}</span><span>{middle}</span><span>{bottom}</span></p>
                <svg viewBox=format!("-8 -8 {} {}", WIDTH + 16.0, HEIGHT + 16.0) role="img" aria-label="Quality against size; the table below has the numbers">
                    {dense.map(|y| view! { <line class="limit" x1="0" x2=WIDTH y1=y y2=y /> })}
                    {chart.lines.iter().enumerate().map(curve).collect_view()}
                </svg>
            </div>
            <p class="ends"><span>{least} " left"</span><span>"the dashed line is the dense model"</span><span>{most} " left"</span></p>
        </figure>
    }
}

/// A curve's mark, as the table's legend shows it too.
pub fn mark(kind: usize, x: f64, y: f64) -> AnyView {
    match kind {
        0 => view! { <circle class="mark-at" cx=x cy=y r="4" /> }.into_any(),
        1 => view! { <rect class="mark-at" x=x - 4.0 y=y - 4.0 width="8" height="8" /> }.into_any(),
        _ => {
            let path = match kind {
                2 => format!("M{x} {}l5 9h-10z", y - 5.0),
                3 => format!("M{x} {}l5 5l-5 5l-5 -5z", y - 5.0),
                4 => format!("M{x} {}l5 -9h-10z", y + 5.0),
                _ => format!("M{} {}l8 8m0 -8l-8 8", x - 4.0, y - 4.0),
            };
            view! { <path class="mark-at" d=path /> }.into_any()
        }
    }
}
