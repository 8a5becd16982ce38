use secateur_exec::Params;
use secateur_graph::MaskError;
use secateur_protocol::{Card, Need, Value};

use super::world::{Clock, World, cutting, recipe};
use crate::parts::allocate;
use crate::{ALL, MethodError};

const ALLOCATIONS: [&str; 5] = ["uniform", "row", "global", "erk", "lamp"];

#[test]
fn cards_are_complete_and_found_by_id() {
    for method in ALL {
        let card = method.card();
        assert_eq!(crate::find(&card.id).unwrap().card(), card);
        assert_eq!(card.filing.check(), Ok(()), "{}", card.id);
        for text in [&card.name, &card.paper, &card.authors, &card.sentence, &card.when, &card.formula, &card.differs] {
            assert!(!text.is_empty() && !text.contains("  "), "{}: {text:?}", card.id);
        }
        assert!(card.arxiv.len() == 10 && card.year >= 2015);
        for field in &card.fields {
            assert_eq!(field.check(field.default()).unwrap(), field.default());
            if let Some((key, values)) = &field.only_if {
                let on = card.field(key).unwrap();
                values.iter().for_each(|value| drop(on.check(Value::Text(value.to_string())).unwrap()));
            }
        }
    }
    assert!(crate::find("nothing").is_none());
}

#[test]
fn every_method_prunes_exactly_what_was_asked() {
    for mut world in World::all() {
        let layers = world.layers();
        let total = layers.iter().map(|(_, rows, cols)| rows * cols).sum();
        for method in cutting() {
            for allocation in ALLOCATIONS {
                for sparsity in [0.0, 0.37, 0.5, 0.9] {
                    let wish = recipe(
                        &method,
                        3,
                        &format!("pattern=unstructured sparsity={sparsity} allocation={allocation}"),
                    );
                    let outcome = world.run(&wish).unwrap();
                    let share = |(_, rows, cols): &(String, usize, usize)| match allocation {
                        "row" => rows * allocate::at_most(sparsity, *cols),
                        _ => allocate::share(sparsity, rows * cols),
                    };
                    let by_layer: Vec<usize> = outcome.masks.iter().map(|(_, mask)| mask.count_pruned()).collect();
                    match allocation {
                        "uniform" | "row" => assert_eq!(by_layer, layers.iter().map(share).collect::<Vec<_>>()),
                        _ => assert_eq!(by_layer.iter().sum::<usize>(), allocate::share(sparsity, total)),
                    }
                    for (id, mask) in outcome.masks.iter() {
                        let scores = world.scores(&outcome, id);
                        assert_eq!((mask.len(), scores.len()), (world.graph.param(id).len(), mask.len()));
                    }
                    assert_eq!(by_layer.len(), layers.len());
                    let again = world.run(&wish).unwrap();
                    assert_eq!(world.told(&outcome), world.told(&again), "{method} {allocation} {sparsity}");
                }
            }
        }
    }
}

#[test]
fn rows_and_groups_are_exact() {
    for mut world in World::all() {
        for method in cutting() {
            let outcome = world.run(&recipe(&method, 3, "pattern=unstructured sparsity=0.7 allocation=row")).unwrap();
            for (id, mask) in outcome.masks.iter() {
                let (rows, cols) = world.graph.param(id).matrix();
                for row in 0..rows {
                    let pruned = (row * cols..(row + 1) * cols).filter(|at| !mask.is_kept(*at)).count();
                    assert_eq!(pruned, allocate::at_most(0.7, cols));
                }
            }
            for (n, m) in [(2, 4), (1, 3), (3, 7), (15, 16)] {
                let wish = recipe(&method, 3, &format!("sparsity=0.9 pattern=n:m n={n} m={m}"));
                let outcome = world.run(&wish).unwrap();
                for (id, mask) in outcome.masks.iter() {
                    let cols = world.graph.param(id).matrix().1;
                    for at in (0..mask.len()).filter(|at| (at % cols).is_multiple_of(m)) {
                        let group = at..at + m.min(cols - at % cols);
                        let kept = group.clone().filter(|at| mask.is_kept(*at)).count();
                        assert_eq!(kept, if group.len() == m { n } else { group.len() });
                    }
                }
                let odd = world.layers().iter().any(|(_, _, cols)| !cols.is_multiple_of(m));
                assert_eq!(outcome.notes.iter().any(|note| note.contains("fill no group")), odd);
                let other = recipe(&method, 3, &format!("sparsity=0.1 pattern=n:m n={n} m={m}"));
                assert_eq!(world.run(&other).unwrap().masks, outcome.masks, "sparsity does not matter under n:m");
            }
        }
    }
}

