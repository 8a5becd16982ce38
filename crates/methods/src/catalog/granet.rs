use secateur_protocol::{Card, Field, Filing, Need, RecipeError};

use crate::parts::SparseTraining;
use crate::parts::fields::Values;
use crate::parts::schedule::{Ramp, Rise};
use crate::parts::sparse::{Grow, Plan, Spread, Start, Swap, descent_fields};

pub static METHOD: SparseTraining = SparseTraining { card, plan };

/// The share that is swapped at the end, as in the authors' code.
const LAST_SWAP: f64 = 0.005;

fn plan(values: &Values<'_>, steps: u64) -> Result<Plan, RecipeError> {
    let (sparsity, spread) = (values.number("sparsity")?, Spread::of(&values.text("allocation")?));
    let every = values.number("every")? as u64;
    let first = values.number("first")?;
    if first > sparsity {
        let want = format!("at most sparsity = {sparsity}");
        return Err(RecipeError::Value { key: "first".into(), got: first.to_string(), want });
    }
    let end = ((values.number("end")? * steps as f64).round() as u64).max(1);
    let share = values.number("swap")?;
    Ok(Plan {
        start: Start::read(values)?,
        first: (first, Spread::Erk),
        last: (sparsity, spread),
        ramp: Some(Ramp { rise: Rise::Cubic, from: first, to: sparsity, begin: 0, end, every }),
        swap: Some(Swap {
            grow: Grow::Gradient,
            every,
            first: share,
            last: LAST_SWAP.min(share),
            until: steps,
            round: f64::ceil,
            still: false,
            afresh: true,
        }),
    })
}

fn card() -> Card {
    Card {
        id: "granet".into(),
        name: "GraNet".into(),
        paper: "Sparse Training via Boosting Pruning Plasticity with Neuroregeneration".into(),
        authors: "Shiwei Liu, Tianlong Chen, Xiaohan Chen, Zahra Atashgahi, Lu Yin, Huanyu Kou, Li Shen, Mykola Pechenizkiy, \
                  Zhangyang Wang, Decebal Constantin Mocanu"
            .into(),
        year: 2021,
        arxiv: "2106.10404".into(),
        sentence: "Removes small weights little by little while the model learns, and after each cut swaps some of those that are \
                   left for new ones where the loss pulls hardest."
            .into(),
        when: "When there is data and time to train and the sparsity is very high: where gradual pruning cuts too early, lost \
               links can grow again. swap = 0 is gradual pruning with one threshold."
            .into(),
        formula: "sparsity(t) = s1 + (s0 - s1) (1 - t / t1)^3, the smallest |w| anywhere go; then in each layer the smallest |w| \
                  for the largest |dL/dw|"
            .into(),
        differs: "The authors stop one cut early and keep some weights too many; here the last cut comes. Counts are exact: \
                  their codes disagree by one weight at the threshold. The last step swaps nothing, for there is no time to \
                  learn what comes."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            when: "during".into(),
            criterion: "magnitude,first-order".into(),
            allocation: "global".into(),
            rounds: "gradual".into(),
            data: "labelled".into(),
            start: "initialised".into(),
            recovery: "scratch".into(),
            family: "CNN".into(),
            ..Filing::plain()
        },
        fields: [
            vec![
                Field::number("sparsity", 0.9, 0.0, 0.99, "Share of all prunable weights to remove."),
                Field::number("first", 0.0, 0.0, 0.99, "Share of them that are zero from the start, small layers keeping more."),
                Field::choice(
                    "allocation",
                    "global",
                    &["global", "uniform"],
                    "global: the smallest weights anywhere go. uniform: every layer loses the same share.",
                ),
                Field::number("swap", 0.5, 0.0, 1.0, "Share of a layer's weights that the first swap takes; it falls along a cosine."),
                Field::number("end", 0.5, 0.0, 1.0, "Share of the steps after which the sparsity is reached; swaps go on."),
                Field::whole("every", 30, 1, 100_000, "Steps between two cuts, each with a swap."),
                Start::field("initialised"),
            ],
            descent_fields(1000, "adamw", 1e-3, 64),
        ]
        .concat(),
    }
}
