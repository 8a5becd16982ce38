//! NViT: one list for all kinds of units, a budget that is met, and a smaller model that answers as the masked one.

use secateur_graph::groups::UnitKind;
use secateur_graph::surgery::Statistics;

use super::world::{World, recipe};
use crate::{MethodError, Outcome};

const QUICK: &str = "steps=24 interval=2 batch=4 lr=0.001";

fn macs(world: &World, outcome: &Outcome) -> f64 {
    let cut = world.graph.cut(&world.graph.groups(), &outcome.removal, Statistics::Kept).unwrap();
    cut.graph.macs() as f64 / world.graph.macs() as f64
}

#[test]
fn the_budget_is_met_with_units_of_several_kinds() {
    let [mut world, _] = World::all();
    for units in ["heads,head-dims,neurons", "heads,neurons", "heads,head-dims,neurons,width"] {
        let wish = recipe("nvit", 1, &format!("{QUICK} target=0.7 units={units}"));
        let outcome = world.run(&wish).unwrap();
        assert!(macs(&world, &outcome) <= 0.7, "{units}: {}", outcome.notes.join(" "));
        let groups = world.graph.groups();
        for (at, gone) in &outcome.removal {
            assert!(units.split(',').any(|word| word == groups[*at].kind.word()));
            groups[*at].check(gone).unwrap();
        }
        let again = world.run(&wish).unwrap();
        assert_eq!(world.told(&outcome), world.told(&again));
        let params = outcome.params.clone().unwrap();
        for (id, mask) in outcome.masks.iter() {
            let now = pollster::block_on(params.read(&world.graph, id)).unwrap();
            assert!((0..mask.len()).all(|at| mask.is_kept(at) || now[at] == 0.0), "{}", world.graph.param(id).name);
        }
    }
}

#[test]
fn a_higher_price_on_size_leaves_less_for_as_many_chunks() {
    let [mut world, _] = World::all();
    let mut left = |eta: &str| {
        let settings = format!("steps=8 interval=2 batch=4 lr=0 target=0.01 remove=3 units=heads,neurons eta={eta}");
        let outcome = world.run(&recipe("nvit", 1, &settings)).unwrap();
        assert!(outcome.notes.iter().any(|note| note.contains("were wanted")), "{:?}", outcome.notes);
        macs(&world, &outcome)
    };
    let shares = ["0", "1", "100"].map(&mut left);
    assert!(shares.windows(2).all(|pair| pair[1] <= pair[0]) && shares[2] < shares[0], "{shares:?}");
}

#[test]
fn a_model_without_such_units_is_told() {
    let [_, mut flat] = World::all();
    let heads = flat.run(&recipe("nvit", 0, &format!("{QUICK} units=heads,head-dims,neurons")));
    match heads {
        Ok(outcome) => {
            let groups = flat.graph.groups();
            assert!(outcome.removal.keys().all(|at| groups[*at].kind == UnitKind::Neurons));
        }
        Err(error) => assert!(matches!(error, MethodError::NoUnits { .. }), "{error}"),
    }
    let channels = flat.run(&recipe("nvit", 0, &format!("{QUICK} units=channels target=0.8"))).unwrap();
    assert!(macs(&flat, &channels) <= 0.8);
}
