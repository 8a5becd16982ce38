use secateur_exec::{Backward, GradMoment};
use secateur_kernels::score::{GradSum, gblm};
use secateur_protocol::{Card, Field, Filing, Need};

use crate::MethodError;
use crate::parts::fields::{self, Values};
use crate::parts::{Columns, Criterion, Evidence, Needs, OneShot};

pub static METHOD: OneShot = OneShot { criterion, card };

/// |w| * (norm of the input + alpha * norm over samples of the gradient) (Das et al., 2023, eq. 5).
fn criterion(values: &Values<'_>) -> Result<Criterion, MethodError> {
    let alpha = values.number("alpha")? as f32;
    let norm = values.text("gradient")?;
    let (of, moment) = match norm.as_str() {
        "l1" => (GradSum::Magnitudes, GradMoment::Magnitudes),
        _ => (GradSum::Squares, GradMoment::Squares),
    };
    let gradients = Some((Backward::Loss, vec![moment]));
    let needs = Needs { columns: Some(Columns::Squares), gradients, ..Needs::default() };
    let score = move |with: &Evidence<'_>| {
        let scores = gblm(with.weight()?, with.column_tensor()?, with.gradient(moment), of, alpha);
        Ok(scores.map_err(secateur_exec::ExecError::from)?)
    };
    Ok(Criterion::new(format!("gblm {norm} {alpha}"), needs, score))
}

fn card() -> Card {
    let own = vec![
        Field::number("alpha", 100.0, 0.0, 1e6, "Weight of the gradients beside the inputs; 0 gives Wanda."),
        Field::choice(
            "gradient",
            "l2",
            &["l1", "l2"],
            "How a weight's gradients of single samples are put together: the sum of their magnitudes, or the root of the sum \
             of their squares.",
        ),
    ];
    Card {
        id: "gblm".into(),
        name: "GBLM-Pruner".into(),
        paper: "Beyond Size: How Gradients Shape Pruning Decisions in Large Language Models".into(),
        authors: "Rocktim Jyoti Das, Mingjie Sun, Liqun Ma, Zhiqiang Shen".into(),
        year: 2023,
        arxiv: "2311.04902".into(),
        sentence: "Wanda that also asks the loss: a weight stays when what it multiplies is loud or when the loss feels it."
            .into(),
        when: "Language models at around half of the weights, where samples with answers are at hand and a backward pass of \
               each fits into memory."
            .into(),
        formula: "score(w_ij) = |w_ij| * (||x_j|| + alpha * ||g_ij||), x_j as in Wanda, g_ij over single samples' gradients"
            .into(),
        differs: "The paper divides by the number of samples, the code does not, and neither do we: alpha = 100 is meant for \
                  128 samples of 2048 tokens. The code adds up magnitudes in 16 bits; here all sums are in 32 bits. Gradients \
                  are those of the dense model, inputs those of the model pruned so far, as in the code."
            .into(),
        needs: vec![Need::Samples, Need::Answers],
        filing: Filing {
            unit: "W,N:M".into(),
            criterion: "magnitude,activation,first-order".into(),
            data: "labelled".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [own, fields::cut("row"), fields::calibration(), vec![fields::compensation("none")]].concat(),
    }
}
