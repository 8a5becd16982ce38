//! Scores of units: rectangles of a matrix of weights.

use burn::backend::Cube;
use burn::tensor::{Tensor, TensorData};

use crate::apply::{self, entries, made, owned, readable};
use crate::kernel::{ADD_UNIT_SQUARES, UNIT_L1, UNIT_L2, UNIT_MAX, UNIT_MEAN};
use crate::launch::{MAX_GROUPS, launch, told};
use crate::{Kernel, KernelError, Units};

/// How a unit's score comes from its entries' scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// The sum of magnitudes.
    L1,
    /// The root of the sum of squares.
    L2,
    /// The largest magnitude.
    Max,
    /// The mean, signs and all.
    Mean,
}

impl Norm {
    fn kernel(self) -> &'static Kernel {
        match self {
            Self::L1 => &UNIT_L1,
            Self::L2 => &UNIT_L2,
            Self::Max => &UNIT_MAX,
            Self::Mean => &UNIT_MEAN,
        }
    }
}

/// One number for each rectangle of r x c entries of a matrix [R, C], cut from the top left:
/// [ceil(R / r), ceil(C / c)]. What is left over at the right and bottom edge makes smaller units.
///
/// `unit` [r, c] says what is pruned together: `[1, C]` rows, `[R, 1]` columns, `[d, C]` or `[R, d]` heads of d rows or
/// columns, `[b, b]` blocks, and of a convolution's weights [O, I * k * k] `[1, I * k * k]` what it puts out and
/// `[O, k * k]` what it takes in.
///
/// # Errors
/// Says so if a unit or the matrix has no entries.
pub fn units(scores: Tensor<2>, unit: [usize; 2], norm: Norm) -> Result<Tensor<2>, KernelError> {
    let kernel = norm.kernel();
    let shape = scores.dims();
    if shape.iter().chain(&unit).any(|len| *len == 0) {
        let (want, got) = ("units and scores of at least 1 x 1".into(), format!("{unit:?} of {shape:?}"));
        return Err(KernelError::Shape { kernel: kernel.name, want, got });
    }
    entries(kernel.name, &scores)?;
    let Some(scores_read) = readable(&scores) else { return Ok(plain(scores, unit, norm)) };
    let parameters = parameters(shape, unit);
    let grid = [0, 1].map(|axis| shape[axis].div_ceil(unit[axis]));
    let scores = made(kernel, tiles(&parameters), &parameters, &[&scores_read], &grid);
    Ok(Tensor::from_primitive::<Cube>(scores))
}

/// `sum` [C] with the squares of each column of `x` [N, C] added: N inputs of C features, e.g. tokens. Begun with zeros
/// and given batch after batch it becomes act_sq, see [`crate::score()`]. On a GPU it is written where `sum` is if
/// nobody else has that tensor.
///
/// # Errors
/// Says so if the numbers of columns or the devices differ.
pub fn add_input_squares(sum: Tensor<1>, x: Tensor<2>) -> Result<Tensor<1>, KernelError> {
    let kernel = &ADD_UNIT_SQUARES;
    let [rows, cols] = x.dims();
    apply::beside(kernel.name, &x, "sum", [cols], &sum)?;
    if entries(kernel.name, &x)? == 0 {
        return Ok(sum);
    }
    let (Some(before), Some(x_read)) = (readable(&sum), readable(&x)) else {
        return Ok(sum + x.square().sum_dim(0).reshape([cols]));
    };
    drop(sum);
    let sum = owned(before);
    let parameters = parameters([rows, cols], [rows, 1]);
    let buffers = vec![told(&sum.client, &parameters), x_read.handle, sum.handle.clone()];
    launch(kernel, &sum.client, tiles(&parameters), buffers);
    Ok(Tensor::from_primitive::<Cube>(sum))
}

fn parameters(shape: [usize; 2], unit: [usize; 2]) -> Units {
    let [rows, cols] = shape.map(|len| len as u32);
    // A unit that reaches over the edge ends there.
    let [unit_rows, unit_cols] = [0, 1].map(|axis| unit[axis].min(shape[axis]) as u32);
    Units { rows, cols, unit_rows, unit_cols, beside: beside(unit_cols as usize) }
}

/// How many neighbouring units a workgroup has at once, so that it reads 64 bytes that follow one another.
pub(crate) fn beside(unit_cols: usize) -> u32 {
    16usize.div_ceil(unit_cols).next_power_of_two() as u32
}

/// Workgroups: one for each tile of units, as far as a dispatch has so many.
pub(crate) fn tiles(units: &Units) -> [u32; 3] {
    let down = units.rows.div_ceil(units.unit_rows) as usize;
    let across = units.cols.div_ceil(units.unit_cols).div_ceil(units.beside) as usize;
    [(down * across).min(MAX_GROUPS as usize) as u32, 1, 1]
}

fn plain(scores: Tensor<2>, unit: [usize; 2], norm: Norm) -> Tensor<2> {
    let [rows, cols] = scores.dims();
    let [high, wide] = [unit[0].min(rows), unit[1].min(cols)];
    let [down, across] = [rows.div_ceil(high), cols.div_ceil(wide)];
    let device = scores.device();
    // Zeros fill up the units at the edges; they change no sum and no largest magnitude.
    let blocks = |entries: Tensor<2>| {
        let padded = entries.pad((0, across * wide - cols, 0, down * high - rows), 0.0);
        padded.reshape([down, high, across, wide])
    };
    let sum = |entries| blocks(entries).sum_dim(3).sum_dim(1).reshape([down, across]);
    match norm {
        Norm::L1 => sum(scores.abs()),
        Norm::L2 => sum(scores.square()).sqrt(),
        Norm::Max => blocks(scores.abs()).max_dim(3).max_dim(1).reshape([down, across]),
        Norm::Mean => sum(scores) / sum(Tensor::from_data(TensorData::ones::<f32, _>([rows, cols]), &device)),
    }
}
