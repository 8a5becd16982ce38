use std::rc::Rc;

use secateur_graph::surgery::{Removal, Statistics, Surgery};
use secateur_graph::{Graph, Masks, ParamId};
use secateur_protocol::Recipe;

use crate::stop::Stop;

/// Oldest cuts are forgotten beyond this many: a mask is a bit per weight.
const STEPS: usize = 100;

/// Parameters and what they hold now.
pub(crate) type Changed = Vec<(ParamId, Vec<f32>)>;

/// One cut of the dense model.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub recipe: Recipe,
    pub masks: Masks,
    /// Units that go as a whole; the pruned model is smaller then.
    pub removal: Removal,
    pub statistics: Statistics,
    /// New values of the parameters that the method changed, row by row. Kept here, so that they outlive the device.
    pub changed: Rc<Changed>,
    pub notes: Vec<String>,
    /// How long it took to find.
    pub seconds: f64,
    /// A slider in motion: the next amendable cut takes its place.
    pub amend: bool,
}

impl Cut {
    /// The model without the units that went.
    pub fn surgery(&self, graph: &Graph) -> Result<Surgery, Stop> {
        graph.cut(&graph.groups(), &self.removal, self.statistics).map_err(Stop::because)
    }
}

/// Cuts done and undone. Before the first one stands the dense model.
#[derive(Debug, Default)]
pub(crate) struct History {
    cuts: Vec<Rc<Cut>>,
    /// How many of them are done; the others can be redone.
    done: usize,
}

impl History {
    /// The cut that holds now; none is the dense model.
    pub fn current(&self) -> Option<&Rc<Cut>> {
        self.done.checked_sub(1).map(|at| &self.cuts[at])
    }

    /// Adds a cut after the present one, forgetting what was undone. It takes the present one's place when both
    /// are amendable or both come from the same recipe.
    pub fn push(&mut self, cut: Cut) {
        let replaces = self.current().is_some_and(|now| (now.amend && cut.amend) || now.recipe == cut.recipe);
        self.cuts.truncate(self.done - usize::from(replaces));
        self.cuts.push(Rc::new(cut));
        if self.cuts.len() > STEPS {
            self.cuts.remove(0);
        }
        self.done = self.cuts.len();
    }

    /// A slider is let go: its last cut, asked for again, becomes a step of its own. There is nothing to find.
    pub fn settle(&mut self, recipe: &Recipe) -> bool {
        let moving = |at: &usize| self.cuts[*at].amend && self.cuts[*at].recipe == *recipe;
        let now = self.done.checked_sub(1).filter(moving);
        if let Some(at) = now {
            Rc::make_mut(&mut self.cuts[at]).amend = false;
        }
        now.is_some()
    }

    pub fn undo(&mut self) -> bool {
        let can = self.done > 0;
        self.done -= usize::from(can);
        can
    }

    pub fn redo(&mut self) -> bool {
        let can = self.done < self.cuts.len();
        self.done += usize::from(can);
        can
    }

    /// (steps back, steps forward)
    pub fn reach(&self) -> (u32, u32) {
        (self.done as u32, (self.cuts.len() - self.done) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(seed: u64, amend: bool) -> Cut {
        let recipe = Recipe { method: "magnitude".into(), values: Default::default(), seed };
        Cut {
            recipe,
            masks: Masks::default(),
            removal: Removal::new(),
            statistics: Statistics::Kept,
            changed: Rc::default(),
            notes: Vec::new(),
            seconds: 0.0,
            amend,
        }
    }

    fn seed(history: &History) -> Option<u64> {
        history.current().map(|cut| cut.recipe.seed)
    }

    #[test]
    fn undo_and_redo_walk_the_same_road() {
        let mut history = History::default();
        assert!(!history.undo() && !history.redo());
        (1..=3).for_each(|seed| history.push(cut(seed, false)));
        assert!(history.undo() && history.undo());
        assert_eq!((seed(&history), history.reach()), (Some(1), (1, 2)));
        assert!(history.redo());
        assert_eq!(seed(&history), Some(2));
        history.push(cut(9, false));
        assert_eq!((seed(&history), history.reach()), (Some(9), (3, 0)));
    }

    #[test]
    fn a_slider_in_motion_leaves_one_step() {
        let mut history = History::default();
        history.push(cut(1, false));
        (2..=5).for_each(|seed| history.push(cut(seed, true)));
        assert_eq!((seed(&history), history.reach()), (Some(5), (2, 0)));
        assert!(!history.settle(&cut(4, false).recipe));
        assert!(history.settle(&cut(5, false).recipe), "let go: the same recipe");
        assert!(!history.settle(&cut(5, false).recipe), "settled already");
        assert_eq!(history.reach(), (2, 0));
        history.push(cut(6, true));
        assert_eq!(history.reach(), (3, 0));
    }

    #[test]
    fn memory_is_bounded() {
        let mut history = History::default();
        (0..2 * STEPS as u64).for_each(|seed| history.push(cut(seed, false)));
        assert_eq!(history.reach(), (STEPS as u32, 0));
    }
}
