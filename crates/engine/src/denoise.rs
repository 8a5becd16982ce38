//! Pictures out of noise: a diffusion model, asked step by step.

use secateur_exec::rng::Rng;
use secateur_exec::{Compute, Gates, Inputs, Meter, Params, entries, forward_gated};
use secateur_graph::Graph;
use secateur_models::{Model, Step, Task};
use secateur_protocol::Unit;

use crate::forward::batch;
use crate::stop::Stop;

/// A model that takes noise away, and how it is asked.
pub(crate) struct Denoiser<'a> {
    graph: &'a Graph,
    /// Of a picture: channels, height, width.
    pub shape: [usize; 3],
    /// Rows of its table of classes, of which the last one stands for no class; none where it knows no classes.
    classes: Option<usize>,
    /// Beside what it answers about each channel it says how much fresh noise belongs there.
    tells_spread: bool,
    /// What its units are multiplied with; none for a model that is decided.
    gates: Gates,
}

/// What is drawn, the same for every model and step.
pub(crate) struct Drawing<'a> {
    pub compute: &'a Compute,
    pub denoiser: Denoiser<'a>,
    pub count: usize,
    /// The class of each picture, where the model knows classes.
    pub labels: Option<Vec<u32>>,
    /// See [`secateur_protocol::Draw::guidance`].
    pub guidance: f32,
    pub seed: u64,
}

impl<'a> Denoiser<'a> {
    /// # Errors
    /// When the model takes no noise away, or draws something that is no picture yet.
    pub fn new(model: &'a Model) -> Result<Self, Stop> {
        let refused = |why: String| Err(Stop::because(format!("this model draws no pictures here: {why}")));
        let graph = &model.graph;
        if model.task != Task::Denoise {
            return refused(model.verdict.clone());
        }
        let known = ["sample", "timestep", "class_labels"];
        if let Some(other) = graph.inputs().find(|node| !known.contains(&node.name.as_str())) {
            let why = "it listens to a text, and the network that turns one into";
            return refused(format!("{why} {} is not part of it; secateur run evaluates it", other.name));
        }
        let find = |name: &str| graph.inputs().find(|node| node.name == name);
        let shape = find("sample").and_then(|node| <[usize; 3]>::try_from(node.shape.as_slice()).ok());
        let Some(shape @ [channels, height, width]) = shape else { return refused("it takes no pictures".into()) };
        if channels != 1 && channels != 3 {
            let why = format!("it works on {channels} channels that only its decoder turns into grey or colour");
            return refused(format!("{why}, and that is not part of it; secateur run evaluates it"));
        }
        let answer = &graph.node(graph.output()).shape;
        let tells_spread = *answer == [2 * channels, height, width];
        if !tells_spread && *answer != shape {
            let want = format!("wanted as many channels as its pictures' {channels} or twice as many");
            return refused(format!("{want}, got answers of {answer:?}; secateur run evaluates it"));
        }
        let classes = find("class_labels").and_then(|node| entries(graph, node));
        Ok(Self { graph, shape, classes, tells_spread, gates: Gates::default() })
    }

    /// The model whose units are multiplied with gates.
    pub fn gated(self, gates: Gates) -> Self {
        Self { gates, ..self }
    }

    /// The class to draw: the one asked for, else the one that stands for none.
    pub fn label(&self, asked: Option<u32>) -> Result<Option<u32>, Stop> {
        match (asked, self.classes) {
            (None, classes) => Ok(classes.map(|classes| classes as u32 - 1)),
            (Some(label), Some(classes)) if (label as usize) < classes => Ok(Some(label)),
            (Some(label), Some(classes)) => {
                Err(Stop::because(format!("label = {label}: wanted a class from 0 to {}", classes - 1)))
            }
            (Some(label), None) => {
                Err(Stop::because(format!("label = {label}: this model knows no classes; draw without one")))
            }
        }
    }

    /// Numbers in one picture.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// What the model answers about noisy pictures [n, channels, height, width], all of one noise level.
    async fn answers(
        &self,
        compute: &Compute,
        params: &Params,
        x: &[f32],
        timestep: usize,
        labels: Option<Vec<f32>>,
    ) -> Result<Vec<f32>, Stop> {
        let n = x.len() / self.len();
        let mut inputs = Inputs::default();
        inputs.upload(compute, self.graph, "sample", n, x.to_vec())?;
        inputs.upload(compute, self.graph, "timestep", n, vec![timestep as f32; n])?;
        if let Some(labels) = labels {
            inputs.upload(compute, self.graph, "class_labels", n, labels)?;
        }
        let answers = forward_gated(self.graph, params, &self.gates, inputs)?.read().await?;
        compute.check()?;
        Ok(answers)
    }

