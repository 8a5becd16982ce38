use burn::tensor::Tensor;
use burn::tensor::module::unfold4d;
use burn::tensor::ops::UnfoldOptions;
use secateur_graph::ops::Conv2d;
use secateur_kernels::score;

use super::LARGEST_VALUE;
use crate::value::each_rank;
use crate::{ExecError, Value};

/// What is gathered of the inputs of a layer, batch after batch, on the device.
pub trait Gather: Default {
    /// What it comes to when all batches have passed.
    type Of: Clone;

    fn add(&mut self, batch: &Seen<'_>) -> Result<(), ExecError>;

    fn read(self) -> impl Future<Output = Result<Self::Of, ExecError>>;
}

/// A batch of what a layer reads.
pub enum Seen<'a> {
    /// [..., features]
    Features(&'a Value, usize),
    /// [samples, in, height, width], read by a convolution.
    Places(&'a Conv2d, &'a Tensor<4>),
}

impl Seen<'_> {
    /// Hands over all inputs as rows [rows, columns], a token or place each; a convolution's columns are in * height *
    /// width of the kernel, padding counts as 0. Unfolded pictures are many times larger than themselves: they come a
    /// few at a time.
    fn rows(&self, mut visit: impl FnMut(Tensor<2>) -> Result<(), ExecError>) -> Result<(), ExecError> {
        let (op, x) = match self {
            Self::Features(x, features) => return visit(each_rank!((*x).clone(), x => rows(x, *features))),
            Self::Places(op, x) => (op, x),
        };
        let [samples, channels, height, width] = x.dims();
        let columns = channels * op.kernel * op.kernel;
        let places = ((height + 2 * op.padding) * (width + 2 * op.padding)).div_ceil(op.stride * op.stride);
        let at_once = (LARGEST_VALUE / (columns * places).max(1)).max(1);
        for start in (0..samples).step_by(at_once) {
            let part = (*x).clone().narrow(0, start, at_once.min(samples - start));
            let unfolded = unfold4d(part, [op.kernel; 2], options(op)).swap_dims(1, 2);
            visit(rows(unfolded, columns))?;
        }
        Ok(())
    }
}

fn rows<const D: usize>(x: Tensor<D>, columns: usize) -> Tensor<2> {
    let rows = x.dims().iter().product::<usize>() / columns;
    x.reshape([rows, columns])
}

fn options(op: &Conv2d) -> UnfoldOptions {
    UnfoldOptions::new([op.stride; 2], [op.padding; 2], [1; 2])
}

/// The sum of squares of what each input column saw, over all samples, tokens and places.
#[derive(Default)]
pub struct Squares(Vec<Tensor<2>>);

impl Gather for Squares {
    type Of = Vec<f32>;

    fn add(&mut self, batch: &Seen<'_>) -> Result<(), ExecError> {
        self.0.push(match batch {
            Seen::Features(x, features) => {
                each_rank!((*x).clone(), x => sum_rows(rows(x, *features).square()))
            }
            Seen::Places(op, x) => squares_by_place(op, (*x).clone()),
        });
        Ok(())
    }

    async fn read(self) -> Result<Vec<f32>, ExecError> {
        Value::R2(sum_rows(Tensor::cat(self.0, 0))).read().await
    }
}

/// [samples, in, height, width] -> [1, in * kernel * kernel]: the unfolded input's columns. Samples are added up
/// before unfolding, which gives the same sums for a fraction of the memory.
fn squares_by_place(op: &Conv2d, x: Tensor<4>) -> Tensor<2> {
    let [samples, channels, height, width] = x.dims();
    let squares = sum_rows(x.reshape([samples, channels * height * width]).square());
    let places = unfold4d(squares.reshape([1, channels, height, width]), [op.kernel; 2], options(op));
    sum_rows(places.squeeze_dim::<2>(0).transpose())
}

/// [rows, columns] -> [1, columns]. Halves are added until one row is left: with so many rows, one after the other would
/// round away what decides between neighbours in the ranking (Higham, 1993).
fn sum_rows(mut x: Tensor<2>) -> Tensor<2> {
    while x.dims()[0] > 1 {
        let rows = x.dims()[0];
        let half = rows / 2;
        let folded = x.clone().narrow(0, 0, half) + x.clone().narrow(0, half, half);
        x = if rows.is_multiple_of(2) { folded } else { Tensor::cat(vec![folded, x.narrow(0, rows - 1, 1)], 0) };
    }
    x
}

/// Mean and variance of each input column over all samples, tokens and places.
#[derive(Default)]
pub struct Moments(Option<score::Moments>);

/// What [`Moments`] come to.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanVariance {
    pub mean: Vec<f32>,
    /// The unbiased estimate; 0 where there was one input.
    pub variance: Vec<f32>,
}

impl Gather for Moments {
    type Of = MeanVariance;

    fn add(&mut self, batch: &Seen<'_>) -> Result<(), ExecError> {
        batch.rows(|rows| {
            let before = self.0.take();
            let before = before.unwrap_or_else(|| score::Moments::new(rows.dims()[1], &rows.device()));
            self.0 = Some(before.with(rows)?);
            Ok(())
        })
    }

    async fn read(self) -> Result<MeanVariance, ExecError> {
        let Some(moments) = self.0 else { return Ok(MeanVariance { mean: Vec::new(), variance: Vec::new() }) };
        let mean = Value::R1(moments.mean()).read().await?;
        Ok(MeanVariance { mean, variance: Value::R1(moments.variance()).read().await? })
    }
}

/// The products of all pairs of input columns, XᵀX over all samples, tokens and places.
#[derive(Default)]
pub struct Grams(Option<score::Gram>);

/// What [`Grams`] come to: [columns, columns], still on the device.
#[derive(Clone, Debug)]
pub struct Gram(pub Tensor<2>);

impl Gather for Grams {
    type Of = Gram;

    fn add(&mut self, batch: &Seen<'_>) -> Result<(), ExecError> {
        batch.rows(|rows| {
            let before = self.0.take();
            let before = before.unwrap_or_else(|| score::Gram::new(rows.dims()[1], &rows.device()));
            self.0 = Some(before.with(rows)?);
            Ok(())
        })
    }

    async fn read(self) -> Result<Gram, ExecError> {
        let gram = self.0.ok_or_else(|| ExecError::Missing { name: "a layer's inputs".into() })?;
        Ok(Gram(gram.products()))
    }
}
