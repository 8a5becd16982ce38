use crate::check::{Buffer, Case, Close, Extent, Noise, Twin};
use crate::kernel::{ADD_UNIT_SQUARES, UNIT_L2, UNIT_MAX, UNIT_MEAN};
use crate::score::{beside, tiles};
use crate::{Kernel, Units};

/// matrix [R, C] in rectangles of r x c -> unit [ceil(R / r), ceil(C / c)]: the sum of each rectangle's magnitudes.
pub fn units(units: &Units, matrix: &[f32], unit: &mut [f32]) {
    each(units, matrix, unit, |entries, _| sum(entries, f64::abs));
}

/// The same with what `of` makes of a rectangle's entries, row by row, and of what `unit` holds before.
fn each(units: &Units, matrix: &[f32], unit: &mut [f32], of: impl Fn(&[f64], f32) -> f64) {
    let [rows, cols, high, wide] = [units.rows, units.cols, units.unit_rows, units.unit_cols].map(|len| len as usize);
    let across = cols.div_ceil(wide);
    for (at, unit) in unit.iter_mut().enumerate() {
        let [top, left] = [at / across * high, at % across * wide];
        let row = |row: usize| &matrix[row * cols..][left..cols.min(left + wide)];
        let entries: Vec<f64> = (top..rows.min(top + high)).flat_map(row).map(|entry| f64::from(*entry)).collect();
        *unit = of(&entries, *unit) as f32;
    }
}

fn sum(entries: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    entries.iter().map(|entry| of(*entry)).sum()
}

fn squares(entries: &[f64]) -> f64 {
    sum(entries, |entry| entry * entry)
}

/// Matrix and unit: more units than lie beside one another in a workgroup, units wider and smaller than it, remainders.
const SMALL: &[[usize; 4]] = &[
    [1, 1, 1, 1],
    [5, 13, 1, 13],
    [5, 13, 5, 1],
    [7, 255, 1, 255],
    [3, 256, 1, 256],
    [3, 257, 1, 257],
    [1025, 3, 1025, 1],
    [256, 33, 256, 1],
    [33, 64, 33, 16],
    [64, 40, 16, 16],
    [33, 50, 16, 16],
    [10, 45, 10, 9],
    [6, 70, 1, 9],
    [4, 21, 3, 2],
    [9, 9, 9, 9],
    [31, 100, 1, 1],
];

/// More units than workgroups of a dispatch, and one long unit.
const LARGE: &[[usize; 4]] = &[[70_001, 17, 1, 17], [1, 1_200_001, 1, 1], [3, 1_000_003, 3, 1_000_003]];

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |kernel, buffers| {
        let [parameters, matrix, unit] = buffers else { unreachable!("three bindings") };
        let (parameters, matrix, unit): (Units, _, _) = (parameters.parameters(), matrix.f32(), unit.f32_mut());
        let mean = |entries: &[f64]| sum(entries, |entry| entry) / entries.len() as f64;
        let largest = |entries: &[f64]| entries.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
        match kernel {
            kernel if kernel == &UNIT_L2 => each(&parameters, matrix, unit, |entries, _| squares(entries).sqrt()),
            kernel if kernel == &UNIT_MAX => each(&parameters, matrix, unit, |entries, _| largest(entries)),
            kernel if kernel == &UNIT_MEAN => each(&parameters, matrix, unit, |entries, _| mean(entries)),
            kernel if kernel == &ADD_UNIT_SQUARES => {
                each(&parameters, matrix, unit, |entries, before| f64::from(before) + squares(entries));
            }
            _ => units(&parameters, matrix, unit),
        }
    },
    cases: |kernel, extent| {
        let case = |size: &[usize; 4]| case(kernel, *size);
        match extent {
            Extent::Small => SMALL.iter().map(case).flat_map(Case::strided).chain([nothing()]).collect(),
            // In their own number of workgroups only: llvmpipe ends an invocation's loops after 65,535 turns.
            Extent::Large => LARGE.iter().map(case).collect(),
        }
    },
};

fn case(kernel: &'static Kernel, [rows, cols, high, wide]: [usize; 4]) -> Case {
    let mut noise = Noise::new(1);
    let units = rows.div_ceil(high) * cols.div_ceil(wide);
    let [unit_rows, unit_cols] = [high as u32, wide as u32];
    let parameters = Units { rows: rows as u32, cols: cols as u32, unit_rows, unit_cols, beside: beside(wide) };
    let matrix = Buffer::F32(noise.many(rows * cols));
    let before = if kernel == &ADD_UNIT_SQUARES { Buffer::F32(noise.many(units)) } else { Buffer::unwritten(units) };
    let buffers = vec![Buffer::of(&parameters), matrix, before];
    // The order of a sum is another one; a mean of both signs can be small beside its terms.
    let close = Close { abs: 1e-6, rel: 1e-5 };
    let size = format!("{rows} x {cols} in units of {high} x {wide}");
    Case { size, buffers, groups: tiles(&parameters), close }
}

/// No rows.
fn nothing() -> Case {
    let parameters = Units { rows: 0, cols: 3, unit_rows: 1, unit_cols: 1, beside: 16 };
    let buffers = vec![Buffer::of(&parameters), Buffer::F32(Vec::new()), Buffer::F32(Vec::new())];
    Case { size: "0 x 3".into(), buffers, groups: [1, 1, 1], close: Close::EXACT }
}
