//! Gradients of single samples, and relevance.

use secateur_graph::{Graph, ParamId, Role};

use super::{cpu, numbers, random_params, read, tiny_cnn, tiny_vit};
use crate::logits::input_shape;
use crate::train::{Classes, Course, Samples};
use crate::{Backward, ExecError, GradMoment, Gradients, Params, Silent, Value, forward, gradients};

const SAMPLES: u64 = 5;
const ALL: [GradMoment; 3] = [GradMoment::Sum, GradMoment::Magnitudes, GradMoment::Squares];

struct World {
    graph: Graph,
    params: Params,
    inputs: Vec<f32>,
}

impl World {
    fn new(graph: Graph) -> Self {
        let each: usize = input_shape(&graph).iter().product();
        Self { params: random_params(&graph), inputs: numbers(SAMPLES as usize * each, "input"), graph }
    }

    fn course(&self) -> Classes<'_> {
        let samples = Samples { inputs: &self.inputs, labels: &[0, 1, 1, 0, 1] };
        Classes { samples, batch: 1, label_smoothing: 0.0, augment: None, seed: 3 }
    }

    fn gradients(&self, params: &Params, backward: Backward, samples: u64) -> Result<Gradients, ExecError> {
        let course = self.course();
        pollster::block_on(gradients(&cpu(), &self.graph, params, (&course, samples), backward, &ALL, &Silent))
    }

    fn loss(&self, params: &Params, sample: u64) -> f64 {
        let (inputs, target) = self.course().batch(&cpu(), &self.graph, sample).unwrap();
        let loss = target.loss(&self.graph, forward(&self.graph, params, inputs, &mut ()).unwrap()).unwrap();
        f64::from(pollster::block_on(Value::R1(loss).read()).unwrap()[0])
    }

    fn weights(&self) -> Vec<ParamId> {
        self.graph.prunable().collect()
    }

    fn read(&self, gradients: &Gradients, id: ParamId, moment: GradMoment) -> Vec<f32> {
        pollster::block_on(Value::R2(gradients.get(&self.graph, id, moment).unwrap()).read()).unwrap()
    }
}

/// Every moment is that of the samples' own gradients, each the slope of that sample's loss.
#[test]
fn moments_are_those_of_the_slopes() {
    for world in [World::new(tiny_vit()), World::new(tiny_cnn())] {
        let found = world.gradients(&world.params, Backward::Loss, SAMPLES).unwrap();
        let mean = (0..SAMPLES).map(|sample| world.loss(&world.params, sample)).sum::<f64>() / SAMPLES as f64;
        assert!((found.loss - mean).abs() < 1e-5, "{} {mean}", found.loss);
        for id in world.weights() {
            let name = &world.graph.param(id).name;
            let at = world.graph.param(id).len() / 2;
            let slope = |sample| {
                let step = 1e-2;
                let nudged = |by: f32| {
                    let mut data = read(&world.params, &world.graph, name);
                    data[at] += by;
                    let mut params = world.params.clone();
                    params.upload(&cpu(), &world.graph, id, data).unwrap();
                    world.loss(&params, sample)
                };
                (nudged(step) - nudged(-step)) / (2.0 * f64::from(step))
            };
            let slopes: Vec<f64> = (0..SAMPLES).map(slope).collect();
            for moment in ALL {
                let of = |slope: &f64| match moment {
                    GradMoment::Sum => *slope,
                    GradMoment::Magnitudes => slope.abs(),
                    GradMoment::Squares => slope.powi(2),
                };
                let want = slopes.iter().map(of).sum::<f64>();
                let got = f64::from(world.read(&found, id, moment)[at]);
                assert!((got - want).abs() < 0.03 * want.abs().max(0.2), "{name} {moment:?}: wanted {want}, got {got}");
            }
        }
    }
}

#[test]
fn a_loss_that_is_no_number_is_told() {
    let mut world = World::new(tiny_cnn());
    let id = world.graph.find_param("fc.bias").unwrap();
    world.params.upload(&cpu(), &world.graph, id, vec![f32::NAN; 2]).unwrap();
    let error = world.gradients(&world.params, Backward::Loss, SAMPLES).unwrap_err();
    assert!(matches!(error, ExecError::NoGradient { sample: 0, .. }), "{error}");
}

/// Where inputs and weights leave no sum without terms, each layer passes on all that it is given: 1 a sample.
#[test]
fn relevance_is_kept_from_layer_to_layer() {
    for world in [World::new(tiny_cnn()), World::new(tiny_vit())] {
        let found = world.gradients(&world.params, Backward::Relevance, SAMPLES).unwrap();
        assert!((found.loss - 1.0).abs() < 1e-5, "{}", found.loss);
        let total = |name: &str| -> f32 {
            let id = world.graph.find_param(name).unwrap();
            let gradient = world.read(&found, id, GradMoment::Sum);
            let weight = read(&world.params, &world.graph, name);
            weight.iter().zip(gradient).map(|(weight, gradient)| weight * gradient).sum()
        };
        let layers: &[&str] = match world.graph.find_param("classifier.weight") {
            Some(_) => &["classifier.weight"],
            None => &["fc.weight", "conv.weight"],
        };
        for name in layers {
            assert!((total(name) - SAMPLES as f32).abs() < 2e-3 * SAMPLES as f32, "{name}: {}", total(name));
        }
        assert!(world.weights().iter().all(|id| world.graph.param(*id).role == Role::Weight));
    }
}
