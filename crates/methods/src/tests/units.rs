//! Cuts of whole units: exact counts, budgets that hold, wishes that are granted.

use secateur_graph::Builder;
use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::ops::{Embedding, Input, Linear};
use secateur_graph::surgery::Statistics;

use super::world::{World, cutting, recipe};
use crate::MethodError;

fn groups_of(world: &World, kind: UnitKind) -> Vec<(usize, Group)> {
    world.graph.groups().into_iter().enumerate().filter(|(_, group)| group.kind == kind).collect()
}

#[test]
fn every_group_loses_its_share_by_every_method() {
    for mut world in World::all() {
        for method in cutting() {
            for kind in [UnitKind::Neurons, UnitKind::Heads, UnitKind::Channels, UnitKind::Width] {
                let groups = groups_of(&world, kind);
                let settings = format!("pattern=unit units={} share=uniform sparsity=0.5", kind.word());
                let outcome = world.run(&recipe(&method, 5, &settings));
                if groups.is_empty() {
                    assert!(matches!(outcome, Err(MethodError::NoUnits { .. })), "{method} {}", kind.word());
                    continue;
                }
                let outcome = outcome.unwrap();
                for (at, group) in &groups {
                    let gone = outcome.removal.get(at).map_or(0, Vec::len);
                    assert_eq!(gone, group.nearest(group.units / 2), "{method}: {}", group.name());
                }
                assert_eq!(outcome.removal.len(), groups.len());
                let zeros = world.graph.unit_masks(&world.graph.groups(), &outcome.removal).unwrap();
                for (id, mask) in zeros.iter() {
                    assert_eq!(outcome.masks.get(id), Some(mask), "{}", world.graph.param(id).name);
                }
                let again = world.run(&recipe(&method, 5, &settings)).unwrap();
                assert_eq!(world.told(&again), world.told(&outcome), "the same recipe, the same cut");
            }
        }
    }
}

#[test]
fn nothing_goes_at_zero() {
    for mut world in World::all() {
        let outcome = world.run(&recipe("magnitude", 0, "pattern=unit units=neurons sparsity=0")).unwrap();
        assert!(outcome.removal.is_empty() && outcome.masks.count_pruned() == 0);
    }
}

#[test]
fn budgets_are_met_and_not_wasted() {
    for mut world in World::all() {
        let groups = world.graph.groups();
        for (budget, target) in [("params", 0.7), ("macs", 0.6)] {
            for share in ["uniform", "global"] {
                let settings = format!("pattern=unit units=neurons budget={budget} target={target} share={share}");
                let outcome = world.run(&recipe("magnitude", 0, &settings)).unwrap();
                let left = |removal| {
                    let cut = world.graph.cut(&groups, removal, Statistics::Kept).unwrap().graph;
                    match budget {
                        "params" => cut.params_total() as f64 / world.graph.params_total() as f64,
                        _ => cut.macs() as f64 / world.graph.macs() as f64,
                    }
                };
                let met = left(&outcome.removal) <= target;
                assert_ne!(met, !outcome.notes.is_empty(), "{budget} {share}: a budget is met or that is said");
                if share == "uniform" {
                    for (at, group) in groups_of(&world, UnitKind::Neurons) {
                        let gone = |at: &usize| outcome.removal.get(at).map_or(0, Vec::len);
                        let alike =
                            groups_of(&world, UnitKind::Neurons).into_iter().filter(|(_, it)| it.units == group.units);
                        assert!(
                            alike.into_iter().all(|(other, _)| gone(&other) == gone(&at)),
                            "{budget}: {}",
                            group.name()
                        );
                    }
                }
                // With one unit of each group back, it would not be.
                let mut fewer = outcome.removal.clone();
                fewer.values_mut().for_each(|units| {
                    units.pop();
                });
                assert!(!met || left(&fewer) > target, "{budget} {share}: more went than had to");
            }
        }
    }
}

