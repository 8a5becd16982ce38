use std::collections::BTreeSet;

use burn::tensor::Tensor;
use secateur_exec::rng::Rng;
use secateur_exec::train::{Course, DenoiseStep, Distil, Schedule, State, Target, TrainSpec, drawn};
use secateur_exec::{Compute, ExecError, Inputs, Value, entries};
use secateur_graph::Graph;
use secateur_kernels::gate::Stretch;
use secateur_protocol::{Card, Field, Filing, Need, Recipe, Unit};

use crate::parts::fields::{self, Training, Values};
use crate::parts::gates::{self, Bank, Gated, HardConcrete};
use crate::parts::learn::{Learnt, Lesson};
use crate::{Lab, Method, MethodError, Outcome, Run};

pub static METHOD: EcoDiff = EcoDiff;

/// Gates that leave the last picture of a drawing as it is.
pub struct EcoDiff;

/// The temperature of the authors' gates.
const STRETCH: Stretch = Stretch { beta: 0.83, gamma: -0.1, zeta: 1.1 };
/// Steps in which the learning rate rises.
const WARM: f64 = 10.0;

impl Method for EcoDiff {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(learn(lab, recipe))
    }
}

async fn learn(lab: &Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let steps = lab.task.and_then(|task| task.drawing.as_deref());
    let why = || "it draws no pictures out of noise; l0, vtrans and compresso learn gates of other models";
    let steps = steps.ok_or_else(|| MethodError::Unfit { why: why().into() })?;
    let bank = Bank::of(lab, &values.text("gates")?)?;
    let start = values.number("start")? as f32;
    let kind = HardConcrete { stretch: STRETCH, calm: values.number("calm")? as f32, start, bounds: None, rate: 1.0 };
    let (beta, norm) = (values.number("beta")?, Norm::read(&values)?);
    let price = |learnt: &[Vec<Tensor<1>>], kept: &[Tensor<1>]| norm.price(learnt, kept) * beta;
    let gated = Gated { price: Some(&price), ..Gated::new(lab.graph, &bank, &kind, recipe.seed) };
    let Training { steps: updates, lr } = Training::read(&card, &recipe)?;
    let warmup = (WARM / updates.max(1) as f64).min(1.0);
    let spec = TrainSpec { steps: updates, lr, warmup, schedule: Schedule::Constant, ..TrainSpec::default() };
    let frozen = BTreeSet::new();
    let lesson = Lesson { view: &gated, learned: Some(&frozen), ..Lesson::plain(spec) };
    let state = bank.start(lab.compute, &kind, recipe.seed, State::new(lab.graph, lab.params.clone()))?;
    let Learnt { state, note } = if values.text("loss")? == "step" {
        let teacher = Distil { teacher: lab.params, temperature: 1.0, share: 1.0, hidden: 0.0 };
        gates::learn(lab, &Lesson { teacher: Some(&teacher), ..lesson }, &gated, state).await?
    } else {
        let batch = values.number("batch")? as usize;
        let drawings = Drawings::new(lab, steps, values.number("pairs")? as usize, batch, recipe.seed).await?;
        gates::learn(lab, &Lesson { course: Some(&drawings), chain: Some(steps), ..lesson }, &gated, state).await?
    };

    let lambda = gates::one_part(bank.read(&kind, &state).await?);
    let share = values.number("sparsity")?;
    let counts = match values.text("scope")?.as_str() {
        "local" => bank.rows.iter().map(|row| share * row.group.units as f64).collect(),
        _ => gates::lowest_overall(&bank, &lambda, share),
    };
    let decision = gates::decide(&bank, &lambda, &counts);
    gates::outcome(lab, &bank, &decision, &lambda, None, note.into_iter().collect())
}

/// What open gates cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Norm {
    /// The expected number of open gates (Louizos et al., 2018), as in the paper.
    Expected,
    /// The mean over rows of |lambda| summed and divided by the number of gates, as in the code.
    L1,
}

