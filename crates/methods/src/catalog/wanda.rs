use secateur_protocol::{Card, Filing, Need};

use crate::parts::{Criterion, OneShot, fields};

pub static METHOD: OneShot = OneShot { criterion: Criterion::WeightTimesActivation, card };

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
        fields: [fields::cut("row"), fields::calibration()].concat(),
    }
}
