use std::cell::Cell;

use secateur_exec::rng::Rng;
use secateur_exec::train::{self, Classes, Course, DenoiseStep, Task, Texts};
use secateur_exec::{Calibration, Cancelled, Compute, Meter, Params, Tick};
use secateur_graph::groups::Vocabulary;
use secateur_graph::ops::*;
use secateur_graph::surgery::Removal;
use secateur_graph::{Builder, Graph, GraphError, Masks, NodeId, ParamId};
use secateur_protocol::{DeviceChoice, Need, Recipe, Unit, Value};

use crate::{ALL, Cache, Lab, MethodError, Outcome, Unwatched, find};

pub const SAMPLES: usize = 24;

/// Masks, removal, notes, and changed numbers by name.
pub type Told = (Masks, Removal, Vec<String>, Vec<(String, Vec<f32>)>);

/// A model with fresh parameters, samples and a cache: what an engine session holds.
pub struct World {
    pub compute: Compute,
    pub graph: Graph,
    pub params: Params,
    pub inputs: Vec<f32>,
    pub samples: usize,
    /// Nothing is known of tokens.
    pub vocabulary: Vocabulary,
    /// What this model was fine-tuned from, and others that were.
    pub checkpoints: Vec<Params>,
    /// Steps of a sampler, where the model takes noise away.
    pub drawing: Option<Vec<DenoiseStep>>,
    pub cache: Cache,
}

impl World {
    pub fn all() -> [Self; 2] {
        [Self::new(vit().unwrap()), Self::new(lenet().unwrap())]
    }

    /// Both models on the CPU and, with SECATEUR_GPU_TESTS=1, on a GPU (a software one will do).
    pub fn everywhere() -> Vec<Self> {
        let gpu = std::env::var_os("SECATEUR_GPU_TESTS").map(|_| pollster::block_on(Compute::open(DeviceChoice::Gpu)));
        let there = |gpu: Compute| [vit(), lenet()].map(|graph| Self::on(gpu.clone(), graph.unwrap()));
        Self::all().into_iter().chain(gpu.into_iter().flat_map(|gpu| there(gpu.unwrap()))).collect()
    }

    pub fn new(graph: Graph) -> Self {
        Self::on(Compute::cpu(String::new()), graph)
    }

    fn on(compute: Compute, graph: Graph) -> Self {
        let params = Params::init(&compute, &graph, 1).unwrap();
        let each: usize = graph.nodes[0].shape.iter().product();
        let mut rng = Rng::keyed(1, "test-inputs", 0, "");
        let inputs = (0..SAMPLES * each).map(|at| rng.normal() * (1 + at % 5) as f32).collect();
        Self {
            compute,
            graph,
            params,
            inputs,
            samples: SAMPLES,
            vocabulary: Vocabulary::default(),
            checkpoints: Vec::new(),
            drawing: None,
            cache: Cache::default(),
        }
    }

    pub fn run(&mut self, recipe: &Recipe) -> Result<Outcome, MethodError> {
        self.run_with(recipe, &Clock::endless())
    }

    pub fn run_with(&mut self, recipe: &Recipe, meter: &dyn Meter) -> Result<Outcome, MethodError> {
        self.with_lab(meter, |lab| pollster::block_on(find(&recipe.method).unwrap().run(lab, recipe)))
    }

    /// What a method is given.
    pub fn with_lab<T>(&mut self, meter: &dyn Meter, use_it: impl FnOnce(&mut Lab<'_>) -> T) -> T {
        let output = &self.graph.node(self.graph.output()).shape;
        let classes = output.last().copied().unwrap_or(1);
        let labels: Vec<u8> = (0..self.samples).map(|at| (at % classes) as u8).collect();
        let tokens: Vec<u32> = self.inputs.iter().map(|token| *token as u32).collect();
        let samples = train::Samples { inputs: &self.inputs, labels: &labels };
        let course = |batch: usize| -> Box<dyn Course + '_> {
            match output.len() {
                1 => Box::new(Classes { samples, batch, label_smoothing: 0.0, augment: None, seed: 0 }),
                _ => Box::new(Texts { tokens: &tokens, batch, seed: 0 }),
            }
        };
        let sample_count = self.samples as u64;
        let task = Task {
            lessons: course(4),
            samples: course(1),
            sample_count,
            exam: course(4),
            exam_count: 2,
            drawing: self.drawing.clone(),
        };
        let mut lab = Lab {
            compute: &self.compute,
            graph: &self.graph,
            params: &self.params,
            calibration: Calibration { inputs: &self.inputs, samples: self.samples },
            vocabulary: &self.vocabulary,
            task: (self.samples > 0).then_some(&task),
            checkpoints: &self.checkpoints,
            meter,
            watch: &Unwatched,
            now_ms: &|| 0.0,
            cache: &mut self.cache,
        };
        use_it(&mut lab)
    }

    /// The scores that decided about a parameter.
    pub fn scores(&self, outcome: &Outcome, id: ParamId) -> Vec<f32> {
        pollster::block_on(outcome.scores.of(&self.compute, &self.graph, &self.params, id)).unwrap()
    }

    /// All of an outcome that two runs of a recipe share, changed numbers included.
    pub fn told(&self, outcome: &Outcome) -> Told {
        let changed = outcome.params.iter().flat_map(|params| {
            self.graph.param_ids().filter_map(|id| {
                let values = pollster::block_on(params.read(&self.graph, id)).ok()?;
                Some((self.graph.param(id).name.clone(), values))
            })
        });
        (outcome.masks.clone(), outcome.removal.clone(), outcome.notes.clone(), changed.collect())
    }

