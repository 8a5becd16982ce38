//! Exact selection where the scores are: the lowest go, exactly as many as asked for, and of equal scores those with the
//! lower index. On a GPU the scores stay there, and only the mask is read.
//!
//! The masks are those of [`secateur_graph::select`], which selects on the CPU.

mod device;

use burn::backend::flex::FlexTensor;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::backend::{Cube, Flex};
use burn::tensor::{DType, ExecutionError, Tensor};
use secateur_graph::select::{self, check_count, check_n_of_m};
use secateur_graph::{Mask, MaskError};

/// Why nothing was selected.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SelectError {
    #[error(transparent)]
    Mask(#[from] MaskError),
    #[error("groups of {group} rows do not divide {rows} rows; choose a divisor")]
    Rows { rows: usize, group: usize },
    #[error("blocks of {block:?} in a matrix of {matrix:?}: wanted {want:?} block scores, got {got:?}")]
    Blocks { matrix: [usize; 2], block: [usize; 2], want: [usize; 2], got: [usize; 2] },
    #[error("{scores} scores are too many for 32-bit indices; select from fewer at a time")]
    TooLarge { scores: usize },
    #[error("reading from the device failed: {}; open it again, or take the CPU", .0.reason())]
    Read(#[from] ExecutionError),
}

/// Without the `k` lowest scores.
pub async fn prune_lowest(scores: Tensor<2>, k: usize) -> Result<Mask, SelectError> {
    let mut masks = prune_lowest_of_all(vec![scores], k).await?;
    Ok(masks.remove(0))
}

/// Without the `k` lowest scores of all layers together; ties go to the lower layer, then the lower index.
pub async fn prune_lowest_of_all(scores: Vec<Tensor<2>>, k: usize) -> Result<Vec<Mask>, SelectError> {
    let lens: Vec<usize> = scores.iter().map(|scores| scores.dims().iter().product()).collect();
    check_count(k, lens.iter().sum())?;
    if k == 0 {
        return Ok(lens.into_iter().map(Mask::full).collect());
    }
    match place(scores).await? {
        Place::Device(layers) => device::above(&layers, k).await,
        Place::Host(layers) => {
            let layers = layers.iter().map(slice).collect::<Result<Vec<_>, _>>()?;
            Ok(select::prune_lowest(&layers, k)?)
        }
    }
}

/// Without the `k` lowest scores of every `group` rows of [R, C]; 1 is row by row.
pub async fn prune_rows(scores: Tensor<2>, group: usize, k: usize) -> Result<Mask, SelectError> {
    let [rows, cols] = scores.dims();
    if group == 0 || !rows.is_multiple_of(group) {
        return Err(SelectError::Rows { rows, group });
    }
    check_count(k, group * cols)?;
    if k == 0 {
        return Ok(Mask::full(rows * cols));
    }
    match place(vec![scores]).await? {
        Place::Device(layers) => device::rows(&layers[0], rows / group, k).await,
        Place::Host(layers) => Ok(select::prune_rows(slice(&layers[0])?, group * cols, k)?),
    }
}

/// With the `n` highest of every `m` consecutive scores of a row of [R, C], and the columns that fill no last group.
pub async fn prune_n_of_m(scores: Tensor<2>, n: usize, m: usize) -> Result<Mask, SelectError> {
    check_n_of_m(n, m)?;
    let [_, cols] = scores.dims();
    match place(vec![scores]).await? {
        Place::Device(layers) => device::n_of_m(&layers[0], cols, n, m).await,
        Place::Host(layers) => Ok(select::prune_n_of_m(slice(&layers[0])?, cols, n, m)?),
    }
}

/// The mask of a `matrix` [R, C] without its `k` blocks [height, width] of lowest score. Blocks at the right and lower edge
/// may reach beyond it: there are R / height x C / width scores, rounded up.
pub async fn prune_blocks(
    scores: Tensor<2>,
    matrix: [usize; 2],
    block: [usize; 2],
    k: usize,
) -> Result<Mask, SelectError> {
    let got = scores.dims();
    let want = [0, 1].map(|axis| matrix[axis].div_ceil(block[axis].max(1)));
    if block.contains(&0) || got != want {
        return Err(SelectError::Blocks { matrix, block, want, got });
    }
    check_count(k, got[0] * got[1])?;
    if k == 0 {
        return Ok(Mask::full(matrix[0] * matrix[1]));
    }
    match place(vec![scores]).await? {
        Place::Device(layers) => device::blocks(&layers[0], matrix, block, k).await,
        Place::Host(layers) => {
            let blocks = select::prune_lowest(&[slice(&layers[0])?], k)?;
            Ok(select::whole_blocks(&blocks[0], matrix, block))
        }
    }
}

/// Where the scores of some layers are selected from, contiguous and in f32.
enum Place {
    Device(Vec<CubeTensor>),
    Host(Vec<FlexTensor>),
}

/// A GPU if all are on one, else the host.
async fn place(scores: Vec<Tensor<2>>) -> Result<Place, SelectError> {
    let scores: Vec<_> = scores.into_iter().map(|scores| scores.cast(DType::F32)).collect();
    let on_gpu = scores.iter().map(|scores| scores.clone().try_into_primitive::<Cube>());
    if let Ok(layers) = on_gpu.collect::<Result<Vec<_>, _>>()
        && layers.windows(2).all(|pair| pair[0].device == pair[1].device)
    {
        return Ok(Place::Device(layers.into_iter().map(into_contiguous).collect()));
    }
    let mut layers = Vec::new();
    for scores in scores {
        layers.push(on_host(scores).await?.to_contiguous());
    }
    Ok(Place::Host(layers))
}

/// As it is if it is there, or else a copy.
async fn on_host(scores: Tensor<2>) -> Result<FlexTensor, SelectError> {
    if let Ok(scores) = scores.clone().try_into_primitive::<Flex>() {
        return Ok(scores);
    }
    Ok(FlexTensor::from_data(scores.into_data_async().await?))
}

fn slice(scores: &FlexTensor) -> Result<&[f32], SelectError> {
    scores.as_slice().ok_or_else(|| unreadable(format!("{scores:?} is no row of f32")))
}

fn unreadable(reason: String) -> SelectError {
    ExecutionError::with_context(reason).into()
}

#[cfg(test)]
mod tests;
