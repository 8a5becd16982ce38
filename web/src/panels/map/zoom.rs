//! One matrix, enlarged: every cell can be read, and each row's and column's kept fraction stands beside it.

use leptos::prelude::*;
use secateur_protocol::HeatKind;
use web_sys::{KeyboardEvent, PointerEvent};

use crate::atlas::Tile;
use crate::heat::Heat;
use crate::picture::{heat_canvas, unit_bands};
use crate::state::App;
use crate::{figures, icons};

/// The cell pointed at: row and column of the picture.
type Cell = Option<(usize, usize)>;

pub fn view(app: App) -> impl IntoView {
    let tile = move || {
        let param = app.zoomed.get()?;
        app.regions.with(|regions| regions.iter().flat_map(|r| &r.tiles).find(|tile| tile.param == param).cloned())
    };
    move || tile().map(|tile| enlarged(app, tile))
}

fn enlarged(app: App, tile: Tile) -> impl IntoView {
    let param = tile.param;
    let cell = RwSignal::new(Cell::None);
    let shape = format!("{} × {}", figures::count(tile.rows as u64), figures::count(tile.cols as u64));
    let aspect = (tile.cols as f64 / tile.rows.max(1) as f64).clamp(0.3, 4.0);
    let close = move || app.inputs.matrix.set(None);
    let cells = move || cells(app, param);
    let pointed = move |event: PointerEvent| {
        let (Some((rows, cols)), Some(area)) = (cells(), size_of(&event)) else { return };
        let index = |at: i32, of: f64, n: usize| ((f64::from(at) / of * n as f64).max(0.0) as usize).min(n - 1);
        cell.set(Some((index(event.offset_y(), area.1, rows), index(event.offset_x(), area.0, cols))));
    };
    let pick = move || {
        if let (Some((row, col)), Some((rows, cols))) = (cell.get_untracked(), cells()) {
            let middle = |at: usize, n: usize| (at as f64 + 0.5) / n as f64;
            app.structure.pick_owner(param, (middle(row, rows), middle(col, cols)));
        }
    };
    let walked = move |event: KeyboardEvent| {
        match event.key().as_str() {
            "Escape" => return close(),
            "Enter" => return pick(),
            _ => {}
        }
        let next = cells().and_then(|(rows, cols)| moved(&event.key(), cell.get_untracked(), rows, cols));
        if next.is_some() {
            event.prevent_default();
            cell.set(next);
        }
    };
    let marker = move || {
        let ((row, col), (rows, cols)) = (cell.get()?, cells()?);
        let part = |at: usize, n: usize| at as f64 / n as f64 * 100.0;
        let (left, top, width, height) = (part(col, cols), part(row, rows), part(1, cols), part(1, rows));
        Some(format!("left:{left}%;top:{top}%;width:{width}%;height:{height}%"))
    };
    let readout = {
        let tile = tile.clone();
        move || {
            cell.get().and_then(|cell| readout(app, &tile, cell)).unwrap_or_else(|| {
                "Point at a cell, or move with the arrow keys; a click or Enter picks the unit it belongs to.".into()
            })
        }
    };
    view! {
        <figure class="zoom" data-testid="zoom">
            <figcaption>
                <b>{tile.label.clone()}</b>
                <span>{shape}</span>
                <code>{tile.name.clone()}</code>
                <button class="tool round" aria-label="Close" data-testid="zoom-close" on:click=move |_| close()>
                    {icons::close()}
                </button>
            </figcaption>
            <div class="plate" style=format!("--aspect: {aspect}")>
                <div
                    class="cells"
                    tabindex="0"
                    role="img"
                    aria-label=format!("{}, cell by cell; arrow keys move, Enter picks the unit", tile.label)
                    on:pointermove=pointed
                    on:pointerdown=pointed
                    on:click=move |_| pick()
                    on:keydown=walked
                >
                    {heat_canvas(app, param, true)}
                    {unit_bands(app, param, true)}
                    {move || marker().map(|place| view! { <i class="marker" style=place></i> })}
                </div>
                {profile(app, param, true)}
                {profile(app, param, false)}
            </div>
            <p class="readout" data-testid="zoom-readout" aria-live="polite">{readout}</p>
        </figure>
    }
}

/// Rows and columns of the finest picture there is.
fn cells(app: App, param: u32) -> Option<(usize, usize)> {
    let kept = untrack(|| app.facts.heat(param, HeatKind::Mask, true))?;
    (kept.rows > 0 && kept.cols > 0).then_some((kept.rows, kept.cols))
}

fn size_of(event: &PointerEvent) -> Option<(f64, f64)> {
    use wasm_bindgen::JsCast;
    let area = event.current_target()?.dyn_into::<web_sys::HtmlElement>().ok()?;
    let (width, height) = (area.client_width(), area.client_height());
    (width > 0 && height > 0).then(|| (width.into(), height.into()))
}