    /// All prunable parameters: (name, rows, columns).
    pub fn layers(&self) -> Vec<(String, usize, usize)> {
        let param = |id| self.graph.param(id);
        self.graph.prunable().map(|id| (param(id).name.clone(), param(id).matrix().0, param(id).matrix().1)).collect()
    }
}

/// Methods that cut once, in any pattern, by scores, and learn nothing.
pub fn cutting() -> Vec<String> {
    let cards = ALL.iter().map(|method| method.card());
    cards
        .filter(|card| card.field("pattern").is_some() && !card.needs(Need::Training))
        .map(|card| card.id.to_string())
        .collect()
}

/// The setting that leaves it at the cut, for methods that would make up for it.
pub fn uncompensated(method: &str) -> &'static str {
    find(method).unwrap().card().field("compensation").map_or("", |_| "compensation=none")
}

/// `recipe("magnitude", 7, "sparsity=0.8 pattern=n:m")`
pub fn recipe(method: &str, seed: u64, settings: &str) -> Recipe {
    let pairs = settings.split_whitespace().filter_map(|pair| pair.split_once('='));
    let values = pairs.map(|(key, value)| (key.into(), Value::Text(value.into()))).collect();
    Recipe::new(&find(method).unwrap().card(), values, seed).unwrap()
}

/// Counts ticks and cancels when its time is up.
pub struct Clock {
    left: Cell<u64>,
    pub ticks: Cell<u64>,
}

impl Clock {
    pub fn endless() -> Self {
        Self::until(u64::MAX)
    }

    pub fn until(ticks: u64) -> Self {
        Self { left: Cell::new(ticks), ticks: Cell::new(0) }
    }
}

impl Meter for Clock {
    fn tick(&self, done: u64, total: u64, _: Unit) -> Tick<'_> {
        assert!(done <= total);
        self.ticks.set(self.ticks.get() + 1);
        let left = self.left.get().checked_sub(1);
        self.left.set(left.unwrap_or(0));
        Box::pin(async move { left.map(|_| ()).ok_or(Cancelled) })
    }
}

pub fn lenet() -> Result<Graph, GraphError> {
    let mut g = Builder::default();
    let conv = |inputs, outputs| Conv2d { inputs, outputs, kernel: 3, stride: 1, padding: 1, groups: 1, bias: true };
    let x = g.add("image", Input::new(&[1, 8, 8]), &[])?;
    let x = g.add("conv1", conv(1, 4), &[x])?;
    let x = g.add("relu1", Activation::Relu, &[x])?;
    let x = g.add("pool1", MaxPool2d::tiled(2), &[x])?;
    g.block();
    let x = g.add("conv2", conv(4, 6), &[x])?;
    let x = g.add("relu2", Activation::Relu, &[x])?;
    let x = g.add("flatten", Flatten, &[x])?;
    g.block();
    let x = g.add("fc1", Linear::new(96, 30, true), &[x])?;
    let x = g.add("relu3", Activation::Relu, &[x])?;
    g.block();
    let x = g.add("fc2", Linear::new(30, 5, true), &[x])?;
    Ok(g.finish(x))
}

const WIDTH: usize = 16;

pub fn vit() -> Result<Graph, GraphError> {
    let mut g = Builder::default();
    let x = g.add("image", Input::new(&[1, 8, 8]), &[])?;
    let patches = Conv2d { inputs: 1, outputs: WIDTH, kernel: 4, stride: 4, padding: 0, groups: 1, bias: true };
    let x = g.add("patches", patches, &[x])?;
    let x = g.add("tokens", ToTokens, &[x])?;
    let x = g.add("cls", PrependToken::one(WIDTH), &[x])?;
    let mut x = g.add("positions", AddPosition::parameter(5, WIDTH), &[x])?;
    for layer in 0..2 {
        g.block();
        x = block(&mut g, &format!("layer.{layer}"), x)?;
    }
    g.block();
    let x = g.add("first", SelectToken { index: 0 }, &[x])?;
    let x = g.add("classifier", linear(WIDTH, 5), &[x])?;
    Ok(g.finish(x))
}

fn block(g: &mut Builder, name: &str, x: NodeId) -> Result<NodeId, GraphError> {
    let norm = LayerNorm::new(WIDTH, 1e-6);
    let y = g.add(&format!("{name}.norm1"), norm.clone(), &[x])?;
    let mut part = |part| g.add(&format!("{name}.{part}"), linear(WIDTH, WIDTH), &[y]);
    let (q, k, v) = (part("query")?, part("key")?, part("value")?);
    let y = g.add(&format!("{name}.attention"), Attention::full(2, WIDTH / 2), &[q, k, v])?;
    let y = g.add(&format!("{name}.output"), linear(WIDTH, WIDTH), &[y])?;
    let x = g.add(&format!("{name}.add1"), Add, &[x, y])?;
    let y = g.add(&format!("{name}.norm2"), norm, &[x])?;
    let y = g.add(&format!("{name}.up"), linear(WIDTH, 2 * WIDTH), &[y])?;
    let y = g.add(&format!("{name}.gelu"), Activation::Gelu, &[y])?;
    let y = g.add(&format!("{name}.down"), linear(2 * WIDTH, WIDTH), &[y])?;
    g.add(&format!("{name}.add2"), Add, &[x, y])
}

fn linear(inputs: usize, outputs: usize) -> Linear {
    Linear::new(inputs, outputs, true)
}
