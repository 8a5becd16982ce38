use burn::tensor::{Device, Gradients, Tensor, TensorData};

use crate::{Compute, ExecError};

/// A tensor of a rank that is known only at run time.
#[derive(Clone, Debug)]
pub enum Value {
    R1(Tensor<1>),
    R2(Tensor<2>),
    R3(Tensor<3>),
    R4(Tensor<4>),
}

/// The same expression for a tensor of any rank; the second form wraps the result again.
macro_rules! each_rank {
    ($value:expr, $tensor:ident => $body:expr) => {
        match $value {
            $crate::Value::R1($tensor) => $body,
            $crate::Value::R2($tensor) => $body,
            $crate::Value::R3($tensor) => $body,
            $crate::Value::R4($tensor) => $body,
        }
    };
    ($value:expr, $tensor:ident -> $body:expr) => {
        match $value {
            $crate::Value::R1($tensor) => $crate::Value::R1($body),
            $crate::Value::R2($tensor) => $crate::Value::R2($body),
            $crate::Value::R3($tensor) => $crate::Value::R3($body),
            $crate::Value::R4($tensor) => $crate::Value::R4($body),
        }
    };
}
pub(crate) use each_rank;

impl Value {
    /// Moves numbers to the device. `shape` has one to four axes and as many entries as `data`.
    pub fn upload(compute: &Compute, shape: &[usize], data: Vec<f32>) -> Result<Self, ExecError> {
        let wrong = |want: String, got: String| ExecError::Shape { op: "upload", node: "a value".into(), want, got };
        if shape.iter().product::<usize>() != data.len() {
            return Err(wrong(format!("{shape:?}"), format!("{} numbers", data.len())));
        }
        let device = compute.device();
        let data = TensorData::new(data, shape.to_vec());
        match shape.len() {
            1 => Ok(Self::R1(Tensor::from_data(data, device))),
            2 => Ok(Self::R2(Tensor::from_data(data, device))),
            3 => Ok(Self::R3(Tensor::from_data(data, device))),
            4 => Ok(Self::R4(Tensor::from_data(data, device))),
            rank => Err(wrong("one to four axes".into(), format!("{rank}"))),
        }
    }

    /// All entries as a matrix, row by row.
    ///
    /// # Panics
    /// If it does not have rows * cols entries.
    pub fn matrix(&self, (rows, cols): (usize, usize)) -> Tensor<2> {
        each_rank!(self.clone(), tensor => tensor.reshape([rows, cols]))
    }

    /// A matrix in the shape of this value.
    ///
    /// # Panics
    /// If it does not have as many entries.
    pub fn like(&self, matrix: Tensor<2>) -> Self {
        each_rank!(self, tensor -> matrix.reshape(tensor.dims()))
    }

    /// Zeros of this shape per sample, for as many samples as here.
    pub(crate) fn zeros_of(&self, shape: &[usize]) -> Self {
        let (samples, device) = (self.shape()[0], self.device());
        match *shape {
            [] => Self::R1(Tensor::zeros([samples], &device)),
            [a] => Self::R2(Tensor::zeros([samples, a], &device)),
            [a, b] => Self::R3(Tensor::zeros([samples, a, b], &device)),
            [a, b, c, ..] => Self::R4(Tensor::zeros([samples, a, b, c], &device)),
        }
    }

    pub(crate) fn device(&self) -> Device {
        each_rank!(self, tensor => tensor.device())
    }

    /// The gradient of a leaf, of its shape; none where nothing depends on it.
    pub(crate) fn take_gradient(&self, gradients: &mut Gradients) -> Option<Self> {
        Some(match self {
            Self::R1(leaf) => Self::R1(leaf.grad_remove(gradients)?),
            Self::R2(leaf) => Self::R2(leaf.grad_remove(gradients)?),
            Self::R3(leaf) => Self::R3(leaf.grad_remove(gradients)?),
            Self::R4(leaf) => Self::R4(leaf.grad_remove(gradients)?),
        })
    }

    pub fn shape(&self) -> Vec<usize> {
        each_rank!(self, tensor => tensor.dims().to_vec())
    }

    /// Brings the numbers back, row by row.
    pub async fn read(&self) -> Result<Vec<f32>, ExecError> {
        let data = each_rank!(self, tensor => tensor.to_data_async().await)?;
        data.try_into_vec::<f32>().map_err(|error| ExecError::Device(format!("{error:?}")))
    }
}
