use std::rc::Rc;

use secateur_exec::{Backward, ExecError, GradMoment};
use secateur_kernels::score;
use secateur_protocol::{Card, Field, Filing, Need};

use crate::MethodError;
use crate::parts::fields::{self, Values};
use crate::parts::{Criterion, Evidence, Lift, Needs, OneShot};

pub static METHOD: OneShot = OneShot { criterion, card };

/// Estimates of what leaving a weight out changes the loss by (Molchanov et al., 2017 and 2019; LeCun et al., 1989 with the
/// Fisher information as second derivative).
fn criterion(values: &Values<'_>) -> Result<Criterion, MethodError> {
    Ok(estimate(&values.text("order")?, &values.text("members")?))
}

/// By the words of the settings.
pub(super) fn estimate(order: &str, members: &str) -> Criterion {
    use GradMoment::{Magnitudes, Squares, Sum};
    let moments = match order {
        "mean" => vec![Sum],
        "magnitudes" => vec![Magnitudes],
        "mixed" => vec![Sum, Squares],
        _ => vec![Squares],
    };
    let joint = members == "joint" && !moments.contains(&Sum);
    let moments = if joint { [moments, vec![Sum]].concat() } else { moments };
    let needs = Needs { gradients: Some((Backward::Loss, moments)), ..Needs::default() };
    let lift = match members {
        "gates" => Lift::Gates,
        "joint" => Lift::Joint(Rc::new(|of| Ok(of.weight()? * of.gradient(Sum) / of.samples()))),
        _ => Lift::Sum,
    };
    let key = format!("taylor {order} {members}");
    let order = order.to_string();
    let score = move |of: &Evidence<'_>| {
        let (weight, samples) = (of.weight()?, of.samples());
        Ok(match order.as_str() {
            "mean" => score::taylor(weight, of.gradient(Sum) / samples).map_err(ExecError::from)?,
            "magnitudes" => score::taylor(weight, of.gradient(Magnitudes) / samples).map_err(ExecError::from)?,
            "mixed" => {
                let second = weight.clone().square() * of.gradient(Squares) * (0.5 / samples);
                (second - weight * of.gradient(Sum) / samples).abs()
            }
            _ => weight.square() * of.gradient(Squares) / samples,
        })
    };
    Criterion::new(key, needs, score).lifted(lift)
}

fn card() -> Card {
    let own = vec![
        Field::choice(
            "order",
            "fisher",
            &["fisher", "magnitudes", "mean", "mixed"],
            "What a weight scores. fisher: the mean over samples of (g w)², which is also the second-order term with the Fisher \
             information. magnitudes: the mean of |g w|. mean: |mean g * w|, which vanishes where training has ended. mixed: \
             first and second order together, |½ F w² - g w|.",
        ),
        Field::choice(
            "members",
            "gates",
            &["gates", "joint", "each"],
            "What a unit scores. gates: the mean over samples of the square of the loss's slope at the unit's gate. joint: the \
             absolute sum of mean g * w over what reads it. each: the sum of its weights' scores.",
        )
        .only_if("pattern", &["unit"]),
    ];
    Card {
        id: "taylor".into(),
        name: "Taylor and Fisher".into(),
        paper: "Importance Estimation for Neural Network Pruning".into(),
        authors: "Pavlo Molchanov, Arun Mallya, Stephen Tyree, Iuri Frosio, Jan Kautz".into(),
        year: 2019,
        arxiv: "1906.10771".into(),
        sentence: "Asks the gradient what leaving something out would do to the loss, and removes what would do least.".into(),
        when: "Channels, neurons and heads where samples with answers are at hand; better than size, for one backward pass a \
               sample."
            .into(),
        formula: "score(w) = mean over samples of (g w)²; of a unit: mean of (dL/dz)² at its gate z = 1, where dL/dz = sum of \
                  g w over the weights that read it"
            .into(),
        differs: "Squares and magnitudes are of single samples' gradients; the authors' are of mini-batches, and their loop of \
                  small cuts between training steps is left to you. Their scores of channels on a residual path are divided \
                  by 3 to 23, ours by nothing. Torch-Pruning's Taylor score leaves batch norms out by a slip, and its Hessian \
                  keeps only the last sample; OBD there multiplies by w instead of w²."
            .into(),
        needs: vec![Need::Samples, Need::Answers],
        filing: Filing {
            unit: "W,N,C/F,H".into(),
            speedup: "universal".into(),
            criterion: "first-order,second-order".into(),
            allocation: "global".into(),
            rounds: "iterative".into(),
            data: "labelled".into(),
            recovery: "fine-tune".into(),
            ..Filing::plain()
        },
        fields: [own, fields::cut("global"), fields::calibration(), vec![fields::compensation("none")]].concat(),
    }
}