/// Where an arrow key leads, staying inside.
fn moved(key: &str, cell: Cell, rows: usize, cols: usize) -> Cell {
    let (row, col) = cell.unwrap_or((0, 0));
    match key {
        "ArrowLeft" => Some((row, col.saturating_sub(1))),
        "ArrowRight" => Some((row, (col + 1).min(cols - 1))),
        "ArrowUp" => Some((row.saturating_sub(1), col)),
        "ArrowDown" => Some(((row + 1).min(rows - 1), col)),
        _ => None,
    }
}

/// `row 12 of 64, column 5 of 96: |weight| 0.031, kept`.
fn readout(app: App, tile: &Tile, (row, col): (usize, usize)) -> Option<String> {
    let kept = app.facts.heat(tile.param, HeatKind::Mask, true)?;
    let at = |heat: &Heat| heat.at(row * heat.rows / kept.rows.max(1), col * heat.cols / kept.cols.max(1));
    let row_words = range(row, kept.rows, tile.rows);
    let col_words = range(col, kept.cols, tile.cols);
    let kind = app.inputs.view.get();
    let value = match kind {
        HeatKind::Mask => None,
        _ => app.facts.heat(tile.param, kind, true).map(|heat| figures::three_digits(at(&heat).into())),
    };
    let word = if kind == HeatKind::Weight { "|weight|" } else { "score" };
    let value = value.map_or(String::new(), |value| format!("{word} {value}, "));
    let fate = match at(&kept) {
        k if k >= 1.0 => "kept".to_string(),
        k if k <= 0.0 => "cut".to_string(),
        k => format!("{} kept", figures::percent(k.into(), 0)),
    };
    Some(format!("row {row_words} of {},\ncolumn {col_words} of {}:\n{value}{fate}", tile.rows, tile.cols))
}

/// The entries a cell covers, counted from 0: "5", or "10–11" where a cell covers several.
fn range(cell: usize, cells: usize, entries: usize) -> String {
    let cells = cells.max(1);
    let (first, end) = (cell * entries / cells, (cell + 1) * entries / cells);
    if end > first + 1 { format!("{first}–{}", end - 1) } else { first.to_string() }
}

/// Kept fraction of each row (beside) or column (below), as a step line.
fn profile(app: App, param: u32, rows: bool) -> impl IntoView {
    let path = move || app.facts.heat(param, HeatKind::Mask, true).map(|kept| step_path(&means(&kept, rows), rows));
    let (class, label) = if rows { ("profile rows", "kept by row") } else { ("profile cols", "kept by column") };
    view! {
        <svg class=class viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label=label>
            <title>{label}</title>
            <path d=path />
        </svg>
    }
}

fn means(kept: &Heat, rows: bool) -> Vec<f32> {
    let (n, m) = if rows { (kept.rows, kept.cols) } else { (kept.cols, kept.rows) };
    let at = |i, j| if rows { kept.at(i, j) } else { kept.at(j, i) };
    (0..n).map(|i| (0..m).map(|j| at(i, j)).sum::<f32>() / m.max(1) as f32).collect()
}

/// An area in a 100 x 100 box, growing from the matrix outwards.
fn step_path(values: &[f32], rows: bool) -> String {
    let step = 100.0 / values.len().max(1) as f32;
    let mut path = String::from("M0 0");
    for (at, value) in values.iter().enumerate() {
        let (from, to, out) = (at as f32 * step, (at + 1) as f32 * step, value.clamp(0.0, 1.0) * 100.0);
        path += &if rows { format!("L{out:.1} {from:.2}V{to:.2}") } else { format!("L{from:.2} {out:.1}H{to:.2}") };
    }
    path + if rows { "H0Z" } else { "V0Z" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_name_the_entries_they_cover() {
        assert_eq!(range(5, 64, 64), "5");
        assert_eq!(range(0, 48, 96), "0–1");
        let covered: Vec<String> = (0..3).map(|cell| range(cell, 3, 10)).collect();
        assert_eq!(covered, ["0–2", "3–5", "6–9"]);
    }

    #[test]
    fn profiles_are_means_along_the_other_axis() {
        let kept = Heat { rows: 2, cols: 2, data: vec![1.0, 0.0, 1.0, 1.0] };
        assert_eq!(means(&kept, true), [0.5, 1.0]);
        assert_eq!(means(&kept, false), [1.0, 0.5]);
    }

    #[test]
    fn arrows_stay_inside() {
        assert_eq!(moved("ArrowUp", None, 3, 3), Some((0, 0)));
        assert_eq!(moved("ArrowRight", Some((0, 2)), 3, 3), Some((0, 2)));
        assert_eq!(moved("a", Some((0, 2)), 3, 3), None);
    }
}
