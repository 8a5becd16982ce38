use burn::tensor::{Tensor, TensorData};
use secateur_graph::{Graph, ParamId};

use crate::{Compute, ExecError, Params};

/// Importance of every entry of a weight [R, C] (see [`secateur_graph::Param::matrix`]): |w|, or |w| * sqrt(act_sq) of the
/// input it multiplies when `act_sq` [C] is given. Computed by the WGSL kernel on a GPU.
pub fn score(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    id: ParamId,
    act_sq: Option<&[f32]>,
) -> Result<Tensor<2>, ExecError> {
    let (rows, cols) = graph.param(id).matrix();
    let wrong = |got: String| {
        let node = graph.node(graph.param(id).node);
        ExecError::Shape { op: "score", node: node.name.clone(), want: format!("statistics of {cols} inputs"), got }
    };
    let act_sq = match act_sq {
        Some(act_sq) if act_sq.len() != cols => return Err(wrong(format!("{}", act_sq.len()))),
        Some(act_sq) => Some(Tensor::<1>::from_data(TensorData::new(act_sq.to_vec(), [cols]), compute.device())),
        None => None,
    };
    Ok(secateur_kernels::score(params.get(graph, id)?.matrix((rows, cols)), act_sq)?)
}
