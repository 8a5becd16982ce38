use super::Statistics;

/// Which features a node's values keep in a cut; see [`crate::OpRule::shrink`].
pub struct Kept<'a> {
    /// With the axis where the features lie.
    pub(super) inputs: Vec<(&'a [bool], Option<usize>)>,
    pub(super) output: &'a [bool],
    /// Of each of its parameters the entries of every axis that stay.
    pub(super) params: Vec<&'a [Vec<bool>]>,
    pub(super) statistics: Statistics,
}

impl Kept<'_> {
    /// For each feature of a value that comes in, whether it stays.
    pub fn input(&self, at: usize) -> &[bool] {
        self.inputs[at].0
    }

    /// On which axis of a value that comes in its features lie.
    pub fn feature_axis(&self, at: usize) -> Option<usize> {
        self.inputs[at].1
    }

    /// How many features of a value that comes in stay.
    pub fn inputs_left(&self, at: usize) -> usize {
        count(self.inputs[at].0)
    }

    /// For each of the node's own features, whether it stays.
    pub fn output(&self) -> &[bool] {
        self.output
    }

    /// How many of the node's own features stay.
    pub fn outputs_left(&self) -> usize {
        count(self.output)
    }

    /// How many entries of an axis of one of the node's parameters stay, by its place in the op's list.
    pub fn entries_left(&self, param: usize, axis: usize) -> usize {
        count(&self.params[param][axis])
    }

    /// Where a norm of some features keeps `left`: over how many it works out its statistics, if not those. `over`: what it
    /// was before.
    pub fn over(&self, over: Option<usize>, features: usize, left: usize) -> Option<usize> {
        match self.statistics {
            Statistics::Kept => over.or((left < features).then_some(features)),
            Statistics::Recomputed => None,
        }
    }
}

/// How many of them stay.
pub fn count(kept: &[bool]) -> usize {
    kept.iter().filter(|kept| **kept).count()
}

/// How many of some equal runs of features have any left, and how many features each of those has.
pub fn runs_left(kept: &[bool], runs: usize) -> (usize, usize) {
    let size = (kept.len() / runs.max(1)).max(1);
    let left = kept.chunks(size).filter(|run| run.contains(&true)).count();
    (left, count(kept).checked_div(left).unwrap_or(0))
}
