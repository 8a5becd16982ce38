use secateur_protocol::{Card, Field, Filing, Need};

use crate::parts::Tickets;

pub static METHOD: Tickets = Tickets { card };

fn card() -> Card {
    let rewind = Field::number(
        "rewind",
        0.02,
        0.0,
        0.99,
        "Share of the steps after which the weights were that are gone back to.",
    );
    Card {
        id: "rewinding".into(),
        name: "Late rewinding".into(),
        paper: "Stabilizing the Lottery Ticket Hypothesis".into(),
        authors: "Jonathan Frankle, Gintare Karolina Dziugaite, Daniel M. Roy, Michael Carbin".into(),
        year: 2019,
        arxiv: "1903.01611".into(),
        sentence: "A lottery ticket that goes back not to the very beginning but to a step early in training, after which small \
                   differences no longer lead elsewhere."
            .into(),
        when: "Deep models, where tickets from the very beginning lose: rewind 0.1 to 7 % of the training. rewind = 0 is the \
               lottery ticket."
            .into(),
        formula: "mask: without the smallest |w| after training; weights: mask * w at step k, trained on from there".into(),
        differs: "Batch norms' running means and the optimiser's memory go back with the weights, where the authors' framework \
                  starts the memory anew; it also prunes one weight more than asked. Every training sees the same data in the \
                  same order."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            allocation: "global".into(),
            rounds: "iterative".into(),
            data: "labelled".into(),
            recovery: "rewind".into(),
            family: "CNN".into(),
            ..Filing::plain()
        },
        fields: [vec![rewind], Tickets::fields()].concat(),
    }
}