    /// [n, channels, height, width] from -1..1 as bytes, each picture [height, width, channels].
    pub fn bytes(&self, x: &[f32]) -> Vec<u8> {
        let plane = self.shape[1] * self.shape[2];
        let byte = |value: f32| ((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8;
        let picture = |x: &[f32]| {
            let at = |at: usize| (at % self.shape[0]) * plane + at / self.shape[0];
            (0..x.len()).map(|place| byte(x[at(place)])).collect::<Vec<_>>()
        };
        x.chunks_exact(self.len()).flat_map(picture).collect()
    }
}

impl Drawing<'_> {
    /// Standard normal noise for all pictures: the first one's is the same however many there are. Step 0 is what they
    /// start from.
    pub fn noise(&self, step: u64) -> Vec<f32> {
        let mut rng = Rng::keyed(self.seed, "noise", step, "");
        (0..self.count * self.denoiser.len()).map(|_| rng.normal()).collect()
    }

    /// Takes a step with all pictures `x` [count, channels, height, width], a batch at a time; `fresh` is noise for
    /// those that want some.
    pub async fn step(
        &self,
        params: &Params,
        step: &Step,
        x: &mut [f32],
        fresh: &[f32],
        meter: &dyn Meter,
    ) -> Result<(), Stop> {
        if step.asks_for_spread() && !self.denoiser.tells_spread {
            let what = "the scheduler_config.json says that the model tells its variance, and it does not";
            return Err(Stop::because(format!("{what}; draw with ddim, or correct \"variance_type\"")));
        }
        let each = self.denoiser.len();
        let batch = batch(each);
        for (at, x) in x.chunks_mut(batch * each).enumerate() {
            meter.tick(0, 1, Unit::Steps).await?;
            let start = at * batch;
            let answers = self.guided(params, step.timestep, x, start).await?;
            let of = answers.len() / x.len().max(1); // 2 where the spread comes beside
            for (place, x) in x.iter_mut().enumerate() {
                let answer = place / each * each * of + place % each;
                let spread = if of == 2 { answers[answer + each] } else { 0.0 };
                let fresh = fresh.get(start * each + place).copied().unwrap_or(0.0);
                *x = step.next(*x, answers[answer], spread, fresh);
            }
        }
        Ok(())
    }

    /// Classifier-free guidance: away from what the model would say without a class (Ho & Salimans, 2022). The spread is
    /// the one with the class. `start`: the first of these pictures' place among all.
    async fn guided(&self, params: &Params, timestep: usize, x: &[f32], start: usize) -> Result<Vec<f32>, Stop> {
        let Self { compute, denoiser, guidance, .. } = self;
        let each = denoiser.len();
        let here = |all: &Vec<u32>| all.iter().skip(start).take(x.len() / each).map(|label| *label as f32).collect();
        let labels: Option<Vec<f32>> = self.labels.as_ref().map(here);
        let mut answers = denoiser.answers(compute, params, x, timestep, labels).await?;
        let Some(none) = denoiser.label(None)?.filter(|_| *guidance != 1.0) else { return Ok(answers) };
        let none = Some(vec![none as f32; x.len() / each]);
        let without = denoiser.answers(compute, params, x, timestep, none).await?;
        let whole = each * answers.len() / x.len().max(1);
        for (with, without) in answers.chunks_mut(whole).zip(without.chunks(whole)) {
            with.iter_mut()
                .zip(without)
                .take(each)
                .for_each(|(with, without)| *with = without + guidance * (*with - without));
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use pollster::block_on;
    use secateur_exec::Silent;
    use secateur_formats::MemoryFile;
    use secateur_formats::safetensors::{read_f32, read_header};
    use secateur_models::{Schedule, initial};
    use serde_json::{Value, json};

    use super::*;

    /// diffusers' own drawings differ by less from one machine to another.
    const NEAR: f32 = 1e-3;

    fn golden(path: &str) -> Vec<u8> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(path);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn json_of(path: &str) -> Value {
        serde_json::from_slice(&golden(path)).unwrap()
    }

    /// One of the tiny models in golden/families, on the CPU.
    fn opened(name: &str, compute: &Compute) -> (Model, Params) {
        let file = MemoryFile::new(golden(&format!("families/{name}/model.safetensors")));
        let header = block_on(read_header(&file)).unwrap();
        let config = json_of(&format!("families/{name}/config.json"));
        let model = secateur_models::detect(&header, Some(&config)).unwrap();
        let mut params = Params::empty(&model.graph);
        for id in model.graph.param_ids() {
            let tensor = header.tensor(&model.graph.param(id).name).unwrap();
            let values = block_on(read_f32(&file, tensor)).unwrap();
            params.upload_stored(compute, &model.graph, id, values).unwrap();
        }
        (model, params)
    }

    /// A tensor of golden/schedules/drawn.safetensors.
    fn drawn(name: &str) -> Vec<f32> {
        let file = MemoryFile::new(golden("schedules/drawn.safetensors"));
        let header = block_on(read_header(&file)).unwrap();
        block_on(read_f32(&file, header.tensor(name).unwrap())).unwrap()
    }

    #[test]
    fn pictures_are_those_that_diffusers_draws() {
        let compute = Compute::cpu(String::new());
        let schedule = Schedule::read(&json_of("schedules/configs.json")["velocity"]).unwrap();
        for (name, steps, labels, guidance) in [
            ("unet2d-ddpm", 8, None, 1.0),
            ("unet2d-class", 7, Some(vec![3, 1]), 2.5),
            ("dit", 10, Some(vec![2, 5]), 1.75),
        ] {
            let (model, params) = opened(name, &compute);
            let denoiser = Denoiser::new(&model).unwrap();
            let drawing = Drawing { compute: &compute, denoiser, count: 2, labels, guidance, seed: 0 };
            let mut x = drawn(&format!("{name}.start"));
            for step in &schedule.ddim(steps).unwrap() {
                block_on(drawing.step(&params, step, &mut x, &[], &Silent)).unwrap();
            }
            let want = drawn(&format!("{name}.drawn"));
            let off = want.iter().zip(&x).map(|(want, got)| (want - got).abs()).fold(0.0, f32::max);
            println!("{name}: off by {off:.1e}");
            assert!(want.len() == x.len() && off < NEAR, "{name} is off by {off}");
        }
    }

    /// The tiny U-Net with one setting changed.
    fn said(name: &str, key: &str, value: Value) -> Result<(), String> {
        let mut config = json_of(&format!("families/{name}/config.json"));
        config[key] = value;
        match Denoiser::new(&initial(&config).unwrap()).map(drop) {
            Err(Stop::Failed(why)) => Err(why),
            other => other.map_err(|stop| format!("{stop:?}")),
        }
    }

    #[test]
    fn what_draws_no_pictures_is_told_why() {
        assert_eq!(said("unet2d-ddpm", "in_channels", json!(3)), Ok(()));
        let latent = said("unet2d-ddpm", "in_channels", json!(4)).unwrap_err();
        assert!(latent.contains("works on 4 channels that only its decoder turns into"), "{latent}");
        let other = said("unet2d-ddpm", "out_channels", json!(4)).unwrap_err();
        assert!(other.contains("wanted as many channels as its pictures' 3 or twice as many"), "{other}");
        let text = said("unet2d-condition", "in_channels", json!(3)).unwrap_err();
        assert!(text.contains("listens to a text") && text.contains("encoder_hidden_states"), "{text}");
    }

    #[test]
    fn classes_are_those_of_the_models_table() {
        let config = json_of("families/unet2d-class/config.json");
        let model = initial(&config).unwrap();
        let denoiser = Denoiser::new(&model).unwrap();
        assert_eq!(denoiser.label(Some(2)), Ok(Some(2)));
        assert_eq!(denoiser.label(None), Ok(Some(4)), "the last stands for none");
        let Err(Stop::Failed(why)) = denoiser.label(Some(5)) else { panic!("there is no such class") };
        assert!(why.contains("label = 5: wanted a class from 0 to 4"), "{why}");
    }

    #[test]
    fn noise_does_not_hang_on_how_many_pictures_there_are() {
        let model = initial(&json_of("families/unet2d-ddpm/config.json")).unwrap();
        let compute = Compute::cpu(String::new());
        let noise = |count, step| {
            let denoiser = Denoiser::new(&model).unwrap();
            Drawing { compute: &compute, denoiser, count, labels: None, guidance: 1.0, seed: 7 }.noise(step)
        };
        let (one, three) = (noise(1, 0), noise(3, 0));
        assert_eq!((one.len(), three.len(), &three[..one.len()]), (3 * 8 * 12, 3 * one.len(), one.as_slice()));
        assert_ne!(noise(1, 1), one);
    }

    #[test]
    fn pictures_become_bytes_pixel_by_pixel() {
        let config = json_of("families/unet2d-ddpm/config.json");
        let model = initial(&config).unwrap();
        let denoiser = Denoiser { shape: [3, 1, 2], ..Denoiser::new(&model).unwrap() };
        let x = [-1.0, 1.0, 0.0, 9.0, -0.5, f32::NAN];
        assert_eq!(denoiser.bytes(&x), [0, 128, 64, 255, 255, 0]);
    }
}
