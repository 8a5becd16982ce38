use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};
use secateur_graph::Mask;
use secateur_kernels::matmul::pack::Pattern;
use secateur_kernels::matmul::{self, PackedMask};
use secateur_kernels::simd::{self, BLOCK, Weight, Window};

use super::finished;
use crate::packed::{Kind, Packed, block_of};
use crate::rng::Rng;
use crate::{Compute, ExecError};

/// Shares of a weight that are kept.
const DENSITIES: [f64; 5] = [1.0, 0.5, 0.25, 0.1, 0.05];

/// One layer's product y = x Wᵀ, by every kernel that a device has, at several densities.
pub struct ProductBench {
    x: Given,
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

/// What a layer is given.
enum Given {
    /// A linear layer: [samples, inputs].
    Rows(Tensor<2>),
    /// A convolution: one picture with as many places as there are samples.
    Picture(Tensor<4>, Window),
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
    /// With the side of a window it is a convolution: samples are places, and inputs what the window sees of all channels.
    pub fn new(
        compute: &Compute,
        [samples, inputs, outputs]: [usize; 3],
        window: Option<usize>,
    ) -> Result<Self, ExecError> {
        let x = Given::new(compute, samples, inputs, window);
        let made = Made::new(compute, [inputs, outputs]);
        let whole = |kernel, weight| Product { kernel, density: 1.0, weight };
        let weight = made.tensor(&made.weight, [outputs, inputs]);
        // As many bytes as a product reads and writes: a copy reads one half and writes the other.
        let moved = (x.len() + outputs * inputs + samples * outputs).div_ceil(2);
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
        if matches!(x, Given::Picture(..)) {
            // A model would not take the others.
            products.retain(|product| matches!(product.weight.times(&x), Ok(Some(_))));
        }
        Ok(Self { x, products })
    }

    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Multiplies `runs` times and waits until it is done.
    pub async fn run(&self, product: &Product, runs: usize) -> Result<(), ExecError> {
        let refused = || ExecError::Device(format!("{} is not for this product", product.kernel));
        let once = || product.weight.times(&self.x)?.ok_or_else(refused);
        let mut y = once()?;
        for _ in 1..runs {
            y = once()?;
        }
        finished(y).await
    }
}

impl Given {
    fn new(compute: &Compute, samples: usize, inputs: usize, window: Option<usize>) -> Self {
        let mut rng = Rng::keyed(0, "bench-samples", 0, "");
        let mut normal = |len: usize| (0..len).map(|_| rng.normal()).collect::<Vec<f32>>();
        let Some(kernel) = window else {
            let x = TensorData::new(normal(samples * inputs), [samples, inputs]);
            return Self::Rows(Tensor::from_data(x, compute.device()));
        };
        // As square as it can be.
        let height = (1..=samples.isqrt()).rev().find(|height| samples.is_multiple_of(*height)).unwrap_or(1);
        let shape = [1, inputs / (kernel * kernel), height + kernel - 1, samples / height + kernel - 1];
        let x = TensorData::new(normal(shape.iter().product()), shape);
        Self::Picture(Tensor::from_data(x, compute.device()), Window { kernel, stride: 1, padding: 0 })
    }

    fn len(&self) -> usize {
        match self {
            Self::Rows(x) => x.shape().num_elements(),
            Self::Picture(x, _) => x.shape().num_elements(),
        }
    }
}

impl Multiplied {
    /// The product, or the copy. None where the kernel is not for it.
    fn times(&self, x: &Given) -> Result<Option<Tensor<2>>, ExecError> {
        match (self, x) {
            (Self::Copy(bytes), _) => Ok(Some(bytes.clone() * 1.0)),
            (_, Given::Rows(x)) => self.times_rows(x),
            (_, Given::Picture(x, window)) => Ok(self.over(x, *window).map(|y| y.flatten(0, 2))),
        }
    }

    /// The product of a linear layer.
    fn times_rows(&self, x: &Tensor<2>) -> Result<Option<Tensor<2>>, ExecError> {
        Ok(match self {
            Self::Copy(_) => None,
            Self::Burn(weight) => Some(x.clone().matmul(weight.clone().transpose())),
            Self::Own(weight) => match simd::linear(x, Weight::Plain(weight), None) {
                Some(y) => Some(y),
                None => Some(matmul::dense(x.clone(), weight.clone())?),
            },
            Self::Masked(masked) => {
                let (weight, mask) = &**masked;
                Some(matmul::masked(x.clone(), weight.clone(), mask)?)
            }
            Self::Packed(packed) => packed.product(x, None),
        })
    }

    /// The convolution.
    fn over(&self, x: &Tensor<4>, window: Window) -> Option<Tensor<4>> {
        match self {
            Self::Copy(_) | Self::Masked(_) => None,
            Self::Burn(weight) => {
                let shape = [weight.dims()[0], x.dims()[1], window.kernel, window.kernel];
                let options = ConvOptions::new([1; 2], [0; 2], [1; 2], 1);
                Some(conv2d(x.clone(), weight.clone().reshape(shape), None, options))
            }
            Self::Own(weight) => simd::convolve(x, window, Weight::Plain(weight), None),
            Self::Packed(packed) => packed.convolve(x, window, None),
        }
    }
}

/// The numbers of a weight.
struct Made<'a> {
    compute: &'a Compute,
    inputs: usize,
    outputs: usize,
    weight: Vec<f32>,
}

impl<'a> Made<'a> {
    fn new(compute: &'a Compute, [inputs, outputs]: [usize; 2]) -> Self {
        let mut rng = Rng::keyed(0, "bench-products", 0, "");
        Self { compute, inputs, outputs, weight: (0..outputs * inputs).map(|_| rng.normal()).collect() }
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
