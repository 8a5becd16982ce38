use burn::tensor::{Tensor, TensorData};
use secateur_graph::Mask;
use secateur_kernels::matmul::pack::Pattern;
use secateur_kernels::matmul::{self, PackedMask};
use secateur_kernels::simd::{BLOCK, Weight, linear};

use super::finished;
use crate::packed::{Kind, Packed, block_of};
use crate::rng::Rng;
use crate::{Compute, ExecError};

/// Shares of a weight that are kept.
const DENSITIES: [f64; 5] = [1.0, 0.5, 0.25, 0.1, 0.05];

/// One layer's product y = x Wᵀ, by every kernel that a device has, at several densities.
pub struct ProductBench {
    x: Tensor<2>,
    products: Vec<Product>,
}

/// A way to multiply, with a weight of its own.
pub struct Product {
    /// As [`ProductTime::kernel`](secateur_protocol::ProductTime::kernel) lists them.
    pub kernel: &'static str,
    /// The share of the weight that is kept.
    pub density: f64,
    weight: Multiplied,
}

enum Multiplied {
    Copy(Tensor<2>),
    Burn(Tensor<2>),
    Own(Tensor<2>),
    Masked(Box<(Tensor<2>, PackedMask)>),
    Packed(Packed),
}

impl ProductBench {
    /// x [samples, inputs], W [outputs, inputs], of random numbers; what is pruned is random too, in the kernel's pattern.
    pub fn new(compute: &Compute, [samples, inputs, outputs]: [usize; 3]) -> Result<Self, ExecError> {
        let made = Made::new(compute, [samples, inputs, outputs]);
        let whole = |kernel, weight| Product { kernel, density: 1.0, weight };
        let weight = made.tensor(&made.weight, [outputs, inputs]);
        // As many bytes as a product reads and writes: a copy reads one half and writes the other.
        let moved = (samples * inputs + outputs * inputs + samples * outputs).div_ceil(2);
        let mut products = vec![
            whole("burn", Multiplied::Burn(weight.clone())),
            whole("copy", Multiplied::Copy(Tensor::ones([1, moved], compute.device()))),
            whole("dense", Multiplied::Own(weight.clone())),
            Product { kernel: "masked", density: 0.5, weight: made.masked(weight, 0.5)? },
        ];
        let add = |products: &mut Vec<Product>, kind: Kind, density: f64| {
            products.extend(made.packed(kind, density).map(|weight| {
                let kernel = name(kind);
                Product { kernel, density, weight: Multiplied::Packed(weight) }
            }));
        };
        for kind in Kind::all(compute.adapter().gpu) {
            match kind {
                Kind::NOfM(pattern) => {
                    let (n, m) = pattern.n_of_m();
                    add(&mut products, kind, n as f64 / m as f64);
                }
                _ => DENSITIES.into_iter().for_each(|density| add(&mut products, kind, density)),
            }
        }
        Ok(Self { x: made.tensor(&made.x, [samples, inputs]), products })
    }

    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Multiplies `runs` times and waits until it is done.
    pub async fn run(&self, product: &Product, runs: usize) -> Result<(), ExecError> {
        let refused = || ExecError::Device(format!("{} is not for this product", product.kernel));
        let once = || match &product.weight {
            Multiplied::Copy(bytes) => Ok(bytes.clone() * 1.0),
            Multiplied::Burn(weight) => Ok(self.x.clone().matmul(weight.clone().transpose())),
            Multiplied::Own(weight) => match linear(&self.x, Weight::Plain(weight), None) {
                Some(y) => Ok(y),
                None => Ok(matmul::dense(self.x.clone(), weight.clone())?),
            },
            Multiplied::Masked(masked) => {
                let (weight, mask) = &**masked;
                Ok(matmul::masked(self.x.clone(), weight.clone(), mask)?)
            }
            Multiplied::Packed(packed) => packed.product(&self.x, None).ok_or_else(refused),
        };
        let mut y = once()?;
        for _ in 1..runs {
            y = once()?;
        }
        finished(y).await
    }
}

/// The numbers of a product.
struct Made<'a> {
    compute: &'a Compute,
    inputs: usize,
    outputs: usize,
    x: Vec<f32>,
    weight: Vec<f32>,
}

impl<'a> Made<'a> {
    fn new(compute: &'a Compute, [samples, inputs, outputs]: [usize; 3]) -> Self {
        let mut rng = Rng::keyed(0, "bench-products", 0, "");
        let mut normal = |len: usize| (0..len).map(|_| rng.normal()).collect();
        Self { compute, inputs, outputs, x: normal(samples * inputs), weight: normal(outputs * inputs) }
    }

    fn tensor(&self, data: &[f32], shape: [usize; 2]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(data.to_vec(), shape), self.compute.device())
    }

    fn masked(&self, weight: Tensor<2>, density: f64) -> Result<Multiplied, ExecError> {
        let mask = PackedMask::new(&self.mask(1, density), weight.dims(), self.compute.device());
        Ok(Multiplied::Masked(Box::new((weight, mask?))))
    }

    /// None where the weight's size is not for this layout.
    fn packed(&self, kind: Kind, density: f64) -> Option<Packed> {
        let shape = [self.outputs, self.inputs];
        let mask = match kind {
            Kind::HostBlocks => self.mask(BLOCK, density),
            Kind::Blocks(side) => self.mask(side, density),
            Kind::HostRows => self.mask(1, density),
            Kind::NOfM(_) => Mask::from_kept((0..self.weight.len()).map(|at| kind.keeps(at))),
        };
        kind.share(&mask, shape)?;
        let weight: Vec<f32> = self.weight.iter().zip(mask.to_f32()).map(|(weight, kept)| weight * kept).collect();
        kind.pack(&weight, &mask, shape, self.compute.device())
    }

    /// Keeps so many of the weight's squares of `block` entries, the same ones every time.
    fn mask(&self, block: usize, density: f64) -> Mask {
        let mut rng = Rng::keyed(0, "bench-kept", block as u64, "");
        let blocks = self.outputs.div_ceil(block) * self.inputs.div_ceil(block);
        let kept: Vec<bool> = (0..blocks).map(|_| f64::from(rng.uniform()) < density).collect();
        Mask::from_kept((0..self.weight.len()).map(|at| kept[block_of(at, self.inputs, block)]))
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::HostBlocks | Kind::Blocks(16) => "blocks16",
        Kind::Blocks(_) => "blocks32",
        Kind::HostRows => "rows",
        Kind::NOfM(Pattern::OneOfFour) => "1:4",
        Kind::NOfM(Pattern::TwoOfFour) => "2:4",
        Kind::NOfM(Pattern::FourOfEight) => "4:8",
    }
}
