use std::borrow::Cow;

use burn::tensor::{Tensor, TensorData};
use secateur_graph::surgery::{Removal, Statistics};
use secateur_graph::{Mask, Masks};
use secateur_protocol::{Card, Filing, Recipe};

use crate::{Lab, Method, MethodError, Outcome, Run, Scores};

pub struct EvenColumns;
pub static METHOD: EvenColumns = EvenColumns;

impl Method for EvenColumns {
    fn card(&self) -> Card {
        let text = Cow::Borrowed;
        Card {
            id: text("even-columns"),
            name: text("Even columns"),
            paper: text("A toy"),
            authors: text("Nobody"),
            year: 2026,
            arxiv: text(""),
            sentence: text("Removes every other input."),
            when: text("Never."),
            formula: text("column mod 2"),
            differs: text(""),
            needs: Vec::new(),
            filing: Filing::plain(),
            fields: Vec::new(),
        }
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(async move {
            recipe.clone().checked(&self.card())?;
            let mut masks = Masks::default();
            let mut scores = Vec::new();
            for id in lab.graph.prunable() {
                let (rows, cols) = lab.graph.param(id).matrix();
                let odd: Vec<f32> = (0..rows * cols).map(|at| (at % cols % 2) as f32).collect();
                masks.set(lab.graph, id, Mask::from_kept(odd.iter().map(|odd| *odd > 0.0)))?;
                scores.push((id, Tensor::from_data(TensorData::new(odd, [rows, cols]), lab.compute.device())));
            }
            let (removal, statistics, scores) = (Removal::new(), Statistics::default(), Scores::held(scores));
            Ok::<_, MethodError>(Outcome { masks, removal, statistics, params: None, scores, notes: Vec::new() })
        })
    }
}
