//! Bars as SVG. What is left is solid and what is gone is hatched, so that no colour has to be told from another.

use super::escape;

/// Width of a plot, in its own units.
const WIDTH: f64 = 240.0;
/// Beyond so many units the lines between them would be all there is to see.
const SEPARATED: usize = 60;

/// The hatching that plots refer to; once in a page.
pub(super) const HATCH: &str = concat!(
    r#"<svg class="hatch" width="0" height="0" aria-hidden="true"><pattern id="gone" width="5" height="5" "#,
    r#"patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="ground" width="5" height="5"/>"#,
    r#"<rect class="stripe" width="2" height="5"/></pattern></svg>"#
);

/// A tensor: as long as it is large beside the largest one, and what is left of it. Both from 0 to 1.
pub(super) fn part(title: &str, size: f64, kept: f64) -> String {
    let width = (WIDTH * size).max(3.0);
    let kept = width * kept;
    svg(title, 10.0, &(rect("kept", 0.0, 0.0, kept, 10.0) + &rect("gone", kept, 0.0, width - kept, 10.0)))
}

/// Two numbers below each other, as lengths from 0 to 1.
pub(super) fn pair(title: &str, [dense, pruned]: [f64; 2]) -> String {
    let bar = |class, y, length: f64| rect(class, 0.0, y, WIDTH * length.clamp(0.0, 1.0), 7.0);
    svg(title, 16.0, &(bar("dense", 0.0, dense) + &bar("kept", 9.0, pruned)))
}

/// The units of a group in a row; `gone` in rising order.
pub(super) fn units(title: &str, count: usize, gone: &[u32]) -> String {
    let each = WIDTH / count.max(1) as f64;
    let left = |unit: usize| gone.binary_search(&(unit as u32)).is_err();
    let gap = if count <= SEPARATED { 1.0 } else { 0.0 };
    let mut cells = String::new();
    let mut start = 0;
    while start < count {
        let alike = (start..count).take_while(|unit| left(*unit) == left(start)).count();
        let run = if count <= SEPARATED { 1 } else { alike };
        let class = if left(start) { "kept" } else { "gone" };
        cells += &rect(class, start as f64 * each, 0.0, run as f64 * each - gap, 10.0);
        start += run;
    }
    svg(title, 10.0, &cells)
}

/// The share that is left as 20 signs: never all while something is gone, never none while something is left.
pub(super) fn text(kept: f64) -> String {
    let cells = (kept * 20.0).round() as usize;
    let cells = if kept <= 0.0 || kept >= 1.0 { cells } else { cells.clamp(1, 19) };
    "█".repeat(cells) + &"░".repeat(20 - cells)
}

fn svg(title: &str, height: f64, body: &str) -> String {
    let title = escape::html(title);
    format!(r#"<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img"><title>{title}</title>{body}</svg>"#)
}

fn rect(class: &str, x: f64, y: f64, width: f64, height: f64) -> String {
    if width <= 0.0 {
        return String::new();
    }
    format!(r#"<rect class="{class}" x="{x:.2}" y="{y:.0}" width="{width:.2}" height="{height:.0}"/>"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(svg: &str, class: &str) -> Vec<f64> {
        let rects = svg.split("<rect ").filter(|rect| rect.starts_with(&format!("class=\"{class}\"")));
        rects.map(|rect| rect.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn what_is_left_and_what_is_gone_fill_the_bar() {
        let half = part("half of the second largest", 0.5, 0.5);
        assert_eq!((widths(&half, "kept"), widths(&half, "gone")), (vec![60.0], vec![60.0]));
        assert_eq!(widths(&part("whole", 1.0, 1.0), "gone"), [0.0; 0]);
    }

    #[test]
    fn every_unit_has_its_cell_until_there_are_too_many() {
        assert_eq!(widths(&units("heads", 4, &[1, 3]), "gone"), [59.0, 59.0]);
        let many = units("neurons", 240, &[0, 1, 2, 9]);
        assert_eq!((widths(&many, "gone"), widths(&many, "kept")), (vec![3.0, 1.0], vec![6.0, 230.0]));
    }

    #[test]
    fn a_bar_of_text_is_never_full_or_empty_by_rounding() {
        let cells = [0.0, 0.001, 0.5, 0.999, 1.0].map(|kept| text(kept).matches('█').count());
        assert_eq!(cells, [0, 1, 10, 19, 20]);
        assert!(text(0.3).chars().count() == 20);
    }
}
