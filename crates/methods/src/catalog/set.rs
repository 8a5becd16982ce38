use secateur_protocol::{Card, Filing, Need, RecipeError};

use crate::parts::SparseTraining;
use crate::parts::fields::Values;
use crate::parts::sparse::{Dynamic, Grow, Plan};

pub static METHOD: SparseTraining = SparseTraining { card, plan };

const DYNAMIC: Dynamic = Dynamic { grow: Grow::Chance, still: false };

fn plan(values: &Values<'_>, steps: u64) -> Result<Plan, RecipeError> {
    DYNAMIC.plan(values, steps)
}

fn card() -> Card {
    Card {
        id: "set".into(),
        name: "SET".into(),
        paper: "Scalable training of artificial neural networks with adaptive sparse connectivity inspired by network science"
            .into(),
        authors: "Decebal Constantin Mocanu, Elena Mocanu, Peter Stone, Phuong H. Nguyen, Madeleine Gibescu, Antonio Liotta"
            .into(),
        year: 2018,
        arxiv: "1707.04780".into(),
        sentence: "Trains a sparse model from start to end: now and then each layer gives up its smallest weights and grows as \
                   many others by lot."
            .into(),
        when: "When no step may cost more than a sparse one: nothing outside the mask is ever looked at. RigL is usually better."
            .into(),
        formula: "drop the smallest |w|, grow by lot; share swapped at step t = a / 2 (1 + cos(pi t / T))".into(),
        differs: "The authors drop the same 30 % after every epoch and start new weights at random values; here, as where RigL's \
                  authors compare with it, the share falls along a cosine and new weights start at 0. alpha = 0 is the static \
                  baseline."
            .into(),
        needs: vec![Need::Training],
        filing: Filing { criterion: "magnitude,random".into(), ..Dynamic::filing() },
        fields: Dynamic::fields(),
    }
}
