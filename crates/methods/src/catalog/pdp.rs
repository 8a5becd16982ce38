use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::train::{Learner, Next, Schedule, Seen, State, TrainSpec, View};
use secateur_exec::{ExecError, Gates, Params, Value};
use secateur_graph::{Graph, Masks, ParamId};
use secateur_kernels::gate::soft_mask;
use secateur_protocol::{Card, Field, Filing, Need, Recipe};

use crate::parts::Cut;
use crate::parts::fields::{self, Training, Values};
use crate::parts::gates::half_way;
use crate::parts::learn::{Learnt, Lesson, look};
use crate::parts::sparse::{Spread, gathered, lowest, magnitudes, outcome};
use crate::{Lab, Look, Method, MethodError, Outcome, Run};

pub static METHOD: Pdp = Pdp;

/// Soft masks that follow from the weights themselves.
pub struct Pdp;

impl Method for Pdp {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(learn(lab, recipe))
    }
}

/// The weights under soft masks.
struct Soft<'a> {
    graph: &'a Graph,
    fences: RefCell<BTreeMap<ParamId, Fence>>,
}

/// Where a matrix is cut in one step.
#[derive(Clone)]
struct Fence {
    /// One for all weights, or one for each run of M of a row.
    thresholds: Vec<f32>,
    /// In units of the squares of weights.
    temperature: f32,
}

impl View for Soft<'_> {
    fn seen(&self, _: u64, params: &Params, _: &BTreeMap<String, Value>) -> Result<Seen, ExecError> {
        let mut masked = BTreeMap::new();
        for (id, Fence { thresholds, temperature }) in &*self.fences.borrow() {
            let value = params.get(self.graph, *id)?;
            let weight = value.matrix(self.graph.param(*id).matrix());
            let data = TensorData::new(thresholds.clone(), [thresholds.len()]);
            let threshold = Tensor::from_data(data, &weight.device());
            let mask = soft_mask(weight.clone(), threshold, *temperature)?;
            masked.insert(*id, value.like(weight * mask));
        }
        Ok(Seen { params: params.with(&masked), gates: Gates::default(), penalty: None })
    }
}

/// What a matrix is to lose.
#[derive(Clone, Copy)]
enum Loss {
    Share(f64),
    NOfM { n: usize, m: usize },
}

/// What holds in a step: how far the loss has risen (0 to 1), and how soft masks are.
struct Moment {
    risen: f64,
    temperature: Temperature,
}

#[derive(Clone, Copy)]
enum Temperature {
    /// In squares of the matrix's thresholds.
    Relative(f64),
    /// In squares of weights, the same everywhere.
    Absolute(f64),
}

impl Moment {
    /// N:M rises with the others: at first fewer than M - N of a run are below its threshold.
    fn fence(&self, mut magnitudes: Vec<f32>, loss: Loss) -> Option<Fence> {
        let thresholds: Vec<f32> = match loss {
            Loss::Share(share) => vec![half_way(&mut magnitudes, share * self.risen)],
            Loss::NOfM { n, m } => {
                let gone = (m - n) as f64 / m as f64 * self.risen;
                magnitudes.chunks_mut(m).map(|run| half_way(run, gone)).collect()
            }
        };
        let mean_square = thresholds.iter().map(|t| f64::from(t * t)).sum::<f64>() / thresholds.len() as f64;
        let temperature = match self.temperature {
            Temperature::Relative(share) => share * mean_square,
            Temperature::Absolute(temperature) => temperature,
        };
        // Where nothing is above 0 there is nothing to decide.
        (temperature > 0.0).then_some(Fence { thresholds, temperature: temperature as f32 })
    }
}

/// What each matrix loses in the end. Shares of a global cut are those of the weights as they are at first.
async fn losses(lab: &Lab<'_>, values: &Values<'_>) -> Result<BTreeMap<ParamId, Loss>, MethodError> {
    let [n, m] = [values.number("n")?, values.number("m")?].map(|number| number as usize);
    if values.text("grain")? == "n:m" {
        secateur_graph::select::check_n_of_m(n, m)?;
        let fits = |id: &ParamId| lab.graph.param(*id).matrix().1.is_multiple_of(m);
        return Ok(lab.graph.prunable().filter(fits).map(|id| (id, Loss::NOfM { n, m })).collect());
    }
    let spread = Spread::of(&values.text("allocation")?);
    let scores = magnitudes(lab, lab.params, &Masks::default())?;
    let masks = lowest(lab.graph, scores, values.number("sparsity")?, spread).await?;
    Ok(masks.iter().map(|(id, mask)| (id, Loss::Share(mask.count_pruned() as f64 / mask.len() as f64))).collect())
}

async fn learn(lab: &Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let Training { steps, lr } = Training::read(&card, &recipe)?;
    let losses = losses(lab, &values).await?;
    let (begin, ramp) = (values.number("begin")?, values.number("ramp")?);
    let temperature = values.number("temperature")?;
    let temperature = match values.text("scale")?.as_str() {
        "weights" => Temperature::Absolute(temperature),
        _ => Temperature::Relative(temperature),
    };
    let view = Soft { graph: lab.graph, fences: RefCell::default() };
    // Decay would pull what is masked to 0, from where it cannot come back.
    let shape = TrainSpec { warmup: 0.05, schedule: Schedule::Cosine, weight_decay: 0.0, ..TrainSpec::default() };
    let lesson = Lesson { view: &view, ..Lesson::plain(TrainSpec { steps, lr, ..shape }) };
    let step = async |learner: &mut Learner<'_>| {
        learner.update();
        let done = learner.state.step() as f64 / steps as f64;
        let risen = ((done - begin) / ramp.max(1e-9)).clamp(0.0, 1.0);
        if risen > 0.0 {
            let moment = Moment { risen, temperature };
            let fences = fences(lab, &learner.state.params, &losses, &moment).await?;
            view.fences.replace(fences);
        }
        if lab.watch.due() {
            lab.watch.look(Look { curves: vec![("ramp", risen)], ..look(learner, &lesson.spec) });
        }
        Ok(Next::On)
    };
    let state = State::new(lab.graph, lab.params.clone());
    let Learnt { state, note } = lab.train(&lesson, state, &Masks::default(), step).await?;
    let masks = masks(lab, &state.params, &losses).await?;
    let mut notes: Vec<String> = note.into_iter().collect();
    notes.push(undecided(lab, &state.params, &view).await?);
    outcome(lab, &state.params, masks, notes)
}

