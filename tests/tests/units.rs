//! Zeroing is removing: for every golden and every kind of unit, at random legal cuts, the model whose gates are 0, the model
//! whose masks are 0 and the smaller model answer the same.
//!
//! `SECATEUR_CUTS=200 cargo test -p secateur-tests --test units -- --nocapture` draws so many of each and prints the table.

use std::collections::BTreeMap;

use pollster::block_on;
use secateur_exec::rng::Rng;
use secateur_exec::{Compute, Gates};
use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::surgery::Removal;
use secateur_tests::{Array, Family, Opened};

/// Largest difference of an answer, relative to its largest entry.
const NEAR: f32 = 1e-5;

/// Some units of some groups of one kind; at least one.
fn draw(groups: &[Group], kind: UnitKind, rng: &mut Rng) -> Removal {
    let of_kind: Vec<usize> = (0..groups.len()).filter(|at| groups[*at].kind == kind).collect();
    let sure = of_kind[rng.below(of_kind.len())];
    let taken = of_kind.into_iter().filter(|at| *at == sure || rng.uniform() < 0.5).collect::<Vec<_>>();
    taken.into_iter().map(|at| (at, units(&groups[at], rng))).collect()
}

/// A legal number of a group's units, the same of each bin, at random.
fn units(group: &Group, rng: &mut Rng) -> Vec<u32> {
    let bins = group.bin_count();
    let counts: Vec<usize> = group.legal_counts().skip(1).collect();
    let each = counts[rng.below(counts.len())] / bins;
    let mut all: Vec<u32> = (0..group.units as u32).collect();
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

/// How far the masked model and the model with gates are from the smaller one.
fn differences(opened: &Opened, inputs: &[Array], groups: &[Group], removal: &Removal) -> (f32, f32) {
    let graph = &opened.model.graph;
    let small = block_on(opened.cut(groups, removal).outputs(inputs));
    let mut gates = Gates::default();
    for (at, gone) in removal {
        let open: Vec<f32> = (0..groups[*at].units as u32).map(|unit| f32::from(!gone.contains(&unit))).collect();
        gates.add(&opened.compute, graph, &groups[*at], &open);
    }
    let gated = block_on(opened.outputs_gated(inputs, &gates));
    let gone = removal.iter().flat_map(|(at, gone)| gone.iter().map(|unit| (*at, *unit as usize)));
    let by_zeros = gone.into_iter().all(|(at, unit)| groups[at].skips.get(unit).is_none_or(|skip| skip.by_zeros));
    let masked = by_zeros.then(|| {
        let masks = graph.unit_masks(groups, removal).unwrap();
        block_on(opened.with(opened.params.masked(&opened.compute, graph, &masks).unwrap()).outputs(inputs))
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
        let groups = opened.model.graph.groups();
        for kind in UnitKind::ALL.into_iter().filter(|kind| groups.iter().any(|group| group.kind == *kind)) {
            let mut worst = (0.0, 0.0);
            for step in 0..cuts {
                let mut rng = Rng::keyed(0, "units-test", step as u64, &format!("{}/{}", family.name, kind.word()));
                let removal = draw(&groups, kind, &mut rng);
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
