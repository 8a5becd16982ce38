//! Methods that train under masks: gradual pruning, SET, RigL, GraNet, lottery tickets and rewinding.

use std::collections::BTreeSet;

use secateur_exec::{ExecError, Params};
use secateur_graph::{Masks, ParamId};
use secateur_protocol::Kind;

use super::world::{Clock, World, recipe};
use crate::parts::allocate::share;
use crate::{Cache, Lab, Look, MethodError, Outcome, Steer, Watch, find};

const TRAINING: [&str; 6] = ["gmp", "set", "rigl", "granet", "lottery", "rewinding"];

/// A run of a few steps.
fn short(method: &str, seed: u64, settings: &str) -> secateur_protocol::Recipe {
    let rounds = ["every", "rounds"].iter().filter(|key| find(method).unwrap().card().field(key).is_some());
    let fewer: String = rounds.map(|key| format!("{key}=2 ")).collect();
    recipe(method, seed, &format!("steps=7 lr=0.01 {fewer}{settings}"))
}

/// What a field of this method may be.
fn options(method: &str, key: &str) -> Vec<String> {
    match find(method).unwrap().card().field(key).map(|field| field.kind.clone()) {
        Some(Kind::Choice { options, .. }) => options.into_iter().map(String::from).collect(),
        _ => Vec::new(),
    }
}

fn values(world: &World, params: &Params, id: ParamId) -> Vec<f32> {
    pollster::block_on(params.read(&world.graph, id)).unwrap()
}

/// The model that an outcome leaves.
fn left(world: &World, outcome: &Outcome) -> Vec<Vec<f32>> {
    world.graph.param_ids().map(|id| values(world, outcome.params.as_ref().unwrap(), id)).collect()
}

fn by_layer(masks: &Masks) -> Vec<usize> {
    masks.iter().map(|(_, mask)| mask.count_pruned()).collect()
}

#[test]
fn exactly_what_was_asked_is_zero_after_training() {
    for mut world in World::all() {
        let sizes: Vec<usize> = world.layers().iter().map(|(_, rows, cols)| rows * cols).collect();
        for method in TRAINING {
            for allocation in options(method, "allocation") {
                for (sparsity, start) in [(0.0, "trained"), (0.5, "initialised"), (0.9, "trained")] {
                    let wish = short(method, 3, &format!("sparsity={sparsity} allocation={allocation} start={start}"));
                    let outcome = world.run(&wish).unwrap();
                    let told = format!("{method} {allocation} {sparsity}");
                    match allocation.as_str() {
                        "uniform" => {
                            let want: Vec<usize> = sizes.iter().map(|size| share(sparsity, *size)).collect();
                            assert_eq!(by_layer(&outcome.masks), want, "{told}");
                        }
                        _ => assert_eq!(outcome.masks.count_pruned(), share(sparsity, sizes.iter().sum()), "{told}"),
                    }
                    for (id, mask) in outcome.masks.iter() {
                        let after = values(&world, outcome.params.as_ref().unwrap(), id);
                        assert!((0..mask.len()).all(|at| mask.is_kept(at) || after[at] == 0.0), "{told}");
                    }
                    let again = world.run(&wish).unwrap();
                    assert_eq!(world.told(&again), world.told(&outcome), "{told}");
                }
            }
        }
    }
}

#[test]
fn cancelling_anywhere_leaves_it_repeatable() {
    let [mut world, _] = World::all();
    for method in TRAINING {
        let wish = short(method, 3, "steps=3");
        let clock = Clock::endless();
        let want = world.run_with(&wish, &clock).unwrap();
        for ticks in 0..clock.ticks.get() {
            match world.run_with(&wish, &Clock::until(ticks)) {
                Err(MethodError::Exec(ExecError::Cancelled(_))) => {}
                other => panic!("{method} after {ticks} ticks: {other:?}"),
            }
        }
        let again = world.run(&wish).unwrap();
        assert_eq!(world.told(&again), world.told(&want), "{method}");
    }
}

/// Where nothing moves, a gradual cut is the cut at once, however it gets there.
#[test]
fn a_gradual_cut_of_still_weights_is_a_cut_by_magnitude() {
    let [mut world, _] = World::all();
    for allocation in ["uniform", "global"] {
        let want = world.run(&recipe("magnitude", 0, &format!("sparsity=0.8 allocation={allocation}"))).unwrap().masks;
        for settings in ["", "schedule=linear", "schedule=once", "begin=0 end=1", "begin=0.5 end=0.5", "every=100"] {
            let wish = format!("lr=0 sparsity=0.8 start=trained allocation={allocation} {settings}");
            assert!(world.run(&short("gmp", 0, &wish)).unwrap().masks == want, "{wish}");
        }
    }
}

