//! The numbers behind the curves.

use leptos::prelude::*;

use super::plot::{KINDS, mark};
use crate::results::{Chart, Point};
use crate::{figures, metric};

pub fn view(chart: &Chart) -> impl IntoView + use<> {
    let points = chart
        .lines
        .iter()
        .enumerate()
        .flat_map(|(at, (name, points))| points.iter().map(move |point| (at, name, point)));
    let row = |(at, name, point): (usize, &String, &Point)| {
        let Point { settings, left, mean, spread: (low, high), seeds, seconds } = point;
        let [mean, low, high] = [*mean, *low, *high].map(|number| metric::named(&chart.metric, number));
        let spread = if *seeds > 1 { format!("{low} to {high}") } else { "–".into() };
        view! {
            <tr>
                <th scope="row">
                    <svg class=format!("sample kind-{}", at % KINDS) viewBox="-7 -7 14 14" aria-hidden="true">{mark(at % KINDS, 0.0, 0.0)}</svg>
                    {name.clone()}
                    " "
                    <small>{settings.clone()}</small>
                </th>
                <td class="number">{figures::percent(*left, 1)}</td>
                <td class="number">{mean}</td>
                <td class="number">{spread}</td>
                <td class="number">{*seeds}</td>
                <td class="number">{figures::three_digits(*seconds)}</td>
            </tr>
        }
    };
    view! {
        <div class="scroll">
            <table class="results-table">
                <thead>
                    <tr>
                        <th scope="col">"method"</th>
                        <th scope="col">"left"</th>
                        <th scope="col">{chart.metric.clone()}</th>
                        <th scope="col">"spread"</th>
                        <th scope="col">"seeds"</th>
                        <th scope="col">"seconds"</th>
                    </tr>
                </thead>
                <tbody>{points.map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}
