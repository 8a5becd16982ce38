use std::collections::BTreeMap;

use secateur_graph::ParamId;

use super::pattern::blocks;
use super::{Allocation, Cut, Pattern, allocate};
use crate::lab::Source;
use crate::{Lab, MethodError};

/// What each prunable parameter loses.
pub(super) type Plan = BTreeMap<ParamId, Cut>;

/// Turns shares into counts.
pub(super) async fn plan(lab: &mut Lab<'_>, source: &Source, pattern: Pattern) -> Result<Plan, MethodError> {
    let graph = lab.graph;
    let ids = graph.prunable();
    Ok(match pattern {
        Pattern::NOfM { n, m } => ids.map(|id| (id, Cut::NOfM { n, m })).collect(),
        Pattern::Rows { sparsity } => {
            let k = |id| allocate::at_most(sparsity, graph.param(id).matrix().1);
            ids.map(|id| (id, Cut::PerRow { k: k(id) })).collect()
        }
        Pattern::Blocks { sparsity, side } => {
            let k = |id| allocate::at_most(sparsity, blocks(graph.param(id), side));
            ids.map(|id| (id, Cut::Blocks { side, k: k(id) })).collect()
        }
        Pattern::Layers { sparsity, allocation } => {
            let counts = counts(lab, source, sparsity, allocation).await?;
            ids.zip(counts).map(|(id, k)| (id, Cut::Lowest { k })).collect()
        }
    })
}

/// Entries that go by layer. Where scores of different layers are compared, they are those of the dense model:
/// how much a layer loses has to be known before any earlier one is cut.
async fn counts(
    lab: &mut Lab<'_>,
    source: &Source,
    sparsity: f64,
    allocation: Allocation,
) -> Result<Vec<usize>, MethodError> {
    let layers = || lab.graph.prunable().map(|id| lab.graph.param(id));
    let sizes: Vec<usize> = layers().map(|param| param.len()).collect();
    let total: usize = sizes.iter().sum();
    let k = allocate::share(sparsity, total);
    Ok(match allocation {
        Allocation::Uniform => sizes.iter().map(|size| allocate::share(sparsity, *size)).collect(),
        Allocation::Erk => allocate::erk(&layers().map(|param| param.shape()).collect::<Vec<_>>(), k),
        Allocation::Lamp => allocate::global(lab.lamp().await?, k).await?,
        Allocation::Global { floor } => {
            let counts = allocate::global(lab.scores(source).await?, k).await?;
            allocate::with_floor(&counts, &sizes, (total as f64 * floor / 100.0) as usize)?
        }
    })
}
