use secateur_protocol::{Card, Filing, Need};

use crate::parts::fields::{self, Defaults};
use crate::parts::{Criterion, OneShot};

pub static METHOD: OneShot = OneShot { criterion: |_| Ok(Criterion::brain_surgeon()), card };

fn card() -> Card {
    Card {
        id: "obspa".into(),
        name: "OBSPA".into(),
        paper: "Structurally Prune Anything: Any Architecture, Any Framework, Any Time".into(),
        authors: "Xun Wang, John Rachwan, Stephan Günnemann, Bertrand Charpentier".into(),
        year: 2024,
        arxiv: "2403.18955".into(),
        sentence: "Removes whole units by what the layers that read them lose, and fits those layers anew to what they gave."
            .into(),
        when: "Smaller models without retraining: any architecture, a few hundred samples without answers.".into(),
        formula: "score(unit) = sum over the weights that read it of w² / (2 [inverse of X'X]_jj), relative to its group; then \
                  W_K += W_P H_PK inverse(H_KK)"
            .into(),
        differs: "The authors' code is not public: damping is SparseGPT's, statistics of a block see the blocks before it, and \
                  entries are added up over the layers that read a unit, not over the one that makes it. Batch norms see the \
                  calibration samples anew in order, each with all samples at once."
            .into(),
        needs: vec![Need::Samples],
        filing: Filing {
            unit: "N,C/F,H".into(),
            speedup: "universal".into(),
            criterion: "second-order".into(),
            data: "unlabelled".into(),
            recovery: "closed-form".into(),
            family: "CNN,ViT,LM".into(),
            ..Filing::plain()
        },
        fields: [
            fields::cut_by(Defaults { pattern: "unit", ..Defaults::default() }),
            fields::calibration(),
            vec![fields::compensation("update"), fields::batch_norms("recalibrated")],
        ]
        .concat(),
    }
}