#[test]
fn wishes_are_granted() {
    let [mut world, _] = World::all();
    let (at, group) = groups_of(&world, UnitKind::Neurons).remove(0);
    let all = (0..group.units as u32).map(|unit| unit.to_string()).collect::<Vec<_>>();
    let mut gone = |wishes: &str| {
        let outcome = world.run(&recipe("magnitude", 0, &format!("pattern=unit units=neurons {wishes}"))).unwrap();
        outcome.removal.get(&at).cloned().unwrap_or_default()
    };
    assert_eq!(gone(&format!("sparsity=0 remove={at}:3,1")), [1, 3]);
    assert_eq!(gone(&format!("sparsity=0 counts={at}:5")).len(), 5);
    let spared = gone(&format!("sparsity=0.5 protect={at}:{}", all[..group.units - 1].join(",")));
    assert_eq!(spared, [group.units as u32 - 1]);
    assert_eq!((group.units - gone("sparsity=0.4 multiple=8").len()) % 8, 0);
}

#[test]
fn wishes_that_make_no_sense_are_told() {
    let [mut world, _] = World::all();
    let mut said = |wishes: &str| {
        let settings = format!("pattern=unit units=neurons {wishes}");
        world.run(&recipe("magnitude", 0, &settings)).unwrap_err().to_string()
    };
    assert!(said("remove=1").contains("wanted GROUP:NUMBER"), "{}", said("remove=1"));
    assert!(said("remove=99:1").contains("there is no group 99"), "{}", said("remove=99:1"));
}

/// A language model of 12 tokens with a tied head, and texts that hold the first 7 of them.
fn reader() -> World {
    let mut g = Builder::default();
    let ids = g.add("tokens", Input::new(&[6]), &[]).unwrap();
    let table = g.add("embed", Embedding { entries: 12, features: 8 }, &[ids]).unwrap();
    let x = g.add("mix", Linear::new(8, 8, true), &[table]).unwrap();
    let logits = g.tie("head", Linear::new(8, 12, false), &[x], table).unwrap();
    let mut world = World::new(g.finish(logits));
    world.inputs.iter_mut().enumerate().for_each(|(at, token)| *token = (at % 7) as f32);
    world
}

#[test]
fn tokens_that_no_text_has_go_first_by_activations_and_needed_ones_never() {
    let mut world = reader();
    let [(at, _)] = &groups_of(&world, UnitKind::Tokens)[..] else { panic!("one group") };
    let gone = |world: &mut World, method, settings: &str| {
        let recipe = recipe(method, 3, &format!("pattern=unit units=tokens {settings}"));
        world.run(&recipe).unwrap().removal.remove(at).unwrap_or_default()
    };
    assert_eq!(gone(&mut world, "wanda", "sparsity=0.42"), [7, 8, 9, 10, 11]);
    let by_size = gone(&mut world, "magnitude", "sparsity=0.42");
    assert!(by_size.len() == 5 && by_size != [7, 8, 9, 10, 11], "{by_size:?}");
    world.vocabulary.needed.insert(9, "it is a special token".into());
    let spared = gone(&mut world, "wanda", "sparsity=0.42");
    assert!(spared.len() == 5 && !spared.contains(&9), "{spared:?}");
    assert_eq!(gone(&mut world, "magnitude", "sparsity=0.99").len(), 11, "all but the one that is needed");
    // Token 11 is 7 and 8 joined: without one of them nothing could be written with it.
    world.vocabulary.merges = vec![[7, 8, 11]];
    let leaves = gone(&mut world, "wanda", "sparsity=0.17");
    assert_eq!(leaves, [10, 11], "no text has one of 7, 8, 10, 11");
    let wish = recipe("magnitude", 0, &format!("pattern=unit units=tokens sparsity=0 remove={at}:9"));
    let said = world.run(&wish).unwrap_err().to_string();
    assert!(
        said.contains("token 9 cannot go, because it is a special token; the nearest that can go is token 8"),
        "{said}"
    );
}