/// Card b-set-rigl (iii).
#[test]
fn without_a_share_to_swap_training_is_static() {
    let [mut world, _] = World::all();
    for method in ["set", "rigl"] {
        let mut run = |settings| world.run(&short(method, 5, settings)).unwrap();
        let (still, ended, moved) = (run("alpha=0"), run("until=0"), run("alpha=0.5"));
        assert!(still.masks == ended.masks && still.masks != moved.masks, "{method}");
        assert_eq!(left(&world, &still), left(&world, &ended), "{method}");
        assert_eq!(by_layer(&still.masks), by_layer(&moved.masks), "{method}: every layer keeps its number");
    }
}

#[test]
fn what_grows_begins_at_zero() {
    let [mut world, _] = World::all();
    for method in ["set", "rigl", "granet"] {
        let still = world.run(&short(method, 5, "lr=0 sparsity=0.6")).unwrap();
        let fresh = Params::init(&world.compute, &world.graph, 5).unwrap();
        let mut grown = 0;
        for (id, mask) in still.masks.iter() {
            let (before, after) = (values(&world, &fresh, id), values(&world, still.params.as_ref().unwrap(), id));
            grown += mask.kept().filter(|at| after[*at] == 0.0).count();
            assert!(mask.kept().all(|at| after[at] == 0.0 || after[at] == before[at]), "{method}");
        }
        assert!(grown > 0, "{method}");
    }
}

#[test]
fn a_ticket_goes_back_to_where_it_began() {
    let [mut world, _] = World::all();
    for (start, wish) in [("initialised", "lr=0"), ("trained", "lr=0")] {
        let outcome = world.run(&short("lottery", 4, &format!("{wish} start={start}"))).unwrap();
        let begin = if start == "trained" {
            world.params.clone()
        } else {
            Params::init(&world.compute, &world.graph, 4).unwrap()
        };
        let begin = begin.masked(&world.compute, &world.graph, &outcome.masks).unwrap();
        for id in world.graph.param_ids() {
            assert_eq!(values(&world, outcome.params.as_ref().unwrap(), id), values(&world, &begin, id), "{start}");
        }
    }
}

#[test]
fn rewinding_to_the_first_step_is_a_lottery() {
    let [mut world, _] = World::all();
    let lottery = world.run(&short("lottery", 4, "")).unwrap();
    let mut rewound = |settings| world.run(&short("rewinding", 4, settings)).unwrap();
    let (first, later) = (rewound("rewind=0"), rewound("rewind=0.3"));
    assert_eq!(world.told(&first), world.told(&lottery));
    assert_ne!(left(&world, &later), left(&world, &lottery));
}

/// One round, so that the masks found are those of the last training.
#[test]
fn controls_differ_from_the_ticket_in_what_they_say() {
    let [mut world, _] = World::all();
    let mut run = |control: &str| world.run(&short("lottery", 4, &format!("rounds=1 control={control}"))).unwrap();
    let [ticket, fresh, permuted] = ["ticket", "reinitialised", "permuted"].map(&mut run);
    assert!(fresh.masks == ticket.masks && permuted.masks != ticket.masks);
    assert_eq!(by_layer(&permuted.masks), by_layer(&ticket.masks), "each layer keeps its number");
    let all = [&ticket, &fresh, &permuted].map(|outcome| format!("{:?}", left(&world, outcome)));
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 3);
}

#[test]
fn what_cannot_be_is_refused_in_a_sentence() {
    let [mut world, _] = World::all();
    let mut said = |method, settings| world.run(&short(method, 0, settings)).unwrap_err().to_string();
    assert_eq!(said("gmp", "begin=0.6 end=0.5"), "end = 0.5: wanted a share of the steps that is at least begin = 0.6");
    assert_eq!(said("granet", "first=0.6 sparsity=0.5"), "first = 0.6: wanted at most sparsity = 0.5");
    world.samples = 0;
    for method in TRAINING {
        let error = world.run(&short(method, 0, "")).unwrap_err();
        assert!(matches!(error, MethodError::NoTask), "{method}: {error}");
    }
}

/// Ends every training after its first step.
struct Impatient;

impl Watch for Impatient {
    fn due(&self) -> bool {
        false
    }

    fn look(&self, _: Look) {}

    fn steer(&self) -> Steer {
        Steer { stop: true, ..Steer::default() }
    }
}

#[test]
fn a_training_that_is_stopped_is_cut_all_the_same() {
    let [mut world, _] = World::all();
    for method in ["gmp", "set", "rigl", "granet", "lottery"] {
        let wish = short(method, 1, "sparsity=0.7 allocation=uniform");
        let outcome = world.with_lab(&Clock::endless(), |lab| {
            let mut cache = Cache::default();
            let mut lab = Lab { watch: &Impatient, cache: &mut cache, ..*lab };
            pollster::block_on(find(method).unwrap().run(&mut lab, &wish)).unwrap()
        });
        assert!(outcome.notes.iter().any(|note| note.contains("after step 1 of 7")), "{method}: {:?}", outcome.notes);
        let sizes: Vec<usize> = world.layers().iter().map(|(_, rows, cols)| rows * cols).collect();
        let want: Vec<usize> = sizes.iter().map(|size| share(0.7, *size)).collect();
        assert_eq!(by_layer(&outcome.masks), want, "{method}");
    }
}
