use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::Value;
use secateur_exec::train::{Distil, Learner, Next, State, TrainSpec};
use secateur_graph::Role;
use secateur_graph::groups::{Group, Member, UnitKind};
use secateur_graph::surgery::{Removal, Statistics};
use secateur_protocol::{Card, Field, Filing, Need, Recipe};

use crate::parts::criterion::along;
use crate::parts::fields::{self, Values};
use crate::parts::learn::Lesson;
use crate::parts::units;
use crate::{Lab, Method, MethodError, Outcome, Run, Scores};

pub static METHOD: NVit = NVit;

/// Units of several kinds on one list, a few at a time off its end, while the model trains on.
pub struct NVit;

impl Method for NVit {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(shrink(lab, recipe))
    }
}

/// What an old score keeps of itself when a new one comes.
const KEEPS: f64 = 0.9;

async fn shrink(lab: &mut Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let lab = &*lab;
    let groups = lab.graph.groups_with(lab.vocabulary);
    let mut list = List::new(lab, &groups, &values)?;
    let interval = values.number("interval")? as u64;
    let shape = TrainSpec { warmup: 0.0, ..TrainSpec::default() };
    let spec = TrainSpec { steps: values.number("steps")? as u64, lr: values.number("lr")?, ..shape };
    let share = values.number("distil")?;
    let teacher = Distil { teacher: lab.params, temperature: 3.0, share, hidden: 0.0 };
    let lesson = Lesson { teacher: (share > 0.0).then_some(&teacher), ..Lesson::plain(spec) };
    let step = async |learner: &mut Learner<'_>| {
        list.look(learner).await?;
        learner.update();
        if learner.state.step().is_multiple_of(interval) && list.left()? > list.target {
            list.shorten()?;
            learner.prune(&units::masks(lab, &list.removal)?)?;
        }
        Ok(Next::On)
    };
    let state = State::new(lab.graph, lab.params.clone());
    let learnt = lab.train(&lesson, state, &units::masks(lab, &Removal::new())?, step).await?;
    let left = 100.0 * list.left()?;
    let told = if list.left()? > list.target {
        let more = "train for more steps, or remove more at a time";
        format!("{left:.1} % of the multiply-accumulates are left, {:.1} % were wanted: {more}.", 100.0 * list.target)
    } else {
        format!("{left:.1} % of the multiply-accumulates are left.")
    };
    Ok(Outcome {
        masks: units::masks(lab, &list.removal)?,
        scores: list.scores(),
        removal: list.removal,
        statistics: Statistics::Kept,
        params: Some(learnt.state.params),
        notes: learnt.note.into_iter().chain([told]).collect(),
    })
}

/// All units that may go, and how much the loss is expected to change without them.
struct List<'a, 'b> {
    lab: &'a Lab<'b>,
    groups: &'a [Group],
    /// By the places of the groups that take part: for each unit the running mean of squares.
    saliency: BTreeMap<usize, Vec<f64>>,
    /// Sums of squares since the list was shortened last, and of how many steps.
    fresh: (BTreeMap<usize, Vec<f64>>, u64),
    removal: Removal,
    /// Share of the multiply-accumulates that may be left.
    target: f64,
    /// How much it counts what a chunk takes.
    eta: f64,
    /// Units of a wide group that go together, and chunks that go at a time.
    chunk: usize,
    at_once: usize,
}

/// Units that go together.
struct Chunk {
    at: usize,
    units: Vec<u32>,
    saliency: f64,
    /// Share of the multiply-accumulates that they take now.
    saving: f64,
}

impl<'a, 'b> List<'a, 'b> {
    fn new(lab: &'a Lab<'b>, groups: &'a [Group], values: &Values<'_>) -> Result<Self, MethodError> {
        let words = values.text("units")?;
        let kinds: Vec<UnitKind> =
            UnitKind::ALL.into_iter().filter(|kind| words.split(',').any(|word| word == kind.word())).collect();
        let part = groups.iter().enumerate().filter(|(_, group)| kinds.contains(&group.kind));
        let saliency: BTreeMap<usize, Vec<f64>> = part.map(|(at, group)| (at, vec![0.0; group.units])).collect();
        if saliency.is_empty() {
            return Err(units::nothing_to_cut(&kinds, groups));
        }
        Ok(Self {
            lab,
            groups,
            fresh: (saliency.clone(), 0),
            saliency,
            removal: Removal::new(),
            target: values.number("target")?,
            eta: values.number("eta")?,
            chunk: values.number("chunk")? as usize,
            at_once: values.number("remove")? as usize,
        })
    }

