use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::backend::wgpu::{CubeBackend, CubeTensor};
use burn::tensor::FloatDType;

use super::{Factor, Linear, LinearGrads};
use crate::kernel::*;
use crate::launch::unwritten;
use crate::{Kernel, Product};

impl Linear for CubeBackend {
    fn factored(x: CubeTensor, weight: CubeTensor, factor: Factor<Self>) -> CubeTensor {
        let ([m, k], [n, _]) = (x.shape().dims(), weight.shape().dims());
        if m * n * k == 0 {
            return zeros(&x, [m, n]);
        }
        let [odd, quads]: [&'static Kernel; 2] = match &factor {
            Factor::One => [&DENSE, &DENSE_QUADS],
            Factor::Mask(_) | Factor::Learned(..) => [&MASKED, &MASKED_QUADS],
            Factor::Inputs(_) => [&GATED_IN, &GATED_IN_QUADS],
            Factor::Outputs(_) => [&GATED_OUT, &GATED_OUT_QUADS],
        };
        let kernel = if k % 4 == 0 { quads } else { odd };
        Product::of(m, n, k, k).launch(kernel, [x, weight], &[m, n], factor.bound())
    }
}

impl LinearGrads for CubeBackend {
    fn linear_dx(dy: CubeTensor, weight: CubeTensor, factor: Factor<Self>) -> CubeTensor {
        let ([m, n], [_, k]) = (dy.shape().dims(), weight.shape().dims());
        if m * n * k == 0 {
            return zeros(&dy, [m, k]);
        }
        let kernel = match &factor {
            Factor::One => &DENSE_DX,
            Factor::Mask(_) | Factor::Learned(..) => &MASKED_DX,
            Factor::Inputs(_) => &GATED_IN_DX,
            Factor::Outputs(_) => &GATED_OUT_DX,
        };
        Product::of(m, k, n, k).launch(kernel, [dy, weight], &[m, k], factor.bound())
    }

    fn linear_dw(
        dy: CubeTensor,
        x: CubeTensor,
        weight: CubeTensor,
        factor: Factor<Self>,
    ) -> (CubeTensor, Option<CubeTensor>) {
        let ([m, n], [_, k]) = (dy.shape().dims(), x.shape().dims());
        let (kernel, learned) = match &factor {
            Factor::One => (&DENSE_DW, false),
            Factor::Mask(_) => (&MASKED_DW, false),
            Factor::Learned(..) => (&MASKED_DW_LEARNED, true),
            Factor::Inputs(_) => (&GATED_IN_DW_LEARNED, true),
            Factor::Outputs(_) => (&GATED_OUT_DW_LEARNED, true),
        };
        if m * n * k == 0 {
            return (zeros(&dy, [n, k]), learned.then(|| zeros(&dy, [n, k])));
        }
        let dfactor = learned.then(|| unwritten(&dy, &[n, k]));
        let mut more: Vec<CubeTensor> = factor.bound().into_iter().collect();
        if let Some(dfactor) = &dfactor {
            more.extend([weight, dfactor.clone()]);
        }
        (Product::of(n, k, m, k).launch(kernel, [dy, x], &[n, k], more), dfactor)
    }
}

impl Factor<CubeBackend> {
    /// The buffer that the kernels bind.
    fn bound(self) -> Option<CubeTensor> {
        match self {
            Self::One => None,
            Self::Mask(bits) | Self::Learned(bits, _) => Some(bits),
            Self::Inputs(gate) | Self::Outputs(gate) => Some(gate),
        }
    }
}

fn zeros(like: &CubeTensor, shape: [usize; 2]) -> CubeTensor {
    CubeBackend::float_zeros(shape.into(), &like.device, FloatDType::F32)
}