impl Norm {
    fn read(values: &Values<'_>) -> Result<Self, MethodError> {
        Ok(if values.text("norm")? == "l0" { Self::Expected } else { Self::L1 })
    }

    /// [1], of what is learnt of each row and the probabilities of being open.
    pub fn price(self, learnt: &[Vec<Tensor<1>>], kept: &[Tensor<1>]) -> Tensor<1> {
        let rows = kept.len() as f64;
        let of_row = |(parts, kept): (&Vec<Tensor<1>>, &Tensor<1>)| match self {
            Self::Expected => kept.clone().sum(),
            Self::L1 => parts[0].clone().abs().mean() / rows,
        };
        learnt.iter().zip(kept).map(of_row).reduce(|a, b| a + b).expect("a bank has rows")
    }
}

/// Noises and classes to draw from, and what the dense model makes of them.
struct Drawings {
    /// For each a picture's numbers.
    noises: Vec<Vec<f32>>,
    /// Whole numbers; none where the model knows no classes.
    labels: Option<Vec<f32>>,
    /// [1, channels, height, width] each.
    drawn: Vec<Tensor<4>>,
    batch: usize,
}

impl Drawings {
    async fn new(
        lab: &Lab<'_>,
        steps: &[DenoiseStep],
        count: usize,
        batch: usize,
        seed: u64,
    ) -> Result<Self, MethodError> {
        let input = |name: &str| lab.graph.inputs().find(|node| node.name == name);
        let len: usize = input("sample").map_or(0, |node| node.shape.iter().product());
        let noise = |at: usize| {
            let mut rng = Rng::keyed(seed, "drawing-start", at as u64, "");
            (0..len).map(|_| rng.normal()).collect()
        };
        // The last class stands for none.
        let classes = input("class_labels").and_then(|node| entries(lab.graph, node)).map(|all| (all - 1).max(1));
        let labels = classes.map(|classes| (0..count).map(|at| (at % classes) as f32).collect());
        let noises = (0..count).map(noise).collect();
        let mut drawings = Self { noises, labels, drawn: Vec::new(), batch: batch.min(count) };
        for at in 0..count {
            lab.tick(at, count, Unit::Samples).await?;
            let inputs = drawings.inputs(lab.compute, lab.graph, &[at])?;
            if let Value::R4(picture) = drawn(lab.graph, lab.params, steps, &inputs)? {
                drawings.drawn.push(picture);
            }
        }
        Ok(drawings)
    }

    fn inputs(&self, compute: &Compute, graph: &Graph, chosen: &[usize]) -> Result<Inputs, ExecError> {
        let mut inputs = Inputs::default();
        let noises = chosen.iter().flat_map(|at| &self.noises[*at]).copied().collect();
        inputs.upload(compute, graph, "sample", chosen.len(), noises)?;
        if let Some(labels) = &self.labels {
            let labels = chosen.iter().map(|at| labels[*at]).collect();
            inputs.upload(compute, graph, "class_labels", chosen.len(), labels)?;
        }
        Ok(inputs)
    }
}

impl Course for Drawings {
    fn batch(&self, compute: &Compute, graph: &Graph, step: u64) -> Result<(Inputs, Target), ExecError> {
        let first = step as usize * self.batch;
        let chosen: Vec<usize> = (first..first + self.batch).map(|at| at % self.noises.len()).collect();
        let drawn = chosen.iter().map(|at| self.drawn[*at].clone()).collect();
        Ok((self.inputs(compute, graph, &chosen)?, Target::Values(Value::R4(Tensor::cat(drawn, 0)))))
    }
}

