use secateur_exec::train::Seen;
use secateur_exec::{Gates, Params};
use secateur_protocol::{Card, Field, Filing, Need, Recipe, RecipeError, Value};

use crate::parts::fields::{self, Values};
use crate::parts::recover::{Recovery, left};
use crate::{Lab, Method, MethodError, Outcome, Run};

pub static METHOD: Perp = Perp;

/// The methods that may choose the masks.
const MASKS: [&str; 4] = ["magnitude", "random", "wanda", "sparsegpt"];

/// A cut by another method, and little training after it.
pub struct Perp;

impl Method for Perp {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(recover(lab, recipe))
    }
}

async fn recover(lab: &mut Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let recovery = Recovery::read(&values)?;
    let cut = cut(lab, &values).await?;
    let params = left(lab, &cut)?;
    let before = exam(lab, &params).await?;
    let recovered = recovery.run(lab, params, &cut.masks, recipe.seed).await?;
    let after = exam(lab, &recovered.params).await?;
    let told = format!("Loss on held-out samples: {before:.4} after the cut, {after:.4} after recovery.");
    let notes = [cut.notes, recovered.notes, vec![told]].concat();
    Ok(Outcome { params: Some(recovered.params), notes, ..cut })
}

/// What the chosen method does with those of the settings that it has too.
async fn cut(lab: &mut Lab<'_>, values: &Values<'_>) -> Result<Outcome, MethodError> {
    let id = values.text("mask")?;
    let missing = || RecipeError::Value { key: "mask".into(), got: id.clone(), want: MASKS.join(", ") };
    let method = crate::find(&id).ok_or_else(missing)?;
    let card = method.card();
    let shared = values.card.fields.iter().filter(|field| card.field(&field.key).is_some());
    let shared = shared.filter_map(|field| {
        let key: &str = &field.key;
        Some((key.to_string(), values.recipe.value(values.card, key)?))
    });
    let settings: Vec<(String, Value)> = shared.collect();
    let recipe = Recipe::new(&card, settings.into_iter().collect(), values.recipe.seed)?;
    method.run(lab, &recipe).await
}

async fn exam(lab: &Lab<'_>, params: &Params) -> Result<f64, MethodError> {
    lab.exam(&Seen { params: params.clone(), gates: Gates::default(), penalty: None }).await
}

fn card() -> Card {
    let mask = Field::choice(
        "mask",
        "magnitude",
        &MASKS,
        "The method that chooses what goes, with its own settings' defaults.",
    );
    // Samples of calibration and of training are of one length.
    let training = fields::training(300, 1e-3, 32).into_iter().filter(|field| field.key != "length");
    Card {
        id: "perp".into(),
        name: "PERP".into(),
        paper: "PERP: Rethinking the Prune-Retrain Paradigm in the Era of LLMs".into(),
        authors: "Max Zimmer, Megi Andoni, Christoph Spiegel, Sebastian Pokutta".into(),
        year: 2023,
        arxiv: "2312.15230".into(),
        sentence: "After a cut trains almost nothing: biases, norms and thin adapters that respect the mask bring most of the lost \
                   quality back."
            .into(),
        when: "After any cut where full retraining is too dear. Biases and norms want about ten times the learning rate of full \
               retraining."
            .into(),
        formula: "w <- w + (alpha / rank) mask * (B A); biases and norms learn as they are".into(),
        differs: "Masks are those of the chosen method, with its exact counts; the authors' magnitude drops one weight more and \
                  their wanda compares whole matrices: allocation = uniform. Plain LoRA cannot be merged into a sparse weight \
                  and is left out; late is their prune-after-LoRA. Masks are kept, not read off zeros. With \
                  scope = blocks the masks are those found before, a block ends where one value alone passes on, and what several \
                  blocks have stays as it is, as a head tied to the embedding."
            .into(),
        needs: vec![Need::Samples, Need::Training],
        filing: Filing {
            unit: "W,N:M".into(),
            criterion: "magnitude,activation".into(),
            data: "labelled".into(),
            recovery: "fine-tune".into(),
            family: "CNN,LM".into(),
            ..Filing::plain()
        },
        fields: [
            vec![mask],
            fields::cut("uniform"),
            Recovery::fields(),
            training.collect(),
            fields::calibration(),
        ]
        .concat(),
    }
}
