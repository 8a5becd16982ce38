use secateur_protocol::{Card, Field, Filing, Need, RecipeError};

use crate::parts::SparseTraining;
use crate::parts::fields::Values;
use crate::parts::schedule::{Ramp, Rise};
use crate::parts::sparse::{Plan, Spread, Start, descent_fields};

pub static METHOD: SparseTraining = SparseTraining { card, plan };

fn plan(values: &Values<'_>, steps: u64) -> Result<Plan, RecipeError> {
    let (sparsity, spread) = (values.number("sparsity")?, Spread::of(&values.text("allocation")?));
    let rise = match values.text("schedule")?.as_str() {
        "linear" => Rise::Linear,
        "once" => Rise::Once,
        _ => Rise::Cubic,
    };
    let step = |share: f64| (share * steps as f64).round() as u64;
    let (begin, end) = (values.number("begin")?, values.number("end")?);
    if end < begin {
        let want = format!("a share of the steps that is at least begin = {begin}");
        return Err(RecipeError::Value { key: "end".into(), got: end.to_string(), want });
    }
    let every = values.number("every")? as u64;
    let ramp = Ramp { rise, from: 0.0, to: sparsity, begin: step(begin), end: step(end).max(1), every };
    let (first, last) = ((0.0, spread), (sparsity, spread));
    Ok(Plan { start: Start::read(values)?, first, last, ramp: Some(ramp), swap: None })
}

fn card() -> Card {
    Card {
        id: "gmp".into(),
        name: "Gradual pruning".into(),
        paper: "To prune, or not to prune: exploring the efficacy of pruning for model compression".into(),
        authors: "Michael Zhu, Suyog Gupta".into(),
        year: 2017,
        arxiv: "1710.01878".into(),
        sentence: "Removes the smallest weights little by little while the model learns, fast at first and slowly at the end, so \
                   that it can get over each cut."
            .into(),
        when: "When there is data and time to train: the simplest way to high sparsities, and hard to beat. Stop cutting while \
               the learning rate is still large enough to recover."
            .into(),
        formula: "sparsity(t) = s + (0 - s) (1 - (t - t0) / (n dt))^3; the smallest |w| go".into(),
        differs: "As in the authors' later code, exactly the asked-for number goes and what is pruned cannot return; their first \
                  code cut at a smoothed threshold of a histogram, lagged behind the curve and let weights come back. The \
                  last cut always comes, whether or not the interval divides the time. The paper gives every layer the same \
                  share and spares small layers by hand: allocation = uniform, which spares none; one threshold over all \
                  layers spares them by itself."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            when: "during".into(),
            rounds: "gradual".into(),
            data: "labelled".into(),
            recovery: "fine-tune".into(),
            family: "CNN,RNN,LM".into(),
            ..Filing::plain()
        },
        fields: [
            vec![
                Field::number("sparsity", 0.9, 0.0, 0.99, "Share of all prunable weights to remove."),
                Field::choice(
                    "allocation",
                    "global",
                    &["global", "uniform"],
                    "global: the smallest weights anywhere go. uniform: every layer loses the same share, which starves small \
                     ones.",
                ),
                Field::choice(
                    "schedule",
                    "cubic",
                    &["cubic", "linear", "once"],
                    "How the sparsity rises. once: all at half the time between begin and end.",
                ),
                Field::number("begin", 0.2, 0.0, 1.0, "Share of the steps after which cutting begins."),
                Field::number("end", 0.7, 0.0, 1.0, "Share of the steps after which it is over."),
                Field::whole("every", 10, 1, 100_000, "Steps between two cuts."),
                Start::field("trained"),
            ],
            descent_fields(500, "adamw", 1e-3, 64),
        ]
        .concat(),
    }
}
