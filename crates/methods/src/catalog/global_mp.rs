use secateur_protocol::{Card, Filing};

use crate::parts::fields::{self, Defaults};
use crate::parts::{Criterion, OneShot};

pub static METHOD: OneShot = OneShot { criterion: |_| Ok(Criterion::magnitude()), card };

fn card() -> Card {
    Card {
        id: "global-mp".into(),
        name: "Global magnitude".into(),
        paper: "Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning".into(),
        authors: "Manas Gupta, Efe Camci, Vishandi Rudy Keneta, Abhishek Vaidyanathan, Ritwik Kanodia, Chuan-Sheng Foo, \
                  Wu Min, Lin Jie"
            .into(),
        year: 2022,
        arxiv: "2209.14624".into(),
        sentence: "One waterline for the whole model: the weights closest to zero go wherever they are, but no layer drowns."
            .into(),
        when: "Convolutional networks at high sparsities, before a long fine-tuning; the baseline that cleverer methods often \
               do not beat."
            .into(),
        formula: "score(w) = |w|, the lowest of all layers together; every layer keeps at least a share of the model".into(),
        differs: "The authors' threshold keeps one weight more than asked, and one uninitialised number takes part in its \
                  ranking; here exactly k go. Their rounds of rescaling for the minimum are solved for where they end. Their \
                  fine-tuning of 120 epochs is not part of the cut."
            .into(),
        needs: Vec::new(),
        filing: Filing { allocation: "global".into(), recovery: "fine-tune".into(), ..Filing::plain() },
        fields: fields::cut_by(Defaults { allocation: "global", floor: 0.05, ..Defaults::default() }),
    }
}
