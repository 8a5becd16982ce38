use burn::tensor::Tensor;
use secateur_exec::Value;
use secateur_kernels::select::prune_lowest_of_all;
use secateur_protocol::{Card, Field, Filing, Need, Recipe, Unit};

use crate::parts::Cut;
use crate::parts::allocate::at_most;
use crate::parts::deltas::{Deltas, Over, by_chance, deltas, outcome};
use crate::parts::fields::{self, Values};
use crate::{Lab, Method, MethodError, Outcome, Run};

pub static METHOD: DareTies = DareTies;

/// Thins out what fine-tuning changed, of one model or of several that are merged.
pub struct DareTies;

impl Method for DareTies {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(merge(lab, recipe))
    }
}

/// What is dropped of each difference before they are merged.
#[derive(Clone, Copy, PartialEq)]
enum Drop {
    Random,
    Magnitude,
    None,
}

async fn merge(lab: &mut Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let drop = match values.text("drop")?.as_str() {
        "magnitude" => Drop::Magnitude,
        "none" => Drop::None,
        _ => Drop::Random,
    };
    let (p, rescale) = (values.number("p")?, values.text("rescale")? == "yes");
    let merge = values.text("merge")?;
    let (keep, lambda) = (values.number("keep")?, values.number("lambda")?);
    let over = if values.text("over")? == "weights" { Over::Weights } else { Over::All };
    let lab = &*lab;
    let (base, others) = lab.base()?;
    let mut tasks = Vec::new();
    for (model, fine) in std::iter::once(lab.params).chain(others).enumerate() {
        let all = deltas(lab.graph, fine, base, over)?;
        let thinned = thinned(lab, all, drop, (p, rescale), (recipe.seed, model as u64)).await?;
        tasks.push(if merge == "ties" { trimmed(lab, thinned, keep).await? } else { thinned });
    }
    let merged = match merge.as_str() {
        "ties" => elected(tasks).await?,
        "average" => summed(tasks, |count| 1.0 / count as f64),
        _ => summed(tasks, |_| 1.0),
    };
    let scaled: Deltas = merged.into_iter().map(|(id, delta)| (id, delta * lambda)).collect();
    outcome(lab, base, scaled, Vec::new()).await
}

/// What is left of each parameter's delta.
async fn thinned(
    lab: &Lab<'_>,
    all: Deltas,
    drop: Drop,
    (p, rescale): (f64, bool),
    (seed, model): (u64, u64),
) -> Result<Deltas, MethodError> {
    let (count, mut left) = (all.len(), Deltas::new());
    let scale = if rescale && drop != Drop::None { 1.0 / (1.0 - p) } else { 1.0 };
    for (done, (id, delta)) in all.into_iter().enumerate() {
        lab.tick(done, count, Unit::Layers).await?;
        let stays = match drop {
            Drop::None => delta.ones_like(),
            Drop::Random => by_chance(lab.compute, lab.graph, id, (p, seed, model))?,
            Drop::Magnitude => {
                let (rows, cols) = lab.graph.param(id).matrix();
                let mask = Cut::Lowest { k: at_most(p, rows * cols) }.apply(delta.clone().abs()).await?;
                Value::upload(lab.compute, &[rows, cols], mask.to_f32())?.matrix((rows, cols))
            }
        };
        left.insert(id, delta * stays * scale);
    }
    Ok(left)
}

/// The largest entries of all parameters together, a share of them (Yadav et al., 2023, algorithm 1: trim).
async fn trimmed(lab: &Lab<'_>, all: Deltas, keep: f64) -> Result<Deltas, MethodError> {
    let sizes: usize = all.keys().map(|id| lab.graph.param(*id).len()).sum();
    let gone = sizes - at_most(keep, sizes);
    let masks = prune_lowest_of_all(all.values().map(|delta| delta.clone().abs()).collect(), gone).await;
    let masks = masks.map_err(secateur_exec::ExecError::from)?;
    let one = |((id, delta), mask): ((_, Tensor<2>), &secateur_graph::Mask)| {
        let [rows, cols] = delta.dims();
        let stays = Value::upload(lab.compute, &[rows, cols], mask.to_f32())?.matrix((rows, cols));
        Ok((id, delta * stays))
    };
    all.into_iter().zip(&masks).map(one).collect()
}

/// For each entry the sign whose deltas weigh more, and the mean of the deltas of that sign (Yadav et al., 2023, algorithm 1:
/// elect, disjoint merge). Where they weigh the same, the sign that more entries have.
async fn elected(tasks: Vec<Deltas>) -> Result<Deltas, MethodError> {
    let sums = summed(tasks.clone(), |_| 1.0);
    let signs: Vec<Tensor<1>> = sums.values().map(|sum| sum.clone().sign().sum()).collect();
    let signs = if signs.is_empty() { Vec::new() } else { Value::R1(Tensor::cat(signs, 0)).read().await? };
    let majority = signs.iter().map(|sign| f64::from(*sign)).sum::<f64>();
    let majority = if majority == 0.0 { 0.0 } else { majority.signum() };
    let one = |(id, sum): (secateur_graph::ParamId, Tensor<2>)| {
        let sign = sum.clone().sign();
        let sign: Tensor<2> = sign.clone() + (sign.abs() - 1.0) * -majority;
        let (mut total, mut count) = (sum.zeros_like(), sum.zeros_like());
        for delta in tasks.iter().map(|task| task[&id].clone()) {
            let agrees = (delta.clone().sign() * sign.clone()).clamp_min(0.0);
            total = total + delta * agrees.clone();
            count = count + agrees;
        }
        (id, total / count.clamp_min(1.0))
    };
    Ok(sums.into_iter().map(one).collect())
}