async fn fences(
    lab: &Lab<'_>,
    params: &Params,
    losses: &BTreeMap<ParamId, Loss>,
    moment: &Moment,
) -> Result<BTreeMap<ParamId, Fence>, MethodError> {
    let mut fences = BTreeMap::new();
    for (id, loss) in losses {
        let magnitudes = params.read(lab.graph, *id).await?.into_iter().map(f32::abs).collect();
        if let Some(fence) = moment.fence(magnitudes, *loss) {
            fences.insert(*id, fence);
        }
    }
    Ok(fences)
}

/// Exactly as many of the smallest go as each matrix is to lose.
async fn masks(lab: &Lab<'_>, params: &Params, losses: &BTreeMap<ParamId, Loss>) -> Result<Masks, MethodError> {
    let mut found = Vec::new();
    for (id, scores) in magnitudes(lab, params, &Masks::default())? {
        let cut = match losses.get(&id) {
            Some(Loss::Share(share)) => Cut::Lowest { k: (share * lab.graph.param(id).len() as f64).round() as usize },
            Some(Loss::NOfM { n, m }) => Cut::NOfM { n: *n, m: *m },
            None => Cut::Lowest { k: 0 },
        };
        found.push((id, cut.apply(scores).await?));
    }
    gathered(lab.graph, found.into_iter())
}

/// How many masks are neither open nor shut, in a sentence.
async fn undecided(lab: &Lab<'_>, params: &Params, view: &Soft<'_>) -> Result<String, MethodError> {
    let (mut between, mut all) = (0, 0);
    let fences = view.fences.borrow().clone();
    for (id, Fence { thresholds, temperature }) in &fences {
        let weights = params.read(lab.graph, *id).await?;
        let run = weights.len() / thresholds.len();
        let mask = |(at, w): (usize, &f32)| 1.0 / (1.0 + ((thresholds[at / run].powi(2) - w * w) / temperature).exp());
        between += weights.iter().enumerate().map(mask).filter(|mask| (0.05..0.95).contains(mask)).count();
        all += weights.len();
    }
    let share = 100.0 * between as f64 / all.max(1) as f64;
    Ok(format!("{share:.2} % of the soft masks were between 0.05 and 0.95 in the end."))
}

fn card() -> Card {
    Card {
        id: "pdp".into(),
        name: "PDP".into(),
        paper: "PDP: Parameter-free Differentiable Pruning is All You Need".into(),
        authors: "Minsik Cho, Saurabh Adya, Devang Naik".into(),
        year: 2023,
        arxiv: "2305.11203".into(),
        sentence: "While the model learns, every weight is multiplied with a soft mask that follows from its own size, so that \
                   weights on the fence are pushed to one side or the other."
            .into(),
        when: "High sparsities of single weights or N:M, where there is data and time to train; nothing is learnt beside the \
               weights."
            .into(),
        formula: "w' = w sigmoid((w^2 - t^2) / tau), t half-way between the smallest |w| that is to stay and the largest that is \
                  to go"
            .into(),
        differs: "No code of the authors is known. The paper's temperature of 0.0001 is in squares of weights and fits the size \
                  of its layers' weights; by default it is here a share of each layer's threshold squared. t is a constant \
                  of its step. Libraries of others cut every layer by the same share: allocation = uniform. Whole channels \
                  are not offered. Matrices whose rows N:M does not divide stay dense."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            unit: "W,N:M".into(),
            when: "during".into(),
            allocation: "global".into(),
            rounds: "gradual".into(),
            data: "labelled".into(),
            recovery: "fine-tune".into(),
            family: "CNN,LM".into(),
            ..Filing::plain()
        },
        fields: [
            vec![
                Field::choice("grain", "weights", &["weights", "n:m"], "weights: one by one. n:m: N of every M in a row stay."),
                Field::number("sparsity", 0.9, 0.0, 0.99, "Share of all prunable weights to remove.")
                    .only_if("grain", &["weights"]),
                Field::choice(
                    "allocation",
                    "global",
                    &["global", "uniform", "erk"],
                    "What each layer loses. global: its share of the smallest weights anywhere at first.",
                )
                .only_if("grain", &["weights"]),
                Field::whole("n", 2, 1, 15, "Weights kept in each group of M.").only_if("grain", &["n:m"]),
                Field::whole("m", 4, 2, 16, "Neighbouring inputs of a row that form a group.").only_if("grain", &["n:m"]),
                Field::number("begin", 0.05, 0.0, 1.0, "Share of the steps after which masks begin."),
                Field::number("ramp", 0.4, 0.0, 1.0, "Share of the steps in which what goes rises to its full share."),
                Field::number("temperature", 0.03, 1e-9, 10.0, "How soft the masks are."),
                Field::choice(
                    "scale",
                    "threshold",
                    &["threshold", "weights"],
                    "What the temperature is in. threshold: squares of each layer's threshold. weights: squares of weights, as \
                     in the paper.",
                ),
            ],
            fields::training(500, 1e-3, 64),
        ]
        .concat(),
    }
}
