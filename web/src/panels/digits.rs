//! Test digits and a drawn one, read by the dense and the pruned model.

use leptos::prelude::*;
use secateur_protocol::Prediction;

use crate::figures;
use crate::picture::digit_canvas;
use crate::state::App;

mod draw;

/// Samples of the test split; "another twelve" goes round.
const TEST_DIGITS: u32 = 1000;

pub fn view(app: App) -> impl IntoView {
    let count = Memo::new(move |_| app.facts.digits.with(|digits| digits.as_ref().map_or(0, |d| d.items.len())));
    let others = move |_| {
        let shown = count.get_untracked().max(1) as u32;
        app.inputs.picked.set(None);
        app.inputs.first_digit.update(|first| *first = (*first + shown) % (TEST_DIGITS - TEST_DIGITS % shown));
        app.predict_test();
    };
    let seen = move || app.sees_pictures();
    let unseen = || view! { <p class="aside">"This model does not classify pictures, so there are no digits to show it."</p> };
    view! {
        <Show when=seen fallback=unseen>
        <div class="sheet">
            <p class="digits-head">
                <span>{move || tally(app)}</span>
                <button class="quiet" data-testid="other-digits" disabled=move || app.facts.recorded.get() on:click=others>
                    "Other digits"
                </button>
            </p>
            <div class="grid">{move || (0..count.get()).map(|at| card(app, at)).collect_view()}</div>
        </div>
        {draw::view(app)}
        {probabilities(app)}
        </Show>
    }
}

fn item(app: App, at: usize) -> Option<Prediction> {
    app.facts.digits.with(|digits| digits.as_ref()?.items.get(at).cloned())
}

/// The class a model finds likeliest, and how likely; ties to the lower class.
pub(super) fn best(probabilities: &[f32]) -> Option<(usize, f32)> {
    let better = |a: (usize, f32), b: (usize, f32)| if b.1 > a.1 { b } else { a };
    probabilities.iter().copied().enumerate().reduce(better)
}

/// Whether the model's classes are the digits, so that right and wrong mean something.
pub(super) fn knows_digits(app: App) -> bool {
    app.facts.loaded.with(|loaded| {
        loaded.as_ref().is_some_and(|l| l.labels.len() == 10 && l.labels.iter().enumerate().all(|(n, label)| *label == n.to_string()))
    })
}

fn tally(app: App) -> String {
    let digits = app.facts.digits.get();
    let Some(digits) = digits else { return "Waiting for the first digits.".into() };
    let of = digits.items.len();
    if !knows_digits(app) {
        let same = digits.items.iter().filter(|i| best(&i.dense).map(|b| b.0) == best(&i.pruned).map(|b| b.0)).count();
        return format!("The pruned model agrees with the dense one on {same} of these {of}.");
    }
    let right = |pick: fn(&Prediction) -> &Vec<f32>| {
        let right = |item: &&Prediction| best(pick(item)).map(|b| b.0) == item.test.map(|(_, class)| usize::from(class));
        digits.items.iter().filter(right).count()
    };
    format!("Right on these {of}: dense {}, pruned {}.", right(|item| &item.dense), right(|item| &item.pruned))
}

