use burn::backend::Cube;
use burn::backend::wgpu::into_contiguous;
use burn::tensor::Tensor;

use crate::launch::{MAX_GROUPS, launch, strided, told, unwritten};
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
    let output = unwritten(&on_gpu, &[rows, cols]);
    let too_large = |_| KernelError::TooLarge { kernel: "wanda", rows, cols };
    // The index and its last stride must fit the shader's 32 bits.
    u32::try_from((rows * cols).saturating_add(MAX_GROUPS as usize * 256)).map_err(too_large)?;
    let dims = Dims { rows: rows as u32, cols: cols as u32 };
    let weight = into_contiguous(on_gpu);
    let mut buffers = vec![told(&weight.client, &dims), weight.handle.clone(), output.handle.clone()];
    let kernel = match act_sq {
        None => &MAGNITUDE,
        Some(act_sq) => {
            let act_sq = act_sq.try_into_primitive::<Cube>().map_err(|_| KernelError::Device { kernel: "wanda" })?;
            buffers.push(into_contiguous(act_sq).handle);
            &WANDA
        }
    };
    launch(kernel, &weight.client, strided(kernel, rows * cols), buffers);
    Ok(Tensor::from_primitive::<Cube>(output))
}

fn on_cpu(weight: Tensor<2>, act_sq: Option<Tensor<1>>) -> Tensor<2> {
    match act_sq {
        Some(act_sq) => weight.abs() * act_sq.sqrt().unsqueeze(),
        None => weight.abs(),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::check::{Close, MATRICES, Noise};
    use crate::cpu::score::wanda::wanda;

    #[test]
    fn the_cpu_path_equals_the_twin() {
        let device = Device::flex();
        for &[rows, cols] in MATRICES {
            let mut noise = Noise::new(1);
            let (weight, act_sq) =
                (noise.many(rows * cols), noise.many(cols).iter().map(|x| x * x).collect::<Vec<_>>());
            let dims = Dims { rows: rows as u32, cols: cols as u32 };
            let mut want = vec![f32::NAN; rows * cols];
            wanda(&dims, &weight, &mut want, Some(&act_sq));
            let weight = Tensor::from_data(TensorData::new(weight, [rows, cols]), &device);
            let act_sq = Tensor::from_data(TensorData::new(act_sq, [cols]), &device);
            let got = score(weight, Some(act_sq)).unwrap().into_data().try_into_vec::<f32>().unwrap();
            Close { abs: 1e-6, rel: 1e-5 }.compare(&want, &got, cols.max(1)).unwrap();
        }
    }

    #[test]
    fn statistics_of_another_size_are_refused() {
        let weight = Tensor::<2>::zeros([2, 3], &Device::flex());
        let act_sq = Tensor::<1>::zeros([2], &Device::flex());
        let said = score(weight, Some(act_sq)).unwrap_err().to_string();
        assert_eq!(said, "wanda: wanted act_sq [3], got [2]");
    }
}
