//! What this device's products take for a layer of the open model: dense, and with fewer and fewer weights.

use leptos::prelude::*;
use secateur_protocol::{ProductTime, Products};

use crate::figures;
use crate::speed::{self, Beside, Shape};
use crate::state::App;

/// Rows of the layer's input, and where so many come from.
const SAMPLES: [(u32, &str); 3] = [(1, "one token"), (64, "a picture's patches"), (256, "a batch")];

/// What can be timed and what is chosen.
#[derive(Clone, Copy)]
struct Choice {
    shapes: Memo<Vec<Shape>>,
    /// The first one when the open model has none like it.
    shape: Memo<Option<Shape>>,
    wanted: RwSignal<Option<Shape>>,
    samples: RwSignal<u32>,
}

impl Choice {
    fn new(app: App) -> Self {
        let shapes = Memo::new(move |_| {
            app.facts.loaded.with(|loaded| loaded.as_ref().map_or_else(Vec::new, |loaded| speed::shapes(&loaded.graph)))
        });
        let wanted = RwSignal::new(None::<Shape>);
        let shape = Memo::new(move |_| {
            shapes.with(|shapes| wanted.get().filter(|shape| shapes.contains(shape)).or(shapes.first().copied()))
        });
        Self { shapes, shape, wanted, samples: RwSignal::new(SAMPLES[1].0) }
    }
}

pub fn view(app: App) -> impl IntoView {
    let choice = Choice::new(app);
    let products = move || app.facts.products.get();
    let empty =
        || view! { <p class="missing">"Every product that this device has for the layer will be timed here."</p> };
    view! {
        <div class="studio">
            {form(app, choice)}
            <div class="outcome">
                <p class="lead" role="status" data-testid="speed-verdict">
                    {move || products().map(|products| speed::sentence(&products))}
                </p>
                <Show when=move || products().is_some() fallback=empty>
                    {move || products().map(|products| table(&products))}
                </Show>
            </div>
        </div>
    }
}

fn form(app: App, choice: Choice) -> impl IntoView {
    let measure = move || {
        if let Some(shape) = choice.shape.get_untracked() {
            app.time_products(shape, choice.samples.get_untracked());
        }
    };
    view! {
        <form
            class="wish"
            on:submit=move |event| {
                event.prevent_default();
                measure();
            }
        >
            <p>"A layer's product, dense and with fewer and fewer weights: does this device gain from what a cut leaves out?"</p>
            {shape(choice)}
            {samples(choice)}
            <button class="tool main" type="submit" data-testid="speed-measure" disabled=move || !app.is_live()>
                "Measure"
            </button>
            <Show when=move || app.is_emulated()>
                <p class="sub">"This GPU is emulated in software: each kernel is timed once, and it takes a while."</p>
            </Show>
            <p class="sub" data-testid="speed-layers">{move || layers(app)}</p>
        </form>
    }
}

fn shape(choice: Choice) -> impl IntoView {
    let Choice { shapes, shape, wanted, .. } = choice;
    let option = move |(at, one): (usize, Shape)| {
        view! { <option value=at prop:selected=move || shape.get() == Some(one)>{shape_words(&one)}</option> }
    };
    let choose = move |value: String| {
        wanted.set(value.parse::<usize>().ok().and_then(|at| shapes.with_untracked(|shapes| shapes.get(at).copied())));
    };
    view! {
        <label>
            <span>"Layer, outputs × inputs"</span>
            <select data-testid="speed-shape" on:change:target=move |event| choose(event.target().value())>
                {move || shapes.get().into_iter().enumerate().map(option).collect_view()}
            </select>
        </label>
    }
}

/// `512 × 128, 4 layers, 31 % of the work`
fn shape_words(shape: &Shape) -> String {
    let &Shape { outputs, inputs, window, layers, share } = shape;
    let plural = if layers == 1 { "" } else { "s" };
    let size = speed::size_words(outputs, inputs, window);
    format!("{size}, {layers} layer{plural}, {} of the work", figures::percent(share, 0))
}

