//! The pictures of both models side by side, and the steps on their way from noise.

use leptos::prelude::*;

use crate::drawings::Drawings;
use crate::picture::raster;
use crate::state::App;

/// What a drawing looks like from outside; changes seldom, unlike its pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Frame {
    /// Pictures of each model.
    count: usize,
    steps: u32,
    /// The step on screen and its place among those kept.
    step: u32,
    place: usize,
}

impl Frame {
    fn of(drawings: &Drawings, held: Option<u32>) -> Self {
        let place = drawings.place(held);
        let step = drawings.step(place).unwrap_or(0);
        Self { count: drawings.sizes.count, steps: drawings.sizes.steps, step, place }
    }
}

/// `held` is the step to stay at; none follows the newest.
pub fn view(app: App, held: RwSignal<Option<u32>>) -> impl IntoView {
    let frame = Memo::new(move |_| {
        let held = held.get();
        app.facts.drawings.with(|all| all.as_ref().map_or_else(Frame::default, |all| Frame::of(all, held)))
    });
    let empty = || view! { <p class="missing">"Both models will draw here, from the same noise."</p> };
    view! {
        <Show when=move || frame.get().count != 0 fallback=empty>
            <div class:stale=move || !is_fresh(app)>
                <div class="sides">{side(app, false, frame)} {side(app, true, frame)}</div>
                {slider(app, frame, held)}
            </div>
        </Show>
        <p class="hidden" role="status">{move || spoken(app, frame.get().count)}</p>
    }
}

fn is_fresh(app: App) -> bool {
    app.facts.drawings.with(|all| all.as_ref().is_some_and(|all| app.facts.is_fresh(&all.cut)))
}

fn spoken(app: App, count: usize) -> Option<String> {
    let done = app.facts.drawings.with(|all| all.as_ref().is_some_and(Drawings::is_done));
    done.then(|| format!("Both models have drawn; pictures of each: {count}."))
}

fn side(app: App, pruned: bool, frame: Memo<Frame>) -> impl IntoView {
    let model = if pruned { "pruned" } else { "dense" };
    let count = Memo::new(move |_| frame.get().count);
    let picture = move |index: usize| {
        let spoken = move || {
            let Frame { count, steps, step, .. } = frame.get();
            format!("{model} picture {} of {count}, step {step} of {steps}", index + 1)
        };
        let shown = move || {
            let place = frame.get().place;
            app.facts.drawings.with(|all| all.as_ref()?.picture(place, pruned, index))
        };
        raster(spoken, shown)
    };
    view! {
        <div class="side">
            <h3 class=model>{model}</h3>
            <div class="pictures" data-testid=format!("painted-{model}")>
                {move || (0..count.get()).map(picture).collect_view()}
            </div>
        </div>
    }
}

fn slider(app: App, frame: Memo<Frame>, held: RwSignal<Option<u32>>) -> impl IntoView {
    let words = move || format!("step {} of {}", frame.get().step, frame.get().steps);
    let moved = move |value: String| {
        let newest = app.facts.drawings.with_untracked(|all| all.as_ref().and_then(Drawings::last));
        held.set(value.parse().ok().filter(|step| Some(*step) < newest));
    };
    view! {
        <label class="way">
            <span aria-hidden="true">"noise"</span>
            <input
                type="range"
                min="0"
                max=move || frame.get().steps
                step="1"
                data-testid="step"
                aria-label="Steps from noise to picture"
                aria-valuetext=words
                prop:value=move || frame.get().step.to_string()
                on:input:target=move |event| moved(event.target().value())
            />
            <output data-testid="step-words">{words}</output>
        </label>
    }
}
