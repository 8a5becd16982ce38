//! Zeroing is removing: for every golden and every kind of unit, at random legal cuts, the model whose gates are 0, the model
//! whose masks are 0 and the smaller model answer the same.
//!
//! `SECATEUR_CUTS=200 cargo test -p secateur-tests --test units -- --nocapture` draws so many of each and prints the table.

use std::collections::{BTreeMap, BTreeSet};

use pollster::block_on;
use secateur_exec::rng::Rng;
use secateur_exec::{Compute, Gates};
use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::surgery::Removal;
use secateur_tests::{Array, Family, Opened};

/// Largest difference of an answer, relative to its largest entry.
const NEAR: f32 = 1e-5;

/// The tokens of the texts that a model is given.
fn read(inputs: &[Array]) -> BTreeSet<u32> {
    let texts = inputs.iter().filter(|input| input.name == "tokens");
    texts.flat_map(|text| text.values.iter().map(|token| *token as u32)).collect()
}

/// Some units of some groups of one kind; at least one. Tokens that are read stay: without them there is nothing to compare.
fn draw(groups: &[Group], kind: UnitKind, read: &BTreeSet<u32>, rng: &mut Rng) -> Removal {
    let of_kind: Vec<usize> = (0..groups.len()).filter(|at| groups[*at].kind == kind).collect();
    let sure = of_kind[rng.below(of_kind.len())];
    let taken = of_kind.into_iter().filter(|at| *at == sure || rng.uniform() < 0.5).collect::<Vec<_>>();
    taken.into_iter().map(|at| (at, units(&groups[at], read, rng))).collect()
}

/// A legal number of a group's units, the same of each bin, at random.
fn units(group: &Group, read: &BTreeSet<u32>, rng: &mut Rng) -> Vec<u32> {
    let bins = group.bin_count();
    let stay = if group.kind == UnitKind::Tokens { read.len() } else { 0 };
    let counts: Vec<usize> = group.legal_counts().skip(1).filter(|gone| gone + stay <= group.units).collect();
    let each = counts[rng.below(counts.len())] / bins;
    let mut all: Vec<u32> = (0..group.units as u32).filter(|unit| stay == 0 || !read.contains(unit)).collect();
    rng.shuffle(&mut all);
    let mut taken = vec![0; bins];
    all.retain(|unit| {
        let taken = &mut taken[group.bin(*unit)];
        *taken += 1;
        *taken <= each
    });
    all
}

/// The largest difference of all outputs.
fn difference(want: &BTreeMap<String, Vec<f32>>, got: &BTreeMap<String, Vec<f32>>) -> f32 {
    assert!(want.keys().eq(got.keys()));
    let of = |(want, got): (&Vec<f32>, &Vec<f32>)| {
        let largest = want.iter().fold(f32::MIN_POSITIVE, |largest, want| largest.max(want.abs()));
        let off = want.iter().zip(got).map(|(want, got)| (want - got).abs());
        off.fold(0.0, |worst: f32, off| if off.is_nan() { f32::INFINITY } else { worst.max(off) }) / largest
    };
    want.values().zip(got.values()).map(of).fold(0.0, f32::max)
}

/// What is asked of the model without some tokens, by their new numbers.
fn renumbered(inputs: &[Array], gone: &[u32]) -> Vec<Array> {
    let mut inputs = inputs.to_vec();
    for text in inputs.iter_mut().filter(|input| input.name == "tokens") {
        let before = |token: f32| gone.iter().filter(|gone| (**gone as f32) < token).count() as f32;
        text.values.iter_mut().for_each(|token| *token -= before(*token));
    }
    inputs
}

/// Of answers about every token those about tokens that are left; `vocabulary`: how many there were.
fn about(mut answers: BTreeMap<String, Vec<f32>>, gone: &[u32], vocabulary: usize) -> BTreeMap<String, Vec<f32>> {
    if let Some(logits) = answers.get_mut("logits").filter(|_| !gone.is_empty()) {
        let mut at = 0..;
        logits.retain(|_| !gone.contains(&((at.next().unwrap_or(0) % vocabulary) as u32)));
    }
    answers
}

/// How far the masked model and the model with gates are from the smaller one.
fn differences(opened: &Opened, inputs: &[Array], groups: &[Group], removal: &Removal) -> (f32, f32) {
    let graph = &opened.model.graph;
    let tokens = removal.iter().find(|(at, _)| groups[**at].kind == UnitKind::Tokens);
    let (gone, vocabulary) = tokens.map_or((&[][..], 0), |(at, gone)| (gone, groups[*at].units));
    let answers_tokens = tokens.is_some_and(|(at, _)| !groups[*at].values.is_empty());
    let shared = |answers| about(answers, if answers_tokens { gone } else { &[] }, vocabulary);
    let small = block_on(opened.cut(groups, removal).outputs(&renumbered(inputs, gone)));
    let mut gates = Gates::default();
    for (at, gone) in removal {
        let open: Vec<f32> = (0..groups[*at].units as u32).map(|unit| f32::from(!gone.contains(&unit))).collect();
        gates.add(&opened.compute, graph, &groups[*at], &open);
    }
    let gated = shared(block_on(opened.outputs_gated(inputs, &gates)));
    let gone = removal.iter().flat_map(|(at, gone)| gone.iter().map(|unit| (*at, *unit as usize)));
    let by_zeros = gone.into_iter().all(|(at, unit)| groups[at].skips.get(unit).is_none_or(|skip| skip.by_zeros));
    let masked = by_zeros.then(|| {
        let masks = graph.unit_masks(groups, removal).unwrap();
        shared(block_on(opened.with(opened.params.masked(&opened.compute, graph, &masks).unwrap()).outputs(inputs)))
    });
    (masked.map_or(0.0, |masked| difference(&masked, &small)), difference(&gated, &small))
}

#[test]
fn gated_masked_and_smaller_models_answer_the_same() {
    let cuts: usize = std::env::var("SECATEUR_CUTS").map_or(2, |cuts| cuts.parse().expect("a number of cuts"));
    let cpu = Compute::cpu(String::new());
    let (mut wrong, mut count) = (Vec::new(), 0);
    for family in Family::all() {
        let (opened, inputs) = (block_on(family.open(&cpu)), family.inputs());
        let (groups, read) = (opened.model.graph.groups(), read(&inputs));
        for kind in UnitKind::ALL.into_iter().filter(|kind| groups.iter().any(|group| group.kind == *kind)) {
            let mut worst = (0.0, 0.0);
            for step in 0..cuts {
                let mut rng = Rng::keyed(0, "units-test", step as u64, &format!("{}/{}", family.name, kind.word()));
                let removal = draw(&groups, kind, &read, &mut rng);
                let (masked, gated) = differences(&opened, &inputs, &groups, &removal);
                worst = (f32::max(worst.0, masked), f32::max(worst.1, gated));
                if masked.max(gated) > NEAR {
                    wrong.push(format!("{} {} {removal:?}: {masked:.1e} {gated:.1e}", family.name, kind.word()));
                }
                count += 1;
            }
            println!(
                "{:<28} {:<10} {cuts} cuts, masked {:.1e}, gated {:.1e}",
                family.name,
                kind.word(),
                worst.0,
                worst.1
            );
        }
    }
    println!("{count} cuts");
    assert!(wrong.is_empty(), "{} of {count}: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}