/// The sum of all tasks' deltas, times what `scale` makes of their number.
fn summed(tasks: Vec<Deltas>, scale: impl Fn(usize) -> f64) -> Deltas {
    let scale = scale(tasks.len());
    let mut sums = Deltas::new();
    for (id, delta) in tasks.into_iter().flatten() {
        let sum = sums.remove(&id).map_or(delta.clone(), |sum: Tensor<2>| sum + delta);
        sums.insert(id, sum);
    }
    sums.into_iter().map(|(id, sum)| (id, sum * scale)).collect()
}

fn card() -> Card {
    let own = vec![
        Field::choice(
            "drop",
            "random",
            &["random", "magnitude", "none"],
            "What is dropped of the difference. random: each entry by itself. magnitude: the smallest of each parameter.",
        ),
        Field::number("p", 0.9, 0.0, 0.999, "Chance, or share, to be dropped.")
            .only_if("drop", &["random", "magnitude"]),
        Field::choice("rescale", "yes", &["yes", "no"], "What stays is divided by 1 - p, so that the mean stays.")
            .only_if("drop", &["random", "magnitude"]),
        Field::choice(
            "merge",
            "arithmetic",
            &["arithmetic", "average", "ties"],
            "arithmetic: differences are added up. average: their mean. ties: the largest entries of each, and of those the mean of \
             all whose sign weighs most.",
        ),
        Field::number("keep", 0.2, 0.0, 1.0, "Share of each model's whole difference that stays.")
            .only_if("merge", &["ties"]),
        Field::number("lambda", 1.0, 0.0, 10.0, "What the merged difference is multiplied with."),
        Field::words(
            "others",
            "More models that were fine-tuned from the base, to be merged with this one; with ; between them.",
        ),
    ];
    Card {
        id: "dare-ties".into(),
        name: "DARE and TIES".into(),
        paper: "Language Models are Super Mario: Absorbing Abilities from Homologous Models as a Free Lunch; TIES-Merging: \
                Resolving Interference When Merging Models (2306.01708)"
            .into(),
        authors: "Le Yu, Bowen Yu, Haiyang Yu, Fei Huang, Yongbin Li; Prateek Yadav, Derek Tam, Leshem Choshen, Colin Raffel, \
                  Mohit Bansal"
            .into(),
        year: 2023,
        arxiv: "2311.03099".into(),
        sentence: "Throws away most of what fine-tuning changed and scales up the rest; several fine-tuned models can then be merged."
            .into(),
        when: "A model that was fine-tuned with small changes, and the one it came from: to store or merge the difference, without \
               any data."
            .into(),
        formula: "w = w_base + m (w_fine - w_base) / (1 - p), m = 1 with chance 1 - p, else 0; ties: w = w_base + lambda * mean of \
                  the deltas whose sign is that of the sum of all"
            .into(),
        differs: "The published TIES code keeps at least one entry more than asked, and ties; here as many as asked. It trims the \
                  whole difference at once, as here; mergekit does so by tensor. The layer that gives the answers stays the \
                  fine-tuned model's."
            .into(),
        needs: vec![Need::Checkpoint],
        filing: Filing {
            unit: "delta-weight".into(),
            criterion: "random,magnitude".into(),
            start: "two checkpoints".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [fields::base("all"), own].concat(),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use secateur_graph::ParamId;
    use serde_json::Value as Json;

    use super::*;
    use crate::tests::world::{Clock, World};

    /// tests/golden/methods/deltas.py, its entries laid out as the first parameters of a model.
    #[test]
    fn ties_is_the_published_one() {
        let golden: Json = serde_json::from_str(include_str!("../../../../tests/golden/methods/deltas.json")).unwrap();
        let list = |name: &str| -> Vec<f32> { serde_json::from_value(golden[name].clone()).unwrap() };
        let (all, want) = (list("deltas"), list("ties"));
        let [_, mut world] = World::all();
        let ids: Vec<ParamId> = world.graph.param_ids().take(4).collect();
        let got: Vec<f32> = world.with_lab(&Clock::endless(), |lab| {
            let task = |numbers: &[f32]| -> Deltas {
                let mut numbers = numbers.iter().copied();
                let mut next = |id: &ParamId| {
                    let size = lab.graph.param(*id).len();
                    let data = TensorData::new(numbers.by_ref().take(size).collect::<Vec<_>>(), [1, size]);
                    (*id, Tensor::from_data(data, lab.compute.device()))
                };
                ids.iter().map(&mut next).collect()
            };
            pollster::block_on(async {
                let mut tasks = Vec::new();
                for numbers in all.chunks(want.len()) {
                    tasks.push(trimmed(lab, task(numbers), 0.2).await.unwrap());
                }
                let mut merged = Vec::new();
                for delta in elected(tasks).await.unwrap().into_values() {
                    merged.extend(Value::R2(delta).read().await.unwrap());
                }
                merged
            })
        });
        assert_eq!(got.len(), want.len());
        for (at, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!((got - want).abs() < 1e-6, "{at}: {got} {want}");
        }
    }
}
