use std::rc::Rc;

use secateur_exec::{Backward, GradMoment};
use secateur_protocol::{Card, Filing, Need};

use crate::parts::fields::{self, Defaults};
use crate::parts::{Criterion, Evidence, Formula, Lift, Needs, OneShot};

pub static METHOD: OneShot = OneShot { criterion: |_| Ok(criterion()), card };

/// The mean over samples of the relevance that a weight passes on (Yeom et al., 2021).
fn criterion() -> Criterion {
    let needs = Needs { gradients: Some((Backward::Relevance, vec![GradMoment::Sum])), ..Needs::default() };
    let relevance: Formula =
        Rc::new(|of: &Evidence<'_>| Ok(of.weight()? * of.gradient(GradMoment::Sum) / of.samples()));
    let scores = relevance.clone();
    Criterion::new("lrp", needs, move |of| Ok(scores(of)?.abs())).lifted(Lift::Joint(relevance))
}

fn card() -> Card {
    let defaults = Defaults { pattern: "unit", share: "global", allocation: "global", ..Defaults::default() };
    Card {
        id: "lrp".into(),
        name: "Pruning by explaining".into(),
        paper: "Pruning by Explaining: A Novel Criterion for Deep Neural Network Pruning".into(),
        authors: "Seul-Ki Yeom, Philipp Seegerer, Sebastian Lapuschkin, Alexander Binder, Simon Wiedemann, Klaus-Robert Müller, \
                  Wojciech Samek"
            .into(),
        year: 2019,
        arxiv: "1912.08881".into(),
        sentence: "Explains right answers back through the model and removes the neurons that explain nothing.".into(),
        when: "Whole neurons or channels with a handful of answered samples and no retraining; with one sample a class, size is \
               the better guide."
            .into(),
        formula: "R_i = sum over j of (a_i w_ij)+ / sum over i of (a_i w_ij)+ * R_j, from 1 at the right class; score of a unit = \
                  its relevance over samples and places"
            .into(),
        differs: "Each sample carries a relevance of 1, as in the authors' code for large networks. The z+ rule goes by the \
                  signs of input times weight, so that inputs below zero are explained too; for the inputs after a ReLU it is \
                  the paper's. Norms pass relevance on as in their ResNet code; attention mixes values by fixed shares, which \
                  the paper does not have. Their ResNet code gives the last layer another rule. The cut is made at once, not in \
                  steps of 5 %."
            .into(),
        needs: vec![Need::Samples, Need::Answers],
        filing: Filing {
            unit: "N,C/F".into(),
            speedup: "universal".into(),
            criterion: "activation,first-order".into(),
            allocation: "global".into(),
            rounds: "iterative".into(),
            data: "labelled".into(),
            family: "MLP,CNN".into(),
            ..Filing::plain()
        },
        fields: [fields::cut_by(defaults), fields::calibration(), vec![fields::compensation("none")]].concat(),
    }
}