    /// Adds (sum of g w)² of every unit, over the weights and biases that go with it (Yang et al., 2023, eq. 5).
    async fn look(&mut self, learner: &Learner<'_>) -> Result<(), MethodError> {
        let graph = self.lab.graph;
        let counts = |member: &&Member| matches!(graph.param(member.param).role, Role::Weight | Role::Bias);
        let mut parts: Vec<(usize, &Member)> = Vec::new();
        let mut sums: Vec<Tensor<1>> = Vec::new();
        for at in self.saliency.keys() {
            for member in self.groups[*at].members.iter().filter(counts) {
                let param = graph.param(member.param);
                let Ok(slope) = learner.slopes.params.get(graph, member.param) else { continue };
                let value = learner.state.params.get(graph, member.param)?;
                let product = slope.matrix(param.matrix()) * value.matrix(param.matrix());
                sums.push(along(product, member.axis, param.dims[member.axis].size));
                parts.push((*at, member));
            }
        }
        if sums.is_empty() {
            return Ok(());
        }
        let mut numbers = Value::R1(Tensor::cat(sums, 0)).read().await?.into_iter();
        let mut units: BTreeMap<usize, Vec<f64>> =
            self.saliency.iter().map(|(at, units)| (*at, vec![0.0; units.len()])).collect();
        for (at, member) in parts {
            let own = units.entry(at).or_default();
            for (number, unit) in numbers.by_ref().zip(member.unit_of.iter()).take(member.unit_of.len()) {
                if let Some(unit) = unit {
                    own[*unit as usize] += f64::from(number);
                }
            }
        }
        for (at, sums) in units {
            // What is no number says nothing.
            let squares = sums.iter().map(|sum| if sum.is_finite() { sum * sum } else { 0.0 });
            self.fresh.0.entry(at).or_default().iter_mut().zip(squares).for_each(|(all, square)| *all += square);
        }
        self.fresh.1 += 1;
        Ok(())
    }

    /// Share of the dense model's multiply-accumulates that is left.
    fn left(&self) -> Result<f64, MethodError> {
        self.left_without(&self.removal)
    }

    fn left_without(&self, removal: &Removal) -> Result<f64, MethodError> {
        let cut = self.lab.graph.cut(self.groups, removal, Statistics::Kept)?;
        Ok(cut.graph.macs() as f64 / self.lab.graph.macs().max(1) as f64)
    }

    /// Takes the cheapest chunks off, by what was seen since the last time and before.
    fn shorten(&mut self) -> Result<(), MethodError> {
        let (sums, steps) = &mut self.fresh;
        for (at, sums) in sums {
            let units = self.saliency.entry(*at).or_default();
            for (score, sum) in units.iter_mut().zip(sums) {
                *score = KEEPS * *score + (1.0 - KEEPS) * *sum / (*steps).max(1) as f64;
                *sum = 0.0;
            }
        }
        *steps = 0;
        for _ in 0..self.at_once {
            if self.left()? <= self.target {
                break;
            }
            let Some(chunk) = self.cheapest()? else { break };
            let gone = self.removal.entry(chunk.at).or_default();
            gone.extend(chunk.units);
            gone.sort_unstable();
        }
        Ok(())
    }

    /// The chunk that changes the loss least for what it takes. Both are shares of their means over all chunks.
    fn cheapest(&self) -> Result<Option<Chunk>, MethodError> {
        let mut chunks = Vec::new();
        let now = self.left()?;
        for at in self.saliency.keys() {
            let Some((units, saliency)) = self.lowest(*at) else { continue };
            let mut without = self.removal.clone();
            without.entry(*at).or_default().extend(&units);
            without.entry(*at).or_default().sort_unstable();
            let saving = now - self.left_without(&without)?;
            chunks.push(Chunk { at: *at, units, saliency, saving });
        }
        let mean = |of: fn(&Chunk) -> f64| chunks.iter().map(of).sum::<f64>() / chunks.len().max(1) as f64;
        let (usual, saved) = (mean(|chunk| chunk.saliency).max(f64::MIN_POSITIVE), mean(|chunk| chunk.saving));
        let price = |chunk: &Chunk| chunk.saliency / usual - self.eta * chunk.saving / saved.max(f64::MIN_POSITIVE);
        Ok(chunks.into_iter().min_by(|a, b| price(a).total_cmp(&price(b))))
    }

