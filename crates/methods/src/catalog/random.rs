use burn::tensor::{Tensor, TensorData};
use secateur_exec::rng::Rng;
use secateur_protocol::{Card, Filing};

use crate::parts::{Criterion, Evidence, Needs, OneShot, fields};

pub static METHOD: OneShot = OneShot { criterion: |_| Ok(criterion()), card };

/// Uniform in [0, 1), keyed by seed and parameter name.
fn criterion() -> Criterion {
    let drawn = |of: &Evidence<'_>| {
        let param = of.graph.param(of.id);
        let mut rng = Rng::keyed(of.seed, "random-score", 0, &param.name);
        let drawn: Vec<f32> = (0..param.len()).map(|_| rng.uniform()).collect();
        Ok(Tensor::from_data(TensorData::new(drawn, <[usize; 2]>::from(param.matrix())), of.compute.device()))
    };
    Criterion::new("random", Needs { seed: true, ..Needs::default() }, drawn)
}

fn card() -> Card {
    Card {
        id: "random".into(),
        name: "Random".into(),
        paper:
            "The Unreasonable Effectiveness of Random Pruning: Return of the Most Naive Baseline for Sparse Training"
                .into(),
        authors: "Shiwei Liu, Tianlong Chen, Xiaohan Chen, Li Shen, Decebal Constantin Mocanu, Zhangyang Wang, \
                  Mykola Pechenizkiy"
            .into(),
        year: 2022,
        arxiv: "2202.02643".into(),
        sentence: "Throws weights away by lot: the yardstick that every cleverer method has to beat.".into(),
        when: "As a yardstick beside any other method; as a start for training from scratch.".into(),
        formula: "score(w) = a random number from 0 to 1, drawn anew for each seed".into(),
        differs: "The authors draw each entry by itself, so counts wander around their target, and train from scratch \
                  afterwards; here exactly the asked-for number goes, from the trained model. \"uniform\" and \"erk\" \
                  are the paper's layer ratios; ERK densities are solved as in its code and rounded to the exact total."
            .into(),
        needs: Vec::new(),
        filing: Filing {
            when: "init".into(),
            criterion: "random".into(),
            allocation: "ERK".into(),
            start: "initialised".into(),
            recovery: "scratch".into(),
            ..Filing::plain()
        },
        fields: fields::cut("uniform"),
    }
}