#[test]
fn only_chance_depends_on_the_seed() {
    for mut world in World::all() {
        for method in cutting() {
            let mut masks = |seed| world.run(&recipe(&method, seed, "")).unwrap().masks;
            assert_eq!(masks(1) != masks(2), method == "random", "{method}");
            assert_eq!(masks(1), masks(1));
        }
        let outcome = world.run(&recipe("random", 1, "")).unwrap();
        let ids: Vec<_> = world.graph.prunable().collect();
        let [first, last] = [ids[0], ids[ids.len() - 1]].map(|id| world.scores(&outcome, id));
        assert_ne!(first[..16], last[..16], "each layer has a draw of its own");
    }
}

fn looks_at_samples(method: &str) -> bool {
    crate::find(method).unwrap().card().needs(Need::Samples)
}

#[test]
fn a_warm_cache_changes_nothing() {
    let wishes =
        ["", "sparsity=0.8", "allocation=global", "samples=7 statistics=dense", "samples=7", "allocation=lamp"];
    let [mut world, _] = World::all();
    for method in cutting() {
        let looks = looks_at_samples(&method);
        for wish in wishes.iter().filter(|wish| looks || !wish.contains("samples")) {
            let warm = world.run(&recipe(&method, 5, wish)).unwrap();
            let [mut fresh, _] = World::all();
            let cold = fresh.run(&recipe(&method, 5, wish)).unwrap();
            assert_eq!(world.told(&warm), fresh.told(&cold), "{method} {wish}");
        }
    }
}

#[test]
fn a_cache_keeps_calibrations_apart() {
    let [mut world, _] = World::all();
    for method in cutting().iter().filter(|method| looks_at_samples(method)) {
        for wish in ["", "statistics=dense", "allocation=global"].map(|wish| format!("pattern=unstructured {wish}")) {
            let one = world.run(&recipe(method, 0, &wish)).unwrap();
            world.inputs.reverse();
            let other = world.run(&recipe(method, 0, &wish)).unwrap();
            world.cache = crate::Cache::default();
            let cold = world.run(&recipe(method, 0, &wish)).unwrap();
            assert_eq!(world.told(&other), world.told(&cold), "{method} {wish}");
            assert_ne!(world.told(&one), world.told(&other), "{method} {wish}");
        }
    }
}

#[test]
fn a_slider_in_motion_computes_no_scores() {
    let [mut world, _] = World::all();
    let layers = world.layers().len() as u64;
    let mut ticks = |seed, settings| {
        let clock = Clock::endless();
        world.run_with(&recipe("magnitude", seed, settings), &clock).unwrap();
        clock.ticks.get()
    };
    assert_eq!(ticks(0, "sparsity=0.5"), 2 * layers, "each layer is scored, then cut");
    assert_eq!(ticks(1, "sparsity=0.6"), layers, "then only cut, whatever the seed");
    assert_eq!(ticks(0, "sparsity=0.6 allocation=global"), layers);
    assert_eq!(ticks(0, "sparsity=0.6 allocation=lamp"), 2 * layers);
    assert_eq!(ticks(0, "sparsity=0.7 allocation=lamp"), layers);
}

#[test]
fn cancelling_anywhere_ends_the_run_and_leaves_it_repeatable() {
    for method in cutting() {
        let wish = recipe(&method, 3, if looks_at_samples(&method) { "samples=6" } else { "allocation=global" });
        let [mut undisturbed, _] = World::all();
        let clock = Clock::endless();
        let want = undisturbed.run_with(&wish, &clock).unwrap();
        let [mut world, _] = World::all();
        for ticks in 0..clock.ticks.get() {
            world.cache = crate::Cache::default();
            match world.run_with(&wish, &Clock::until(ticks)) {
                Err(MethodError::Exec(secateur_exec::ExecError::Cancelled(_))) => {}
                other => panic!("{method} after {ticks} ticks: {other:?}"),
            }
            let again = world.run(&wish).unwrap();
            assert_eq!(world.told(&again), undisturbed.told(&want), "what was cached by then is whole");
        }
    }
}