fn samples(choice: Choice) -> impl IntoView {
    let option = move |(samples, words): (u32, &'static str)| {
        let chosen = move || choice.samples.get() == samples;
        view! { <option value=samples prop:selected=chosen>{format!("{samples}, {words}")}</option> }
    };
    let choose = move |value: String| choice.samples.set(value.parse().unwrap_or(SAMPLES[1].0));
    view! {
        <label>
            <span>"Samples at once"</span>
            <select data-testid="speed-samples" on:change:target=move |event| choose(event.target().value())>
                {SAMPLES.map(option).to_vec()}
            </select>
        </label>
    }
}

/// What the layers of the pruned model got when it was timed last, if nothing was cut since.
fn layers(app: App) -> Option<String> {
    let (digest, timing) = app.facts.timing.get()?;
    let layers = timing.layouts.len();
    app.facts.is_fresh(&digest).then(|| format!("After this cut, {layers} layers: {}.", timing.picked()))
}

fn table(products: &Products) -> impl IntoView + use<> {
    let Products { samples, inputs, outputs, window, repeats, device, times } = products;
    let plural = if *repeats == 1 { "" } else { "s" };
    let noise = if *repeats == 1 { "" } else { "; ≈ is within the noise" };
    let size = format!("{}, {samples} at once", speed::size_words(*outputs, *inputs, *window));
    let caption = format!("{size}, {repeats} run{plural} of each, on {device}{noise}");
    let beside = |time: &ProductTime| speed::beside(products, time);
    let widest = times.iter().filter_map(beside).map(|beside| beside.ratio.log2().abs()).fold(1.0, f64::max);
    let kernels = speed::by_kernel(products).into_iter().map(|(kernel, times)| {
        let rows: Vec<_> = times.into_iter().map(|time| (time.clone(), beside(time))).collect();
        rows_of(kernel.to_string(), rows, widest)
    });
    view! {
        <table class="speeds" data-testid="speed-table">
            <caption>{caption}</caption>
            <thead>
                <tr>
                    <th scope="col">"kernel"</th>
                    <th scope="col">"kept"</th>
                    <th scope="col">"median, " <span>"middle half"</span></th>
                    <th scope="col">"times as fast as dense"</th>
                </tr>
            </thead>
            {kernels.collect_view()}
        </table>
    }
}

/// A kernel's times; bars are as long as the logarithm of the ratio, to the right where it is faster than dense.
fn rows_of(kernel: String, times: Vec<(ProductTime, Option<Beside>)>, widest: f64) -> impl IntoView {
    let span = times.len();
    let name = speed::words(&kernel);
    let row = |(at, (time, beside)): (usize, (ProductTime, Option<Beside>))| {
        let (q1, q3) = (figures::three_digits(time.ms.q1), figures::milliseconds(time.ms.q3));
        let bar = beside.map(|beside| {
            let side = if beside.ratio < 1.0 { "slower" } else { "faster" };
            view! { <i class=side style=format!("--p: {}", beside.ratio.log2().abs() / widest)></i> }
        });
        view! {
            <tr>
                {(at == 0).then(|| view! { <th scope="rowgroup" rowspan=span>{name.clone()}</th> })}
                <td class="number">{figures::percent(time.density, 0)}</td>
                <td class="number">{figures::three_digits(time.ms.median)} " " <small>{format!("{q1} to {q3}")}</small></td>
                <td>
                    <div class="versus">
                        <span class="scale" aria-hidden="true">{bar}</span>
                        <span>{beside.map_or_else(|| "–".into(), |beside| beside.words())}</span>
                    </div>
                </td>
            </tr>
        }
    };
    view! { <tbody data-kernel=kernel>{times.into_iter().enumerate().map(row).collect_view()}</tbody> }
}
