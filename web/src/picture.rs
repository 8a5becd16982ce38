//! Canvases: heat maps and digits.

use std::sync::Arc;

use leptos::html::Canvas;
use leptos::prelude::*;
use secateur_protocol::HeatKind;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::drawings::Rgba;
use crate::heat::{self, Heat, Picture};
use crate::slices::Band;
use crate::state::App;
use crate::{frames, pen};

/// A heat map that is the same only if it is the very same one: cheap to compare.
#[derive(Clone)]
pub struct Same(pub Option<Arc<Heat>>);

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }
}

/// The chosen view of one matrix with its cut laid over it: a small one of what surgery leaves of it, a fine one of all.
/// Redrawn when values, masks, theme or size change.
pub fn heat_canvas(app: App, param: u32, fine: bool) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let key = frames::key();
    let values = Memo::new(move |_| Same(app.facts.heat(param, app.inputs.view.get(), fine)));
    let kept = Memo::new(move |_| Same(app.facts.heat(param, HeatKind::Mask, fine)));
    let left = Memo::new(move |_| if fine { None } else { app.structure.left(param) });
    Effect::new(move |_| {
        app.resized.track();
        let Some(canvas) = canvas.get() else { return };
        let (values, kept, left, dark) = (values.get().0, kept.get().0, left.get(), app.dark.get());
        let kind = app.inputs.view.get();
        frames::later(key, move || {
            // In what is left nothing is cut; cells that cover both would say otherwise.
            let kept = if left.is_some() { None } else { kept.as_deref() };
            let picture = Picture { kind, values: values.as_deref(), kept, left: left.as_ref() };
            draw(&canvas, &picture, dark);
        });
    });
    view! { <canvas class="heat" node_ref=canvas aria-hidden="true"></canvas> }
}

/// Gates as they stand: open ones plain, closed ones striped. `spoken` is what it is for who cannot see it.
pub fn gates(app: App, cells: Memo<Same>, spoken: impl Fn() -> String + Send + Sync + 'static) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let key = frames::key();
    Effect::new(move |_| {
        app.resized.track();
        let (Some(canvas), cells, dark) = (canvas.get(), cells.get().0, app.dark.get()) else { return };
        frames::later(key, move || {
            let picture = Picture { kind: HeatKind::Mask, values: None, kept: cells.as_deref(), left: None };
            draw(&canvas, &picture, dark);
        });
    });
    view! { <canvas class="heat" node_ref=canvas role="img" aria-label=spoken></canvas> }
}

fn draw(canvas: &HtmlCanvasElement, picture: &Picture, dark: bool) {
    let ratio = window().device_pixel_ratio().clamp(1.0, 2.0);
    let pixels = |css: i32| (f64::from(css) * ratio).round().clamp(0.0, 1400.0) as usize;
    let (width, height) = (pixels(canvas.client_width()), pixels(canvas.client_height()));
    if width == 0 || height == 0 || (picture.values.is_none() && picture.kept.is_none()) {
        return;
    }
    let palette = if dark { &heat::DARK } else { &heat::LIGHT };
    let rgba = heat::paint(picture, palette, width, height, (5.0 * ratio) as usize);
    put(canvas, rgba, width as u32, height as u32);
}

/// What goes with the unit that is looked at, as bands over a matrix's canvas.
pub fn unit_bands(app: App, param: u32, fine: bool) -> impl IntoView {
    let bands = Memo::new(move |_| {
        let left = if fine { None } else { app.structure.left(param) };
        app.structure.bands(param, left.as_ref())
    });
    let one = |Band { rows, from, to }: Band| {
        let (class, start, size) = if rows { ("band rows", "top", "height") } else { ("band cols", "left", "width") };
        let place = format!("{start}:{:.3}%;{size}:{:.3}%", from * 100.0, (to - from) * 100.0);
        view! { <i class=class style=place></i> }
    };
    move || bands.get().into_iter().map(one).collect_view()
}

/// One 28 x 28 digit in ink on nothing, so it stands on any paper.
pub fn digit_canvas(app: App, pixels: impl Fn() -> Option<Vec<u8>> + 'static) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let key = frames::key();
    Effect::new(move |_| {
        let (Some(canvas), Some(grey)) = (canvas.get(), pixels()) else { return };
        let ink = if app.dark.get() { [236, 234, 226] } else { [26, 34, 31] };
        frames::later(key, move || {
            let rgba = grey.iter().flat_map(|&alpha| [ink[0], ink[1], ink[2], alpha]).collect();
            put(&canvas, rgba, pen::SIDE as u32, pen::SIDE as u32);
        });
    });
    view! { <canvas class="digit" width="28" height="28" node_ref=canvas aria-hidden="true"></canvas> }
}

/// A small picture pixel by pixel; the style sheet makes it large. `spoken` is what it is for who cannot see it.
pub fn raster(
    spoken: impl Fn() -> String + Send + Sync + 'static,
    picture: impl Fn() -> Option<Rgba> + 'static,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let key = frames::key();
    Effect::new(move |_| {
        let (Some(canvas), Some(Rgba { width, height, pixels })) = (canvas.get(), picture()) else { return };
        frames::later(key, move || put(&canvas, pixels, width as u32, height as u32));
    });
    view! { <canvas class="raster" node_ref=canvas role="img" aria-label=spoken></canvas> }
}

fn put(canvas: &HtmlCanvasElement, rgba: Vec<u8>, width: u32, height: u32) {
    canvas.set_width(width);
    canvas.set_height(height);
    let context = canvas.get_context("2d").ok().flatten().map(JsCast::unchecked_into::<CanvasRenderingContext2d>);
    if let (Some(context), Ok(data)) = (context, ImageData::new_with_u8_clamped_array(Clamped(&rgba), width)) {
        // Fails only on a canvas of another origin, which this one is not.
        let _ = context.put_image_data(&data, 0.0, 0.0);
    }
}
