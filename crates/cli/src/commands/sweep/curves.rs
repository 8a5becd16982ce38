//! Quality against size as a picture.

use std::collections::BTreeMap;
use std::ops::Range;

use plotters::coord::ranged1d::AsRangedCoord;
use plotters::prelude::*;

use super::summary::Point;
use crate::Result;

const SIZE: (u32, u32) = (960, 560);
/// Okabe & Ito's colours, which colour-blind people tell apart.
const COLOURS: [(u8, u8, u8); 8] = [
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
    (86, 180, 233),
    (0, 0, 0),
    (150, 130, 0),
];

/// One picture for each model and metric: (file name, SVG).
pub fn draw(points: &[Point]) -> Result<Vec<(String, String)>> {
    let mut pictures: BTreeMap<(&str, &str), Vec<&Point>> = BTreeMap::new();
    for point in points {
        pictures.entry((&point.model, &point.metric_name)).or_default().push(point);
    }
    pictures
        .into_iter()
        .map(|((model, metric), points)| Ok((file_name(model, metric), picture(model, metric, &points)?)))
        .collect()
}

fn file_name(model: &str, metric: &str) -> String {
    let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "-").trim_matches('-').to_string();
    format!("{}-{}.svg", plain(model), plain(metric))
}

fn picture(model: &str, metric: &str, points: &[&Point]) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (low, high) = range(points);
        // Perplexities of broken models are thousands of times those of whole ones.
        if high > 20.0 * low.max(1e-9) && low > 0.0 {
            chart(&root, model, metric, points, (low / 1.2..high * 1.2).log_scale())?;
        } else {
            let room = 0.05 * (high - low).max(1e-6);
            chart(&root, model, metric, points, low - room..high + room)?;
        }
        root.present()?;
    }
    Ok(svg)
}

/// Least and greatest that is drawn.
fn range(points: &[&Point]) -> (f64, f64) {
    let all = points.iter().flat_map(|point| [point.spread.0, point.spread.1, point.dense]).filter(|y| y.is_finite());
    all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)))
}

fn chart<Y>(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    model: &str,
    metric: &str,
    points: &[&Point],
    y: Y,
) -> Result
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: plotters::coord::ranged1d::ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(root)
        .caption(format!("{metric} of {model}"), ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(smallest(points), y)?;
    chart.configure_mesh().x_desc("share of the weights that is left").y_desc(metric).light_line_style(WHITE).draw()?;
    let mut lines: BTreeMap<&str, Vec<&Point>> = BTreeMap::new();
    for point in points {
        lines.entry(&point.name).or_default().push(point);
    }
    for (at, (name, mut line)) in lines.into_iter().enumerate() {
        line.sort_by(|a, b| a.left.total_cmp(&b.left));
        let (r, g, b) = COLOURS[at % COLOURS.len()];
        let colour = RGBColor(r, g, b);
        let series = LineSeries::new(line.iter().map(|point| (point.left, point.mean)), colour.stroke_width(2));
        chart
            .draw_series(series)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(line.iter().map(|point| Circle::new((point.left, point.mean), 3, colour.filled())))?;
        chart.draw_series(line.iter().map(|point| {
            PathElement::new([(point.left, point.spread.0), (point.left, point.spread.1)], colour.stroke_width(1))
        }))?;
    }
    let dense = points.iter().map(|point| (1.0, point.dense)).take(1);
    chart
        .draw_series(dense.map(|at| TriangleMarker::new(at, 6, BLACK.filled())))?
        .label("dense")
        .legend(|at| TriangleMarker::new(at, 5, BLACK.filled()));
    chart.configure_series_labels().border_style(BLACK.mix(0.3)).background_style(WHITE.mix(0.8)).draw()?;
    Ok(())
}

/// From a little below the smallest model to the whole one.
fn smallest(points: &[&Point]) -> Range<f64> {
    let least = points.iter().map(|point| point.left).fold(1.0, f64::min);
    (least - 0.03).max(0.0)..1.02
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_a_line_with_its_spread() {
        let point = |name: &str, left, mean: f64| Point {
            model: "builtin:m".into(),
            name: name.into(),
            settings: String::new(),
            left,
            metric_name: "accuracy".into(),
            dense: 0.9,
            mean,
            spread: (mean - 0.1, mean + 0.1),
            seeds: 3,
            seconds: 1.0,
        };
        let drawn = draw(&[point("a <b>", 0.5, 0.6), point("a <b>", 0.1, 0.3), point("c", 0.5, 0.2)]).unwrap();
        let [(name, svg)] = &drawn[..] else { panic!("one picture") };
        assert_eq!(name, "builtin-m-accuracy.svg");
        assert!(svg.contains("a &lt;b&gt;") && svg.contains("\nc\n") && !svg.contains("<b>"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 3);
    }
}
