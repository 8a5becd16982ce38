use secateur_protocol::{Card, Filing, Need};

use crate::parts::Tickets;

pub static METHOD: Tickets = Tickets { card };

fn card() -> Card {
    Card {
        id: "lottery".into(),
        name: "Lottery ticket".into(),
        paper: "The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks".into(),
        authors: "Jonathan Frankle, Michael Carbin".into(),
        year: 2019,
        arxiv: "1803.03635".into(),
        sentence: "Trains, removes the smallest weights, puts the others back to where they began and trains again, round after \
                   round: what is left learns as well as the whole."
            .into(),
        when: "To see which part of a model was needed from the start. It costs a whole training a round; deep models want \
               rewinding."
            .into(),
        formula: "mask: without the smallest |w| after training; weights: mask * w at step 0; kept after n rounds: (1 - p)^n"
            .into(),
        differs: "Exactly the asked-for number goes: the authors' codes drop one weight more. The share of a round follows from \
                  sparsity and rounds. Their output layer loses half the share; here one threshold over all layers lets it keep \
                  more, or allocation = uniform treats all alike. Their public code takes plain SGD, the paper Adam."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            allocation: "global".into(),
            rounds: "iterative".into(),
            data: "labelled".into(),
            recovery: "rewind".into(),
            family: "MLP,CNN".into(),
            ..Filing::plain()
        },
        fields: Tickets::fields(),
    }
}
