//! Work to be timed, for whoever holds the clock.

mod drawing;
mod products;
mod score;

pub use drawing::{DrawingBench, Way};
pub use products::{Product, ProductBench};
pub use score::{ScoreBench, Work};

use burn::tensor::Tensor;

use crate::{ExecError, Value};

/// Reads the last entry back: work on one device is done in order.
pub(crate) async fn finished(tensor: Tensor<2>) -> Result<(), ExecError> {
    let [rows, cols] = tensor.dims();
    let last = tensor.slice([rows - 1..rows, cols - 1..cols]);
    let read = Value::R2(last).read().await?;
    match read.as_slice() {
        [value] if value.is_finite() => Ok(()),
        other => Err(ExecError::Device(format!("it gave {other:?} for one finite number"))),
    }
}
