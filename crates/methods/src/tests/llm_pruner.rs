//! LLM-Pruner: which units go, what stays whole, and what training leaves of the cut.

use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::ops::{Activation, Input, Linear, Mul};
use secateur_graph::surgery::Statistics;
use secateur_graph::{Builder, Graph};
use serde_json::Value as Json;

use super::world::{World, recipe};

fn gated() -> Graph {
    let mut g = Builder::default();
    let x = g.add("features", Input::new(&[6]), &[]).unwrap();
    let gate = g.add("gate", Linear::new(6, 8, false), &[x]).unwrap();
    let gate = g.add("silu", Activation::Silu, &[gate]).unwrap();
    let up = g.add("up", Linear::new(6, 8, false), &[x]).unwrap();
    let hidden = g.add("hidden", Mul, &[gate, up]).unwrap();
    let out = g.add("down", Linear::new(8, 5, false), &[hidden]).unwrap();
    g.finish(out)
}

/// tests/golden/methods/structural.py: of every size of cut the same neurons.
#[test]
fn neurons_go_in_the_order_of_the_published_scores() {
    let golden: Json = serde_json::from_str(include_str!("../../../../tests/golden/methods/structural.json")).unwrap();
    let list = |json: &Json| -> Vec<f32> { serde_json::from_value(json.clone()).unwrap() };
    let mut world = World::new(gated());
    for name in ["gate", "up", "down"] {
        let id = world.graph.find_param(&format!("{name}.weight")).unwrap();
        world.params.upload(&world.compute, &world.graph, id, list(&golden["weights"][name])).unwrap();
    }
    (world.inputs, world.samples) = (list(&golden["inputs"]), 10);
    for importance in ["vector", "element1", "element2", "mixed"] {
        for members in ["sum", "product", "max", "last"] {
            let scores = list(&golden["scores"][importance][members]);
            let mut order: Vec<u32> = (0..8).collect();
            order.sort_by(|a, b| scores[*a as usize].total_cmp(&scores[*b as usize]));
            for gone in 1..8_usize {
                let ratio = gone as f64 / 8.0;
                let settings = format!(
                    "units=neurons importance={importance} members={members} sparsity={ratio} first=0 last=0 recovery=none"
                );
                let outcome = world.run(&recipe("llm-pruner", 0, &settings)).unwrap();
                let mut want = order[..gone].to_vec();
                want.sort_unstable();
                assert_eq!(outcome.removal.values().next(), Some(&want), "{importance} {members} {gone}: {scores:?}");
            }
        }
    }
}

/// Of every group of the kinds what part of it goes, and the block that it is in.
fn shares(world: &World, settings: &str) -> Vec<(u32, usize, usize)> {
    let mut world =
        World { cache: crate::Cache::default(), params: world.params.clone(), ..World::new(world.graph.clone()) };
    let outcome = world.run(&recipe("llm-pruner", 0, settings)).unwrap();
    let groups = world.graph.groups();
    let wanted = |(_, group): &(usize, &Group)| matches!(group.kind, UnitKind::Heads | UnitKind::Neurons);
    let of = |(at, group): (usize, &Group)| {
        let block = world.graph.node(world.graph.param(group.members[0].param).node).block;
        (block, group.units, outcome.removal.get(&at).map_or(0, Vec::len))
    };
    groups.iter().enumerate().filter(wanted).map(of).collect()
}

#[test]
fn first_and_last_blocks_stay_whole_and_the_others_lose_their_share() {
    let [world, _] = World::all();
    for (settings, whole) in [("first=1 last=0", 1), ("first=0 last=1", 2)] {
        for (block, units, gone) in shares(&world, &format!("sparsity=0.5 recovery=none samples=4 {settings}")) {
            assert_eq!(gone, if block == whole { 0 } else { units / 2 }, "{settings}: block {block}");
        }
    }
    assert!(
        shares(&world, "sparsity=0.5 recovery=none samples=4").iter().all(|(_, _, gone)| *gone == 0),
        "there are only two"
    );
}

#[test]
fn steps_reach_the_same_count_and_keep_what_is_gone() {
    let [mut world, _] = World::all();
    let mut run = |settings: &str| {
        let settings = format!("units=neurons sparsity=0.5 first=0 last=0 recovery=none samples=6 {settings}");
        world.run(&recipe("llm-pruner", 0, &settings)).unwrap().removal
    };
    let (half, once, twice) = (run("sparsity=0.25"), run(""), run("iterations=2"));
    for (at, gone) in &twice {
        assert_eq!(gone.len(), once[at].len());
        assert!(half[at].iter().all(|unit| gone.contains(unit)), "the first step's are still gone");
    }
}

#[test]
fn adapters_learn_and_what_is_gone_stays_gone() {
    let [mut world, _] = World::all();
    let wish = recipe("llm-pruner", 5, "sparsity=0.5 first=0 samples=4 steps=3 batch=4 rank=2");
    let outcome = world.run(&wish).unwrap();
    let params = outcome.params.clone().unwrap();
    let mut moved = 0;
    for (id, mask) in outcome.masks.iter() {
        let [now, dense] =
            [&params, &world.params].map(|params| pollster::block_on(params.read(&world.graph, id)).unwrap());
        assert!((0..mask.len()).all(|at| mask.is_kept(at) || now[at] == 0.0), "{}", world.graph.param(id).name);
        moved += (0..mask.len()).filter(|at| mask.is_kept(*at) && now[*at] != dense[*at]).count();
    }
    assert!(moved > 0, "something learns");
    world.graph.cut(&world.graph.groups(), &outcome.removal, Statistics::Kept).unwrap();
    let again = world.run(&wish).unwrap();
    assert_eq!(world.told(&outcome), world.told(&again));
}