fn card(app: App, at: usize) -> impl IntoView {
    let item = Memo::new(move |_| item(app, at));
    let image = Memo::new(move |_| app.facts.digits.with(|digits| digits.as_ref()?.picture(at)));
    let truth = move || item.get().and_then(|item| item.test).map(|(_, class)| usize::from(class));
    let judged = move |pick: fn(&Prediction) -> &Vec<f32>| {
        let (class, sure) = best(pick(&item.get()?))?;
        let right = if knows_digits(app) { truth().is_none_or(|truth| truth == class) } else { best(&item.get()?.dense)?.0 == class };
        Some((app.class_name(class), sure, right))
    };
    let wrong = move || {
        let wrong = |name, judged: Option<(String, f32, bool)>| judged.filter(|j| !j.2).map(|_| name);
        let list = [wrong("dense", judged(|i| &i.dense)), wrong("pruned", judged(|i| &i.pruned))];
        list.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let spoken = move || {
        let say = |judged: Option<(String, f32, bool)>| judged.map_or("unknown".into(), |(name, sure, right)| {
            format!("{name}, {} sure, {}", figures::percent(sure.into(), 0), if right { "right" } else { "wrong" })
        });
        let truth = truth().map_or(String::new(), |truth| truth.to_string());
        format!("Digit {truth}. Dense says {}. Pruned says {}.", say(judged(|i| &i.dense)), say(judged(|i| &i.pruned)))
    };
    let picked = move || app.inputs.picked.get() == Some(at);
    let pick = move |_| app.inputs.picked.set((app.inputs.picked.get_untracked() != Some(at)).then_some(at));
    view! {
        <button
            class="card"
            data-testid=format!("digit-{at}")
            data-wrong=wrong
            aria-label=spoken
            aria-pressed=move || picked().to_string()
            on:click=pick
        >
            {digit_canvas(app, move || image.get())}
            {verdict("dense", move || judged(|item| &item.dense))}
            {verdict("pruned", move || judged(|item| &item.pruned))}
        </button>
    }
}

/// One model's answer: class, mark, certainty as a bar.
pub(super) fn verdict(model: &'static str, judged: impl Fn() -> Option<(String, f32, bool)> + Copy + Send + Sync + 'static) -> impl IntoView {
    let right = move || judged().is_none_or(|(_, _, right)| right);
    view! {
        <span class=format!("verdict-line {model}") class:wrong=move || !right()>
            <b>{move || judged().map(|(name, ..)| name)}</b>
            <i style=move || format!("--p: {}", judged().map_or(0.0, |(_, sure, _)| sure))></i>
            <em>{move || if right() { "" } else { "✕" }}</em>
        </span>
    }
}

/// Paired bars for the digit picked, the drawn one, or the first: classes with the highest probability of either model.
fn probabilities(app: App) -> impl IntoView {
    let shown = Memo::new(move |_| {
        let drawn = app.facts.drawn.with(|drawn| drawn.as_ref()?.items.first().cloned());
        match (app.inputs.picked.get(), drawn) {
            (None, Some(drawn)) => Some((drawn, "your drawing".to_string())),
            (picked, _) => {
                let item = item(app, picked.unwrap_or(0))?;
                let name = item.test.map_or(String::new(), |(index, class)| format!("test digit {index}, a {class}"));
                Some((item, name))
            }
        }
    });
    let row = move |class: usize, dense: f32, pruned: f32| {
        let say = |p: f32| figures::percent(p.into(), if p < 0.0995 { 1 } else { 0 });
        view! {
            <tr>
                <th scope="row">{app.class_name(class)}</th>
                <td>
                    <i class="dense" style=format!("--p: {dense}")></i>
                    <i class="pruned" style=format!("--p: {pruned}")></i>
                </td>
                <td class="number">{say(dense)}</td>
                <td class="number">{say(pruned)}</td>
            </tr>
        }
    };
    let rows = move || {
        let (item, _) = shown.get()?;
        Some(likeliest(&item, 10).into_iter().map(|(class, dense, pruned)| row(class, dense, pruned)).collect_view())
    };
    view! {
        <table class="bars" data-testid="probabilities">
            <caption>"How sure, for " {move || shown.get().map(|(_, name)| name)}</caption>
            <thead>
                <tr>
                    <th scope="col"><span class="hidden">"Class"</span></th>
                    <td></td>
                    <th scope="col" class="dense">"dense"</th>
                    <th scope="col" class="pruned">"pruned"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// At most `most` classes, those either model finds likeliest, in class order.
fn likeliest(item: &Prediction, most: usize) -> Vec<(usize, f32, f32)> {
    let both = item.dense.iter().zip(&item.pruned).enumerate().map(|(class, (dense, pruned))| (class, *dense, *pruned));
    let mut rows: Vec<_> = both.collect();
    rows.sort_by(|a, b| b.1.max(b.2).total_cmp(&a.1.max(a.2)).then(a.0.cmp(&b.0)));
    rows.truncate(most);
    rows.sort_by_key(|row| row.0);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_class_wins_and_ties_go_to_the_lower() {
        assert_eq!(best(&[0.2, 0.5, 0.5]), Some((1, 0.5)));
        assert_eq!(best(&[]), None);
        assert_eq!(best(&[f32::NAN, 0.1]).map(|b| b.0), Some(0));
    }

    #[test]
    fn many_classes_are_cut_to_those_that_matter() {
        let mut item = Prediction { test: None, dense: vec![0.001; 1000], pruned: vec![0.001; 1000] };
        (item.dense[700], item.pruned[3]) = (0.9, 0.8);
        let rows = likeliest(&item, 3);
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [0, 3, 700]);
    }
}
