use burn::tensor::Tensor;
use secateur_exec::Params;
use secateur_graph::Graph;
use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::surgery::{Removal, Statistics};

use crate::parts::units;
use crate::{Lab, MethodError, Outcome, Scores};

/// Sub-layers, or blocks, that can be left out one by one.
pub(crate) struct Skips {
    groups: Vec<Group>,
    at: usize,
}

impl Skips {
    /// # Errors
    /// Where the model has none.
    pub fn of(lab: &Lab<'_>, kind: UnitKind) -> Result<Self, MethodError> {
        let groups = lab.graph.groups_with(lab.vocabulary);
        match groups.iter().position(|group| group.kind == kind) {
            Some(at) => Ok(Self { groups, at }),
            None => Err(units::nothing_to_cut(&[kind], &groups)),
        }
    }

    fn group(&self) -> &Group {
        &self.groups[self.at]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.group().units
    }

    /// How many make up a share of them at most, and leave one.
    pub fn at_most(&self, share: f64) -> usize {
        ((share * self.len() as f64) as usize).min(self.len() - 1)
    }

    /// What one is, e.g. `attention of blocks.3`.
    pub fn name(&self, one: usize) -> &str {
        &self.group().skips[one].name
    }

    /// Those of one sort together: attentions, MLPs.
    pub fn sorts(&self) -> Vec<Vec<usize>> {
        let mut sorts: Vec<(&str, Vec<usize>)> = Vec::new();
        for one in 0..self.len() {
            let sort = self.name(one).split(" of ").next().unwrap_or_default();
            match sorts.iter_mut().find(|(name, _)| *name == sort) {
                Some((_, members)) => members.push(one),
                None => sorts.push((sort, vec![one])),
            }
        }
        sorts.into_iter().map(|(_, members)| members).collect()
    }

    /// For each of them in which block it is, counted from 0 over the blocks that have any; and how many such blocks there are.
    pub fn blocks(&self, graph: &Graph) -> (Vec<usize>, usize) {
        let of: Vec<u32> = self.group().skips.iter().map(|skip| graph.node(skip.to).block).collect();
        let mut blocks = of.clone();
        blocks.sort_unstable();
        blocks.dedup();
        (of.iter().map(|block| blocks.partition_point(|other| other < block)).collect(), blocks.len())
    }

    /// The model without some of them.
    pub fn without(&self, lab: &Lab<'_>, out: &[usize]) -> Result<(Graph, Params), MethodError> {
        let surgery = lab.graph.cut(&self.groups, &self.removal(out), Statistics::Kept)?;
        let params = lab.params.cut(lab.compute, &surgery)?;
        Ok((surgery.graph, params))
    }

    fn removal(&self, out: &[usize]) -> Removal {
        let mut units: Vec<u32> = out.iter().map(|one| *one as u32).collect();
        units.sort_unstable();
        let removal = [(self.at, units)];
        removal.into_iter().filter(|(_, units)| !units.is_empty()).collect()
    }

    /// The cut without some of them. `keep`: for each how much it should stay, which is the score of all that it has to
    /// itself; whatever belongs to none has `others`.
    pub fn outcome(
        &self,
        lab: &Lab<'_>,
        out: &[usize],
        (keep, others): (&[f32], f32),
        notes: Vec<String>,
    ) -> Result<Outcome, MethodError> {
        let removal = self.removal(out);
        let masks = units::masks(lab, &removal)?;
        let scores = lab.graph.prunable().map(|id| {
            let owner = self.group().skips.iter().position(|skip| skip.params.contains(&id));
            let (rows, cols) = lab.graph.param(id).matrix();
            let score: Tensor<2> = Tensor::full([1, 1], owner.map_or(others, |one| keep[one]), lab.compute.device());
            (id, score.expand([rows, cols]))
        });
        let scores = Scores::held(scores);
        Ok(Outcome { masks, removal, statistics: Statistics::Kept, params: None, scores, notes })
    }
}
