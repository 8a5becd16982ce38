use secateur_protocol::{Card, Filing, Need, RecipeError};

use crate::parts::SparseTraining;
use crate::parts::fields::Values;
use crate::parts::sparse::{Dynamic, Grow, Plan};

pub static METHOD: SparseTraining = SparseTraining { card, plan };

const DYNAMIC: Dynamic = Dynamic { grow: Grow::Gradient, still: true };

fn plan(values: &Values<'_>, steps: u64) -> Result<Plan, RecipeError> {
    DYNAMIC.plan(values, steps)
}

fn card() -> Card {
    Card {
        id: "rigl".into(),
        name: "RigL".into(),
        paper: "Rigging the Lottery: Making All Tickets Winners".into(),
        authors: "Utku Evci, Trevor Gale, Jacob Menick, Pablo Samuel Castro, Erich Elsen".into(),
        year: 2020,
        arxiv: "1911.11134".into(),
        sentence: "Trains a sparse model from start to end: now and then each layer gives up its smallest weights and grows as \
                   many where the loss pulls hardest."
            .into(),
        when: "When the model has to be sparse all through its training, or no trained one exists. Needs more steps than \
               gradual pruning to be as good."
            .into(),
        formula: "drop the smallest |w|, grow the largest |dL/dw|; share swapped at step t = a / 2 (1 + cos(pi t / T))".into(),
        differs: "As in the authors' code a swap takes the place of an optimiser step, and a weight that is dropped and grown at \
                  once keeps its value; no noise breaks ties, the lower index goes. alpha = 0 is the static baseline."
            .into(),
        needs: vec![Need::Training],
        filing: Filing { criterion: "magnitude,first-order".into(), ..Dynamic::filing() },
        fields: Dynamic::fields(),
    }
}
