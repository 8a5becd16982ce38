use burn::tensor::{Tensor, TensorData};
use secateur_kernels::simd::{BLOCK, Blocks, Packed, Rows, Weight, linear};

use super::finished;
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
    /// `burn` (the library's), `dense` (ours), `blocks`, `rows`.
    pub kernel: &'static str,
    /// The share of the weight that is kept.
    pub density: f64,
    weight: Multiplied,
}

enum Multiplied {
    Burn(Tensor<2>),
    Own(Tensor<2>),
    Packed(Packed),
}

impl ProductBench {
    /// x [samples, inputs], W [outputs, inputs], of random numbers; what is pruned is random too, whole blocks for `blocks`.
    pub fn new(compute: &Compute, [samples, inputs, outputs]: [usize; 3]) -> Self {
        let mut rng = Rng::keyed(0, "bench-products", 0, "");
        let mut normal = |len: usize| (0..len).map(|_| rng.normal()).collect::<Vec<f32>>();
        let (x, w) = (normal(samples * inputs), normal(outputs * inputs));
        let tensor = |data: &[f32], shape| Tensor::from_data(TensorData::new(data.to_vec(), shape), compute.device());
        let weight = tensor(&w, [outputs, inputs]);
        let mut products = vec![Product { kernel: "burn", density: 1.0, weight: Multiplied::Burn(weight.clone()) }];
        if !compute.adapter().gpu {
            products.push(Product { kernel: "dense", density: 1.0, weight: Multiplied::Own(weight) });
            let thinned = |block, density| thinned(&w, inputs, block, density);
            products.extend(DENSITIES.map(|density| {
                let packed = Packed::Blocks(Blocks::new(&thinned(BLOCK, density), outputs, inputs));
                Product { kernel: "blocks", density, weight: Multiplied::Packed(packed) }
            }));
            products.extend(DENSITIES.into_iter().filter_map(|density| {
                let packed = Packed::Rows(Rows::new(&thinned(1, density), outputs, inputs)?);
                Some(Product { kernel: "rows", density, weight: Multiplied::Packed(packed) })
            }));
        }
        Self { x: tensor(&x, [samples, inputs]), products }
    }

    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Multiplies `runs` times and waits until it is done.
    pub async fn run(&self, product: &Product, runs: usize) -> Result<(), ExecError> {
        let own = |weight| linear(&self.x, weight, None).ok_or_else(|| ExecError::Device("this is not the CPU".into()));
        let once = || match &product.weight {
            Multiplied::Burn(weight) => Ok(self.x.clone().matmul(weight.clone().transpose())),
            Multiplied::Own(weight) => own(Weight::Plain(weight)),
            Multiplied::Packed(packed) => own(Weight::Packed(packed)),
        };
        let mut y = once()?;
        for _ in 1..runs {
            y = once()?;
        }
        finished(y).await
    }
}

/// The weight with so many of its squares of `block` entries kept, the same ones every time.
fn thinned(weight: &[f32], inputs: usize, block: usize, density: f64) -> Vec<f32> {
    let mut rng = Rng::keyed(0, "bench-kept", block as u64, "");
    let across = inputs.div_ceil(block);
    let blocks = (weight.len() / inputs.max(1)).div_ceil(block) * across;
    let kept: Vec<bool> = (0..blocks).map(|_| f64::from(rng.uniform()) < density).collect();
    let of = |at: usize| at / inputs / block * across + at % inputs / block;
    weight.iter().enumerate().map(|(at, value)| if kept[of(at)] { *value } else { 0.0 }).collect()
}
