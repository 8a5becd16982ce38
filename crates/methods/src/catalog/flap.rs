use secateur_protocol::{Card, Field, Filing, Need};

use crate::MethodError;
use crate::parts::fields::{self, Defaults, Values};
use crate::parts::{Columns, Criterion, Evidence, Lift, Needs, OneShot};

pub static METHOD: OneShot = OneShot { criterion, card };

/// w² times the variance of the input it multiplies: summed over a column, WIFV (An et al., 2023, eq. 4).
fn criterion(values: &Values<'_>) -> Result<Criterion, MethodError> {
    let squared = values.text("heads")? == "squared";
    let needs = Needs { columns: Some(Columns::Variances), ..Needs::default() };
    let score = |of: &Evidence<'_>| Ok(of.weight()?.square() * of.column_tensor()?.unsqueeze());
    Ok(Criterion::new(format!("flap {squared}"), needs, score).lifted(Lift::Standardised { squared }))
}

fn card() -> Card {
    let defaults = Defaults { pattern: "unit", units: "heads,neurons", share: "global", ..Defaults::default() };
    let heads = Field::choice(
        "heads",
        "squared",
        &["squared", "plain"],
        "Whether the sums of attention's columns are squared before they are standardised. The authors' code does, their paper \
         does not.",
    )
    .only_if("pattern", &["unit"]);
    Card {
        id: "flap".into(),
        name: "FLAP".into(),
        paper: "Fluctuation-based Adaptive Structured Pruning for Large Language Models".into(),
        authors: "Yongqi An, Xu Zhao, Tao Yu, Ming Tang, Jinqiao Wang".into(),
        year: 2023,
        arxiv: "2312.11983".into(),
        sentence: "Removes heads and neurons that hardly fluctuate, and puts what they gave on the average into a bias.".into(),
        when: "A smaller language model at once, without retraining; layers with biases keep their mean outputs.".into(),
        formula: "score(column j) = variance of x_j * sum of w_ij², standardised over the layer, mean over a head; bias += W_P \
                  mean(x_P)"
            .into(),
        differs: "Variance is the unbiased one over all tokens; the code's running update differs by a factor and an alias. The \
                  code squares attention's sums, the paper does not: heads = plain. Units count by the parameters that go with \
                  them, as the code's costs do. Layers without a bias get none: what their units gave is lost there. At least \
                  one unit of each group stays."
            .into(),
        needs: vec![Need::Samples],
        filing: Filing {
            unit: "H,N".into(),
            speedup: "universal".into(),
            criterion: "activation".into(),
            allocation: "global".into(),
            data: "unlabelled".into(),
            recovery: "closed-form".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [vec![heads], fields::cut_by(defaults), fields::calibration(), vec![fields::compensation("bias")]]
            .concat(),
    }
}
