use secateur_graph::{Graph, Node};

use super::order::Order;
use super::{Course, Samples, Target, each, unfit};
use crate::probe::entries;
use crate::rng::Rng;
use crate::{Compute, ExecError, Inputs, Value};

/// Pictures under noise, for a model that tells the noise (Ho et al., 2020, algorithm 1): inputs `sample`, `timestep`
/// and perhaps `class_labels`, of which the last one then means "no class" (Ho & Salimans, 2022).
#[derive(Clone, Debug)]
pub struct Noise<'a> {
    /// Pictures scaled to -1..1, and their classes.
    pub samples: Samples<'a>,
    /// Which share of a noisy picture's variance is still the picture's, by time step, e.g. 0.9999 to 0.00004: diffusers'
    /// `alphas_cumprod`.
    pub signal: &'a [f64],
    /// How often a picture is shown without its class, 0 to 1.
    pub unlabelled: f32,
    /// Pictures a step.
    pub batch: usize,
    /// Decides order, time steps, noise and which pictures come without their class.
    pub seed: u64,
}

impl Course for Noise<'_> {
    fn batch(&self, compute: &Compute, graph: &Graph, step: u64) -> Result<(Inputs, Target), ExecError> {
        let node = |name: &str| graph.inputs().find(|node| node.name == name);
        let missing = || ExecError::Missing { name: "sample".into() };
        let sample = node("sample").ok_or_else(missing)?;
        let classes = node("class_labels").map(|node| entries(graph, node).unwrap_or(0));
        self.samples.check(each(sample), classes.map_or(usize::MAX, |all| all.saturating_sub(1)), self.batch)?;
        if self.signal.is_empty() {
            return Err(unfit("a schedule with time steps".into(), "none".into()));
        }
        let order = Order { samples: self.samples.labels.len(), batch: self.batch, seed: self.seed };
        let (_, chosen) = order.at(step);
        let shown = self.shown(sample, &chosen, step);

        let mut inputs = Inputs::default();
        let n = chosen.len();
        inputs.upload(compute, graph, "sample", n, shown.pictures)?;
        inputs.upload(compute, graph, "timestep", n, shown.times)?;
        if let Some(all) = classes {
            let labels = self.labels(&chosen, all, step);
            inputs.upload(compute, graph, "class_labels", n, labels)?;
        }
        let shape: Vec<usize> = [n].iter().chain(&sample.shape).copied().collect();
        Ok((inputs, Target::Values(Value::upload(compute, &shape, shown.noise)?)))
    }
}

/// A batch under noise.
struct Shown {
    pictures: Vec<f32>,
    /// One for each picture.
    times: Vec<f32>,
    /// Of the pictures' shape.
    noise: Vec<f32>,
}

impl Noise<'_> {
    /// sqrt(signal) * picture + sqrt(1 - signal) * noise, each picture at a time step of its own.
    fn shown(&self, sample: &Node, chosen: &[usize], step: u64) -> Shown {
        let mut times = Rng::keyed(self.seed, "train-time", step, "");
        let mut normal = Rng::keyed(self.seed, "train-noise", step, "");
        let mut shown = Shown { pictures: Vec::new(), times: Vec::new(), noise: Vec::new() };
        for at in chosen {
            let time = times.below(self.signal.len());
            let signal = self.signal[time];
            let (keep, cover) = (signal.sqrt() as f32, (1.0 - signal).sqrt() as f32);
            shown.times.push(time as f32);
            for pixel in self.samples.input(each(sample), *at) {
                let noise = normal.normal();
                shown.pictures.push(keep * pixel + cover * noise);
                shown.noise.push(noise);
            }
        }
        shown
    }

    /// The pictures' classes, some of them replaced by the last of `all`.
    fn labels(&self, chosen: &[usize], all: usize, step: u64) -> Vec<f32> {
        let mut rng = Rng::keyed(self.seed, "train-label", step, "");
        let none = all.saturating_sub(1) as f32;
        let hidden = chosen.iter().map(|_| rng.uniform() < self.unlabelled);
        let label = |(at, hidden): (&usize, bool)| if hidden { none } else { f32::from(self.samples.labels[*at]) };
        chosen.iter().zip(hidden).map(label).collect()
    }
}
