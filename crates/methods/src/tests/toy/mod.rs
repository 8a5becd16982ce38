//! A catalogue of one method: that a method is one file and one word.

use secateur_protocol::Recipe;

use super::world::{Clock, World};
use crate::Lab;
use crate::catalog::methods;

methods! { even_columns }

#[test]
fn a_method_is_one_file_and_one_word() {
    let method = ALL[0];
    assert_eq!((ALL.len(), method.card().id.as_ref()), (1, "even-columns"));
    let recipe = Recipe::new(&method.card(), Default::default(), 0).unwrap();
    for mut world in World::all() {
        let run = |lab: &mut Lab<'_>| pollster::block_on(method.run(lab, &recipe));
        let outcome = world.with_lab(&Clock::endless(), run).unwrap();
        for (id, mask) in outcome.masks.iter() {
            let cols = world.graph.param(id).matrix().1;
            assert!((0..mask.len()).all(|at| mask.is_kept(at) == (at % cols % 2 == 1)));
        }
    }
}