fn card() -> Card {
    let drawing = |field: Field| field.only_if("loss", &["drawing"]);
    Card {
        id: "ecodiff".into(),
        name: "EcoDiff".into(),
        paper: "Effortless Efficiency: Low-Cost Pruning of Diffusion Models".into(),
        authors: "Yang Zhang, Er Jin, Yanfei Dong, Ashkan Khakzar, Philip Torr, Johannes Stegmaier, Kenji Kawaguchi".into(),
        year: 2024,
        arxiv: "2412.02852".into(),
        sentence: "Learns which heads and neurons a diffusion model can do without so that the picture at the end of a whole \
                   drawing stays the same."
            .into(),
        when: "Models that draw pictures, without training their weights: a few noises and some hundred drawings are enough."
            .into(),
        formula: "min over lambda of mean (z0 - z0 of the dense model)^2 + beta R(lambda); the lowest lambda go".into(),
        differs: "In the authors' code chance is drawn anew when a step is run a second time, so that gradients are of other \
                  gates than the loss; here the second run has the same gates, and gradients are exact. Their penalty is \
                  norm = l1, the paper's l0. Channels between convolutions can have gates too, and each noise is another \
                  one. The penalty of |lambda| stops at 0, so the order of lambda decides and no threshold."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            unit: "H,N,C/F".into(),
            speedup: "universal".into(),
            criterion: "learned gate".into(),
            learned_by: "regulariser".into(),
            allocation: "global".into(),
            data: "unlabelled".into(),
            family: "diffusion".into(),
            ..Filing::plain()
        },
        fields: [
            vec![
                gates::field("heads,neurons,channels"),
                Field::number("sparsity", 0.2, 0.0, 0.99, "Share of the gates of each kind that is to go."),
                Field::choice(
                    "scope",
                    "global",
                    &["global", "local"],
                    "global: the lowest of a kind anywhere. local: the same share of every layer.",
                ),
                Field::choice(
                    "loss",
                    "drawing",
                    &["drawing", "step"],
                    "drawing: the last picture of a whole drawing stays as it is. step: what the model answers about one noise \
                     level, to compare with.",
                ),
                drawing(Field::whole("times", 10, 1, 1000, "Steps of a drawing.")),
                drawing(Field::whole("pairs", 32, 1, 1000, "Noises that are drawn from.")),
                Field::number("beta", 0.01, 0.0, 100.0, "What open gates cost, in units of the loss."),
                Field::choice("norm", "l1", &["l1", "l0"], "l1: the mean of |lambda|. l0: the expected number of open gates."),
                Field::number("start", 3.0, -10.0, 20.0, "Where lambda begins: 3 is nearly open."),
                Field::number("calm", 0.5, 0.0, 10.0, "How far extreme draws are left out; 0 leaves them in."),
            ],
            fields::training(100, 0.1, 4).into_iter().filter(|field| field.key != "length").collect(),
        ]
        .concat(),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::parts::gates::Kind;
    use crate::parts::golden;

    #[test]
    fn the_price_is_that_of_the_reference() {
        let device = Compute::cpu(String::new());
        for case in golden::gates()["ecodiff"].as_array().unwrap() {
            let row = |values: &serde_json::Value| {
                let values = golden::numbers(values);
                let len = values.len();
                vec![Tensor::from_data(TensorData::new(values, [len]), device.device())]
            };
            let learnt: Vec<Vec<Tensor<1>>> = case["rows"].as_array().unwrap().iter().map(row).collect();
            let kind = HardConcrete { stretch: STRETCH, calm: 0.5, start: 3.0, bounds: None, rate: 1.0 };
            let kept: Vec<Tensor<1>> = learnt.iter().map(|parts| kind.kept(parts)).collect();
            let norm = if case["norm"] == "l0" { Norm::Expected } else { Norm::L1 };
            let found = pollster::block_on(Value::R1(norm.price(&learnt, &kept)).read()).unwrap()[0];
            let want = case["price"].as_f64().unwrap() as f32;
            assert!((found - want).abs() < 1e-5 * want, "{found}, not {want}");
        }
    }
}
