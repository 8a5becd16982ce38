use secateur_protocol::{Card, Filing, Need};

use crate::parts::{Criterion, OneShot, fields};

pub static METHOD: OneShot = OneShot { criterion: |_| Ok(Criterion::brain_surgeon()), card };

fn card() -> Card {
    Card {
        id: "sparsegpt".into(),
        name: "SparseGPT".into(),
        paper: "SparseGPT: Massive Language Models Can Be Accurately Pruned in One-Shot".into(),
        authors: "Elias Frantar, Dan Alistarh".into(),
        year: 2023,
        arxiv: "2301.00774".into(),
        sentence: "Goes through each layer's inputs from left to right, removes what hurts its outputs least and lets the weights \
                   to the right make up for it."
            .into(),
        when: "Language models above half of the weights, or 2:4, without retraining; slower than Wanda, better where much goes."
            .into(),
        formula: "score(w_ij) = (w_ij / U_jj)², inverse of X'X = U'U, with the weights as they are by then; then w_i,>j -= \
                  w_ij / U_jj * U_j,>j"
            .into(),
        differs: "Exactly as many go of every 128 columns as asked; the code's threshold takes ties and one more. With allocation = \
                  global, erk or lamp the layers' shares come from the dense model; with statistics = dense no layer sees \
                  another's cut. Blocks of 16 and whole units are chosen before the sweep."
            .into(),
        needs: vec![Need::Samples],
        filing: Filing {
            unit: "W,N:M".into(),
            criterion: "second-order".into(),
            data: "unlabelled".into(),
            recovery: "closed-form".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [fields::cut("uniform"), fields::calibration(), vec![fields::compensation("update")]].concat(),
    }
}
