//! A wall of small cells, one for each unit of a group: where each stands, and what is drawn. Pure functions.

/// Walls up to this length have one row.
const ONE_ROW: usize = 16;

/// Cells in a row.
pub fn columns(units: usize) -> usize {
    match units {
        0..=ONE_ROW => units.max(1),
        17..=256 => 32,
        257..=1024 => 64,
        _ => 128,
    }
}

/// The unit under a position, 0 to 1 each way.
pub fn unit_at(units: usize, x: f64, y: f64) -> Option<u32> {
    let columns = columns(units);
    let place = |at: f64, n: usize| ((at * n as f64).max(0.0) as usize).min(n - 1);
    let unit = place(y, units.div_ceil(columns).max(1)) * columns + place(x, columns);
    (unit < units).then_some(unit as u32)
}

/// Where an arrow key leads, staying inside; the first one leads to the first unit.
pub fn moved(key: &str, unit: Option<u32>, units: usize) -> Option<u32> {
    let last = u32::try_from(units.checked_sub(1)?).ok()?;
    let columns = columns(units) as u32;
    let here = || unit.unwrap_or(0);
    let to = match key {
        "ArrowRight" | "ArrowDown" | "ArrowLeft" | "ArrowUp" if unit.is_none() => 0,
        "ArrowRight" => here().saturating_add(1),
        "ArrowLeft" => here().saturating_sub(1),
        "ArrowDown" if here() + columns <= last => here() + columns,
        "ArrowUp" if here() >= columns => here() - columns,
        "ArrowDown" | "ArrowUp" => here(),
        "Home" => 0,
        "End" => last,
        _ => return None,
    };
    Some(to.min(last))
}

/// Column and row of a unit.
pub fn place(unit: u32, units: usize) -> (usize, usize) {
    let columns = columns(units);
    (unit as usize % columns, unit as usize / columns)
}

/// The shapes of some units as one SVG path, a cell being 1 x 1.
pub fn path(units: usize, chosen: impl Fn(u32) -> bool, shape: Shape) -> String {
    let chosen = (0..units as u32).filter(|unit| chosen(*unit));
    let one = |unit| {
        let (x, y) = place(unit, units);
        match shape {
            Shape::Cell => format!("M{x}.06 {y}.06h.88v.88h-.88z"),
            Shape::Strokes => format!("M{x}.06 {y}.94l.88-.88M{x}.06 {y}.5l.44-.44M{x}.5 {y}.94l.44-.44"),
            Shape::Dot => format!("M{x}.34 {y}.34h.32v.32h-.32z"),
        }
    };
    chosen.map(one).collect()
}

/// What a path is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Cell,
    /// Across a cell: it is gone.
    Strokes,
    /// In a cell's middle: it is protected.
    Dot,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_found_under_its_cell() {
        for units in [1, 6, 16, 17, 64, 100, 256, 3072] {
            let (columns, rows) = (columns(units), units.div_ceil(columns(units)));
            for unit in 0..units as u32 {
                let (x, y) = place(unit, units);
                let middle = |at: usize, n: usize| (at as f64 + 0.5) / n as f64;
                assert_eq!(unit_at(units, middle(x, columns), middle(y, rows)), Some(unit), "{unit} of {units}");
            }
        }
        assert_eq!(unit_at(100, 0.999, 0.999), None, "the last row is not full");
        assert_eq!(unit_at(6, -1.0, 2.0), Some(0), "at the edge");
    }

    #[test]
    fn arrows_stay_inside() {
        assert_eq!(moved("ArrowLeft", None, 6), Some(0));
        assert_eq!(moved("ArrowRight", Some(5), 6), Some(5));
        assert_eq!(moved("ArrowDown", Some(3), 64), Some(35));
        assert_eq!(moved("ArrowDown", Some(40), 64), Some(40));
        assert_eq!(moved("ArrowUp", Some(3), 64), Some(3));
        assert_eq!(moved("End", Some(3), 64), Some(63));
        assert_eq!(moved("x", Some(3), 64), None);
        assert_eq!(moved("Home", None, 0), None);
    }

    #[test]
    fn a_path_has_a_cell_for_each_chosen_unit() {
        let cells = path(40, |unit| unit % 2 == 0, Shape::Cell);
        assert_eq!(cells.matches('M').count(), 20);
        assert!(cells.contains("M0.06 1.06"), "unit 32 begins the second row");
        assert_eq!(path(40, |_| false, Shape::Dot), "");
    }
}
