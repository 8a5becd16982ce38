//! One score for each weight.

use burn::backend::Cube;
use burn::tensor::Tensor;

use crate::apply::{beside, entries, mapped, owned, readable};
use crate::kernel::{ADD_MAGNITUDES, ADD_SQUARES, GBLM_L1, GBLM_L2, POWER, TAYLOR, TAYLOR_SQUARED};
use crate::launch::{launch, strided, told};
use crate::{Blend, Count, Kernel, KernelError, Power};

/// |w|^power of each weight, any shape. Powers 1 and 2 are exact.
///
/// # Errors
/// Says so if the power is not above 0.
pub fn power<const D: usize>(weight: Tensor<D>, power: f32) -> Result<Tensor<D>, KernelError> {
    if power.is_nan() || power <= 0.0 {
        let (want, got) = ("a power above 0".into(), power.to_string());
        return Err(KernelError::Shape { kernel: "power", want, got });
    }
    let count = entries("power", &weight)?;
    if count == 0 {
        return Ok(weight);
    }
    Ok(match readable(&weight) {
        Some(weight) => Tensor::from_primitive::<Cube>(mapped(&POWER, &Power { count, power }, &[&weight])),
        None if power == 1.0 => weight.abs(),
        None if power == 2.0 => weight.square(),
        None => weight.abs().powf_scalar(power),
    })
}

/// What leaving a weight out changes the loss by, to first order: |w * g| of weights and the loss's gradient by them,
/// both of one shape (Molchanov et al., 2017).
///
/// # Errors
/// Says so if the shapes or devices differ.
pub fn taylor<const D: usize>(weight: Tensor<D>, grad: Tensor<D>) -> Result<Tensor<D>, KernelError> {
    change(&TAYLOR, weight, grad, |change| change.abs())
}

/// The square of [`taylor`]: (w * g)^2 (Molchanov et al., 2019, equation 8).
///
/// # Errors
/// Says so if the shapes or devices differ.
pub fn taylor_squared<const D: usize>(weight: Tensor<D>, grad: Tensor<D>) -> Result<Tensor<D>, KernelError> {
    change(&TAYLOR_SQUARED, weight, grad, |change| change.square())
}

fn change<const D: usize>(
    kernel: &'static Kernel,
    weight: Tensor<D>,
    grad: Tensor<D>,
    plain: impl Fn(Tensor<D>) -> Tensor<D>,
) -> Result<Tensor<D>, KernelError> {
    beside(kernel.name, &weight, "grad", weight.dims(), &grad)?;
    let count = entries(kernel.name, &weight)?;
    if count == 0 {
        return Ok(weight);
    }
    Ok(match (readable(&weight), readable(&grad)) {
        (Some(weight), Some(grad)) => {
            Tensor::from_primitive::<Cube>(mapped(kernel, &Count { count }, &[&weight, &grad]))
        }
        _ => plain(weight * grad),
    })
}

/// What is added up over gradients of single samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradSum {
    /// |g|.
    Magnitudes,
    /// g^2: divided by the number of samples, the diagonal of the empirical Fisher information.
    Squares,
}

/// `sum` with another sample's gradient added, both of one shape. On a GPU it is written where `sum` is if nobody else
/// has that tensor.
///
/// # Errors
/// Says so if the shapes or devices differ.
pub fn accumulate<const D: usize>(sum: Tensor<D>, grad: Tensor<D>, of: GradSum) -> Result<Tensor<D>, KernelError> {
    let kernel = match of {
        GradSum::Magnitudes => &ADD_MAGNITUDES,
        GradSum::Squares => &ADD_SQUARES,
    };
    beside(kernel.name, &sum, "grad", sum.dims(), &grad)?;
    let count = entries(kernel.name, &sum)?;
    if count == 0 {
        return Ok(sum);
    }
    let (Some(before), Some(grad_read)) = (readable(&sum), readable(&grad)) else {
        return Ok(match of {
            GradSum::Magnitudes => sum + grad.abs(),
            GradSum::Squares => sum + grad.square(),
        });
    };
    drop(sum);
    let sum = owned(before);
    let buffers = vec![told(&sum.client, &Count { count }), grad_read.handle, sum.handle.clone()];
    launch(kernel, &sum.client, strided(kernel, count as usize), buffers);
    Ok(Tensor::from_primitive::<Cube>(sum))
}

/// |w| * (sqrt(act_sq) + alpha * norm) of each weight [R, C], with the sum of squares of each input, act_sq [C], and
/// the norm over samples of each weight's gradient, from [`accumulate`]'s sum [R, C]: the sum of magnitudes or the root
/// of the sum of squares (Das et al., 2023).
///
/// # Errors
/// Says so if a shape does not fit or the devices differ.
pub fn gblm(
    weight: Tensor<2>,
    act_sq: Tensor<1>,
    grad_sum: Tensor<2>,
    of: GradSum,
    alpha: f32,
) -> Result<Tensor<2>, KernelError> {
    let kernel = match of {
        GradSum::Magnitudes => &GBLM_L1,
        GradSum::Squares => &GBLM_L2,
    };
    let [rows, cols] = weight.dims();
    beside(kernel.name, &weight, "act_sq", [cols], &act_sq)?;
    beside(kernel.name, &weight, "grad_sum", [rows, cols], &grad_sum)?;
    if entries(kernel.name, &weight)? == 0 {
        return Ok(weight);
    }
    let blend = Blend { rows: rows as u32, cols: cols as u32, alpha };
    Ok(match (readable(&weight), readable(&act_sq), readable(&grad_sum)) {
        (Some(weight), Some(act_sq), Some(grad_sum)) => {
            Tensor::from_primitive::<Cube>(mapped(kernel, &blend, &[&weight, &act_sq, &grad_sum]))
        }
        _ => {
            let norm = if of == GradSum::Squares { grad_sum.sqrt() } else { grad_sum };
            weight.abs() * (act_sq.sqrt().unsqueeze() + norm * alpha)
        }
    })
}