/// Settings with which a method that searches or learns is done at once.
fn small(card: &Card) -> String {
    let few = [
        ("samples", 4),
        ("steps", 4),
        ("batch", 4),
        ("rank", 2),
        ("tune", 2),
        ("generations", 1),
        ("offspring", 2),
        ("grid", 3),
    ];
    let has = few.iter().filter(|(key, _)| card.field(key).is_some());
    has.map(|(key, few)| format!("{key}={few} ")).collect()
}

#[test]
fn methods_that_search_or_learn_can_be_repeated_and_cancelled_anywhere() {
    let world = || {
        let [mut world, _] = World::all();
        world.checkpoints = vec![Params::init(&world.compute, &world.graph, 2).unwrap()];
        world
    };
    for card in ALL.iter().map(|method| method.card()).filter(|card| !cutting().contains(&card.id.to_string())) {
        let wish = recipe(&card.id, 3, &small(&card));
        let clock = Clock::endless();
        let mut undisturbed = world();
        let want = match undisturbed.run_with(&wish, &clock) {
            Err(MethodError::Unfit { .. }) => continue,
            other => other.unwrap_or_else(|error| panic!("{}: {error}", card.id)),
        };
        for (id, mask) in want.masks.iter() {
            assert_eq!(mask.len(), undisturbed.graph.param(id).len(), "{}", card.id);
        }
        // A few moments of many.
        for ticks in (0..clock.ticks.get()).step_by(1 + clock.ticks.get() as usize / 8) {
            let mut world = world();
            match world.run_with(&wish, &Clock::until(ticks)) {
                Err(MethodError::Exec(secateur_exec::ExecError::Cancelled(_))) => {}
                other => panic!("{} after {ticks} ticks: {other:?}", card.id),
            }
            let again = world.run(&wish).unwrap();
            assert_eq!(world.told(&again), undisturbed.told(&want), "{}", card.id);
        }
    }
}

#[test]
fn wrong_settings_are_refused_in_a_sentence() {
    let [mut world, _] = World::all();
    let said = |world: &mut World, wish| world.run(&recipe("magnitude", 0, wish)).unwrap_err().to_string();
    assert_eq!(said(&mut world, "pattern=n:m n=4 m=4"), MaskError::Pattern { n: 4, m: 4 }.to_string());
    assert_eq!(
        said(&mut world, "sparsity=0.9 allocation=global floor=10"),
        "a floor of 443 weights in every layer lets at most 276 go, but 3989 should; lower the floor or the sparsity"
    );
    let other = secateur_protocol::Recipe { method: "magnitude".into(), ..recipe("wanda", 0, "samples=3") };
    assert!(matches!(world.run(&other), Err(MethodError::Recipe(_))));
}

/// Cards b-magnitude-lamp (ii) and 41 (iii): what the allocations do to layers of unequal size and scale.
#[test]
fn allocations_treat_small_layers_as_their_papers_say() {
    let [_, mut world] = World::all();
    let id = world.graph.find_param("fc2.weight").unwrap();
    let quiet = |data: Vec<f32>| data.iter().map(|w| w * 1e-3).collect();
    let data = pollster::block_on(world.params.read(&world.graph, id)).unwrap();
    world.params.upload(&world.compute, &world.graph, id, quiet(data)).unwrap();
    let mut kept = |settings: &str| -> Vec<usize> {
        let outcome = world.run(&recipe("magnitude", 0, &format!("sparsity=0.9 {settings}"))).unwrap();
        outcome.masks.iter().map(|(_, mask)| mask.count_kept()).collect()
    };
    assert_eq!(kept("allocation=global")[3], 0, "the quiet layer is emptied");
    let floored = kept("allocation=global floor=1");
    assert!(floored.iter().zip([36, 216, 2880, 150]).all(|(kept, size)| *kept >= 32.min(size)), "{floored:?}");
    assert_eq!(floored[3], 32, "the layer under water stands at its floor");
    let lamp = kept("allocation=lamp");
    assert!(lamp.iter().all(|kept| *kept > 0) && lamp[3] > 15, "{lamp:?}");
    assert_eq!(kept("allocation=erk"), [19, 28, 220, 61], "in proportion to the sum of dimensions: 11, 16, 126, 35");
}