    /// The next units of a group, from each bin as many, and the sum of what they score; none where too few would stay.
    fn lowest(&self, at: usize) -> Option<(Vec<u32>, f64)> {
        let (group, scores) = (&self.groups[at], &self.saliency[&at]);
        let bins = group.bin_count();
        let each = self.size(group.kind).div_ceil(bins);
        let gone = self.removal.get(&at).map_or(&[][..], Vec::as_slice);
        if !group.legal_counts().any(|count| count == gone.len() + each * bins) {
            return None;
        }
        let mut order: Vec<u32> = (0..group.units as u32).filter(|unit| !gone.contains(unit)).collect();
        order.sort_by(|a, b| scores[*a as usize].total_cmp(&scores[*b as usize]));
        let mut taken = vec![0; bins];
        order.retain(|unit| {
            let taken = &mut taken[group.bin(*unit)];
            *taken += 1;
            *taken <= each && !group.is_needed(*unit)
        });
        let sum = order.iter().map(|unit| scores[*unit as usize]).sum();
        Some((order, sum))
    }

    /// In the authors' proportions: 16 features or neurons, 8 dimensions of heads, 2 heads.
    fn size(&self, kind: UnitKind) -> usize {
        let part = match kind {
            UnitKind::Heads | UnitKind::KvGroups => 8,
            UnitKind::HeadDims => 2,
            _ => 1,
        };
        (self.chunk / part).max(1)
    }

    /// Each weight's entries have the score of the lowest unit that they go with; those that go with none, the highest.
    fn scores(&self) -> Scores {
        let graph = self.lab.graph;
        let most = self.saliency.values().flatten().fold(0.0_f64, |most, score| most.max(*score)) as f32;
        Scores::held(graph.prunable().map(|id| {
            let (rows, cols) = graph.param(id).matrix();
            let mut scores = vec![most; rows * cols];
            for (at, units) in &self.saliency {
                for member in self.groups[*at].members.iter().filter(|member| member.param == id) {
                    let each = cols / if member.axis == 0 { cols } else { graph.param(id).dims[1].size };
                    for (entry, score) in scores.iter_mut().enumerate() {
                        let place = if member.axis == 0 { entry / cols } else { entry % cols / each };
                        if let Some(unit) = member.unit_of[place] {
                            *score = score.min(units[unit as usize] as f32);
                        }
                    }
                }
            }
            let data = TensorData::new(scores, [rows, cols]);
            (id, Tensor::from_data(data, self.lab.compute.device()))
        }))
    }
}

fn card() -> Card {
    let own = vec![
        Field::number("target", 0.6, 0.01, 1.0, "Share of the dense model's multiply-accumulates that may be left."),
        Field::choice(
            "units",
            "heads,head-dims,neurons",
            &["heads,head-dims,neurons,width", "heads,head-dims,neurons", "heads,neurons", "neurons", "channels"],
            "What is on the list: heads, dimensions in them, hidden features of MLPs, features of the whole residual stream; \
             channels: of convolutions.",
        ),
        Field::number(
            "eta",
            0.1,
            0.0,
            100.0,
            "How much it counts what units take: a chunk that saves as much as the mean one has so much of the mean score taken off.",
        ),
        Field::whole(
            "chunk",
            4,
            1,
            256,
            "Features or neurons that go together; half as many dimensions, an eighth as many heads.",
        ),
        Field::whole("remove", 2, 1, 1000, "Chunks that go at a time."),
        Field::whole("interval", 20, 1, 10_000, "Steps of training between two times."),
        Field::number("distil", 0.5, 0.0, 1.0, "Share of the loss that the dense model's answers decide."),
    ];
    Card {
        id: "nvit".into(),
        name: "NViT".into(),
        paper: "Global Vision Transformer Pruning with Hessian-Aware Saliency".into(),
        authors: "Huanrui Yang, Hongxu Yin, Maying Shen, Pavlo Molchanov, Hai Li, Jan Kautz".into(),
        year: 2021,
        arxiv: "2110.04869".into(),
        sentence: "Puts heads, their dimensions, neurons and features on one list by what the loss loses with them and takes off the \
                   cheapest, a few at a time, while the model trains on."
            .into(),
        when: "A vision transformer that should become faster in all its dimensions at once, with labels and time to train."
            .into(),
        formula: "I(unit) = mean over steps of (sum of g w over all that goes with it)², a running mean; price = I / mean I - eta * \
                  saved multiply-accumulates / their mean"
            .into(),
        differs: "The code scores only some of what goes with a unit, each sum divided by a number of its own; here all weights and \
                  biases count, as in the paper. Latency is counted in multiply-accumulates instead of a table of one GPU's times, \
                  and eta in shares of the means, since both scales differ from model to model. The teacher is the dense model \
                  alone, from the first step on."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            unit: "N,H".into(),
            speedup: "universal".into(),
            when: "during".into(),
            criterion: "second-order".into(),
            allocation: "global".into(),
            rounds: "iterative".into(),
            data: "labelled".into(),
            recovery: "distil".into(),
            fusion: "KD".into(),
            family: "ViT".into(),
            ..Filing::plain()
        },
        fields: [own, fields::training(600, 3e-4, 64)].concat(),
    }
}
