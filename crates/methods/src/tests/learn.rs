//! What becomes of a training that goes astray.

use secateur_exec::train::{Learner, Next, State, TrainSpec};
use secateur_graph::Masks;

use super::world::{Clock, World};
use crate::MethodError;
use crate::parts::learn::{Learnt, Lesson};

/// Trains for 30 steps; after step `poisoned` all weights are what is no number.
fn train(world: &mut World, poisoned: u64) -> Result<Learnt, MethodError> {
    world.with_lab(&Clock::endless(), |lab| {
        let lesson = Lesson::plain(TrainSpec { steps: 30, lr: 1e-3, ..TrainSpec::default() });
        let step = async |learner: &mut Learner<'_>| {
            learner.update();
            if learner.state.step() == poisoned {
                for id in lab.graph.prunable() {
                    let wrong = vec![f32::NAN; lab.graph.param(id).len()];
                    learner.state.params.upload(lab.compute, lab.graph, id, wrong)?;
                }
            }
            Ok(Next::On)
        };
        let state = State::new(lab.graph, lab.params.clone());
        pollster::block_on(lab.train(&lesson, state, &Masks::default(), step))
    })
}

#[test]
fn a_loss_that_is_no_number_leaves_the_last_good_state() {
    for mut world in World::all() {
        let Learnt { state, note } = train(&mut world, 25).unwrap();
        let note = note.unwrap();
        assert!(note.contains("NaN at step 25") && note.contains("learnt by step 20"), "{note}");
        assert!(state.losses.len() == 20 && state.losses.iter().all(|loss| loss.is_finite()));
        for id in world.graph.prunable() {
            let values = pollster::block_on(state.params.read(&world.graph, id)).unwrap();
            assert!(values.iter().all(|value| value.is_finite()), "{}", world.graph.param(id).name);
        }
    }
}

#[test]
fn a_loss_that_is_no_number_from_the_start_is_an_error() {
    for mut world in World::all() {
        let error = train(&mut world, 1).map(|learnt| learnt.note).unwrap_err().to_string();
        assert!(error.contains("NaN") && error.contains("smaller"), "{error}");
    }
}
