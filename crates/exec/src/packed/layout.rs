use burn::backend::Cube;
use burn::tensor::{Device, Tensor};
use secateur_graph::Mask;
use secateur_kernels::KernelError;
use secateur_kernels::matmul::pack::{Pattern, pack_blocks, pack_nm};
use secateur_kernels::matmul::{BlockIndex, NmWeight, block_sparse};
use secateur_kernels::simd::{self, BLOCK, Blocks, Rows, Weight, Window, linear};
use secateur_protocol::Layout;

/// How a pruned weight [outputs, inputs] can be laid out so that what is gone is left out of its products.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// On the CPU: blocks of 16 x 16 with something in them.
    HostBlocks,
    /// On the CPU: kept entries.
    HostRows,
    /// On a GPU: blocks with so many weights a side.
    Blocks(usize),
    /// On a GPU: kept entries of N:M groups.
    NOfM(Pattern),
}

/// A weight that is laid out for its products.
#[derive(Clone, Debug)]
pub(crate) enum Packed {
    Host(simd::Packed),
    /// Which blocks there are, and their values.
    Blocks(Box<(BlockIndex, Tensor<3>)>),
    NOfM(Box<NmWeight>),
}

impl Kind {
    /// All that a device has products for.
    pub fn all(gpu: bool) -> Vec<Self> {
        match gpu {
            false => vec![Self::HostBlocks, Self::HostRows],
            true => [16, 32].map(Self::Blocks).into_iter().chain(Pattern::ALL.map(Self::NOfM)).collect(),
        }
    }

    /// Whether an entry of the weight that is measured is kept, so that the weight is what the layout is for.
    pub fn keeps(self, at: usize) -> bool {
        match self {
            Self::HostBlocks | Self::Blocks(_) => true,
            Self::HostRows => at.is_multiple_of(4),
            Self::NOfM(pattern) => at % pattern.n_of_m().1 < pattern.n_of_m().0,
        }
    }

    /// The share of the entries that a product still reads under a mask; none where the mask does not fit the layout.
    pub fn share(self, mask: &Mask, [outputs, inputs]: [usize; 2]) -> Option<f64> {
        match self {
            Self::HostRows => {
                (inputs <= Rows::MOST_INPUTS).then(|| mask.count_kept() as f64 / mask.len().max(1) as f64)
            }
            Self::HostBlocks => Some(share_of_blocks(mask, inputs, BLOCK)),
            Self::Blocks(side) => {
                let whole = outputs.is_multiple_of(side) && inputs.is_multiple_of(side);
                whole.then(|| share_of_blocks(mask, inputs, side))
            }
            Self::NOfM(pattern) => {
                let (n, m) = pattern.n_of_m();
                let fits = |group: usize| (group * m..(group + 1) * m).filter(|at| mask.is_kept(*at)).count() <= n;
                let fits = inputs.is_multiple_of(m) && (0..mask.len() / m).all(fits);
                fits.then_some(n as f64 / m as f64)
            }
        }
    }

    /// Lays out a weight whose pruned entries are 0. None where it does not fit.
    pub fn pack(self, weight: &[f32], mask: &Mask, shape: [usize; 2], device: &Device) -> Option<Packed> {
        let [outputs, inputs] = shape;
        Some(match self {
            Self::HostBlocks => Packed::Host(simd::Packed::Blocks(Blocks::new(weight, outputs, inputs))),
            Self::HostRows => Packed::Host(simd::Packed::Rows(Rows::new(weight, outputs, inputs)?)),
            Self::Blocks(side) => {
                let present = blocks(mask, inputs, side);
                let covered = (0..mask.len()).map(|at| present[block_of(at, inputs, side)]);
                let (list, values) = pack_blocks(weight, shape, &Mask::from_kept(covered), side).ok()?;
                let values = Tensor::<1>::from_floats(&values[..], device).reshape([list.len(), side, side]);
                Packed::Blocks(Box::new((BlockIndex::new(&list, device), values)))
            }
            Self::NOfM(pattern) => {
                let compressed = pack_nm(weight, shape, mask, pattern).ok()?;
                Packed::NOfM(Box::new(NmWeight::new(&compressed, device)))
            }
        })
    }
}

impl Packed {
    /// x Wᵀ + bias for x [.., inputs]. None where gradients are recorded, for which weights are not laid out.
    pub fn product<const D: usize>(&self, x: &Tensor<D>, bias: Option<&Tensor<1>>) -> Option<Tensor<D>> {
        match self {
            Self::Host(packed) => linear(x, Weight::Packed(packed), bias),
            Self::Blocks(blocks) => {
                let (index, values) = &**blocks;
                on_gpu(x, bias, |x| block_sparse(x, values.clone(), index))
            }
            Self::NOfM(weight) => on_gpu(x, bias, |x| weight.product(x)),
        }
    }

    /// A convolution of one group whose weight this is. None where gradients are recorded, and elsewhere than on the CPU.
    pub fn convolve(&self, x: &Tensor<4>, window: Window, bias: Option<&Tensor<1>>) -> Option<Tensor<4>> {
        match self {
            Self::Host(packed) => simd::convolve(x, window, Weight::Packed(packed), bias),
            Self::Blocks(_) | Self::NOfM(_) => None,
        }
    }

    /// Whether so many samples are worth it: as it lies, a weight is read faster for a few.
    pub fn pays(&self, samples: usize) -> bool {
        match self {
            Self::Host(packed) => packed.pays(samples),
            Self::Blocks(_) | Self::NOfM(_) => true,
        }
    }

    pub fn layout(&self) -> Layout {
        match self {
            Self::Host(simd::Packed::Rows(_)) => Layout::Rows,
            Self::Host(simd::Packed::Blocks(_)) | Self::Blocks(_) => Layout::Blocks,
            Self::NOfM(_) => Layout::NOfM,
        }
    }
}

/// A product of matrices for x [.., inputs], and the bias. None elsewhere than on a GPU, and where gradients are recorded.
pub(crate) fn on_gpu<const D: usize>(
    x: &Tensor<D>,
    bias: Option<&Tensor<1>>,
    product: impl FnOnce(Tensor<2>) -> Result<Tensor<2>, KernelError>,
) -> Option<Tensor<D>> {
    x.clone().try_into_primitive::<Cube>().ok()?;
    let mut shape = x.dims();
    let inputs = shape[D - 1];
    let samples = shape.iter().product::<usize>() / inputs.max(1);
    let y = product(x.clone().reshape([samples, inputs])).ok()?;
    shape[D - 1] = y.dims()[1];
    Some(
        match bias {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        }
        .reshape(shape),
    )
}

/// In which of a weight's blocks an entry lies, counted row by row.
pub(crate) fn block_of(at: usize, inputs: usize, side: usize) -> usize {
    at / inputs / side * inputs.div_ceil(side) + at % inputs / side
}

/// For each block, row by row, whether the mask keeps anything of it. Blocks at the edge may be cut short.
fn blocks(mask: &Mask, inputs: usize, side: usize) -> Vec<bool> {
    let mut present = vec![false; (mask.len() / inputs.max(1)).div_ceil(side) * inputs.div_ceil(side)];
    mask.kept().for_each(|at| present[block_of(at, inputs, side)] = true);
    present
}

fn share_of_blocks(mask: &Mask, inputs: usize, side: usize) -> f64 {
    let present = blocks(mask, inputs, side);
    present.iter().filter(|present| **present).count() as f64 / present.len().max(1) as f64
}
