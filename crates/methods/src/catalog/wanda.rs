use secateur_exec::score;
use secateur_protocol::{Card, Filing, Need};

use crate::parts::{Columns, Criterion, Evidence, Needs, OneShot, fields};

pub static METHOD: OneShot = OneShot { criterion: |_| Ok(criterion()), card };

/// |w| times the norm of the input it multiplies (Sun et al., 2023, eq. 1).
pub(super) fn criterion() -> Criterion {
    let needs = Needs { columns: Some(Columns::Squares), ..Needs::default() };
    let scores = |of: &Evidence<'_>| Ok(score(of.compute, of.graph, of.params, of.id, Some(of.columns()?))?);
    Criterion::new("wanda", needs, scores)
}

fn card() -> Card {
    Card {
        id: "wanda".into(),
        name: "Wanda".into(),
        paper: "A Simple and Effective Pruning Approach for Large Language Models".into(),
        authors: "Mingjie Sun, Zhuang Liu, Anna Bair, J. Zico Kolter".into(),
        year: 2023,
        arxiv: "2306.11695".into(),
        sentence: "Removes small weights on quiet inputs: a small weight stays when what it multiplies is loud.".into(),
        when: "Language models at around half of the weights, without retraining: a few samples of text and a minute are enough."
            .into(),
        formula: "score(w_ij) = |w_ij| * sqrt(sum of x_j^2 over the calibration samples' tokens / samples)".into(),
        differs: "The authors prune the linear layers inside the blocks of language models; here every weight matrix \
                  takes part, a convolution with its unfolded inputs as columns. Their image code measures the dense \
                  model throughout: statistics = dense. Where counts need all layers at once (allocation = global) \
                  they come from dense statistics, and the entries are then chosen with those of the pruned model. \
                  allocation = uniform is what later code of others calls wanda: one comparison per matrix."
            .into(),
        needs: vec![Need::Samples],
        filing: Filing {
            unit: "W,N:M".into(),
            criterion: "magnitude,activation".into(),
            data: "unlabelled".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [fields::cut("row"), fields::calibration(), vec![fields::compensation("none")]].concat(),
    }
}
