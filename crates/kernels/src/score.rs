use burn::backend::Cube;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{DType, Tensor};

use crate::launch::{MAX_GROUPS, launch};
use crate::{Dims, KernelError, MAGNITUDE, WANDA};

/// Importance of each weight [R, C]: |w|, or |w| * sqrt(act_sq) with the sum of squares of each input, act_sq [C]
/// (Sun et al., 2023). Runs the WGSL kernel on a GPU and burn's own operations on the CPU.
pub fn score(weight: Tensor<2>, act_sq: Option<Tensor<1>>) -> Result<Tensor<2>, KernelError> {
    let [rows, cols] = weight.dims();
    if let Some(act_sq) = act_sq.as_ref().filter(|act_sq| act_sq.dims() != [cols]) {
        let (want, got) = (format!("act_sq [{cols}]"), format!("{:?}", act_sq.dims()));
        return Err(KernelError::Shape { kernel: "wanda", want, got });
    }
    if rows * cols == 0 {
        return Ok(weight);
    }
    let Ok(on_gpu) = weight.clone().try_into_primitive::<Cube>() else { return Ok(on_cpu(weight, act_sq)) };
    let bytes = rows * cols * size_of::<f32>();
    let handle = on_gpu.client.empty(bytes);
    let output = CubeTensor::new_contiguous(
        on_gpu.client.clone(),
        on_gpu.device.clone(),
        [rows, cols].into(),
        handle,
        DType::F32,
    );
    into(on_gpu, act_sq, output, MAX_GROUPS).map(Tensor::from_primitive::<Cube>)
}

/// The kernel with a given output buffer, all of which it writes.
pub(crate) fn into(
    weight: CubeTensor,
    act_sq: Option<Tensor<1>>,
    output: CubeTensor,
    max_groups: u32,
) -> Result<CubeTensor, KernelError> {
    let shape = weight.meta.shape();
    let (rows, cols) = (shape[0], shape[1]);
    let too_large = |_| KernelError::TooLarge { kernel: "wanda", rows, cols };
    // The index and its last stride must fit the shader's 32 bits.
    u32::try_from(rows.saturating_mul(cols).saturating_add(MAX_GROUPS as usize * 256)).map_err(too_large)?;
    let dims = Dims { rows: rows as u32, cols: cols as u32 };
    let dims = weight.client.create_from_slice(&dims.to_bytes());
    let weight = into_contiguous(weight);
    let mut buffers = vec![dims.binding(), weight.handle.clone().binding(), output.handle.clone().binding()];
    let kernel = match act_sq {
        None => &MAGNITUDE,
        Some(act_sq) => {
            let act_sq = act_sq.try_into_primitive::<Cube>().map_err(|_| KernelError::Device { kernel: "wanda" })?;
            buffers.push(into_contiguous(act_sq).handle.binding());
            &WANDA
        }
    };
    launch(kernel, &weight, rows * cols, max_groups, buffers);
    Ok(output)
}

fn on_cpu(weight: Tensor<2>, act_sq: Option<Tensor<1>>) -> Tensor<2> {
    match act_sq {
        Some(act_sq) => weight.abs() * act_sq.sqrt().unsqueeze(),
        None => weight.abs(),
    }
}
