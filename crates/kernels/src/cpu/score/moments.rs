use crate::Batch;
use crate::check::{Buffer, Case, Close, Extent, Noise, Twin};
use crate::score::moment_tiles;

/// x [R, C], mean [C] and squares [C] of the rows before -> mean [C] and squares [C] of all rows: each column's mean,
/// and the sum of squares of its distances from it.
pub fn moments(batch: &Batch, x: &[f32], mean: &mut [f32], squares: &mut [f32]) {
    let (cols, seen) = (batch.cols as usize, f64::from(batch.seen));
    for col in 0..cols {
        let column: Vec<f64> = x.iter().skip(col).step_by(cols).map(|value| f64::from(*value)).collect();
        let before = f64::from(mean[col]);
        let all = (seen * before + column.iter().sum::<f64>()) / (seen + column.len() as f64);
        let around = |value: f64| (value - all).powi(2);
        // The rows before lie around another mean.
        let earlier = f64::from(squares[col]) + seen * around(before);
        mean[col] = all as f32;
        squares[col] = (earlier + column.into_iter().map(around).sum::<f64>()) as f32;
    }
}

/// Rows, columns, rows before.
const SMALL: &[[usize; 3]] = &[
    [1, 1, 0],
    [3, 0, 5],
    [1, 3, 1],
    [15, 15, 0],
    [16, 16, 7],
    [17, 17, 100],
    [255, 5, 0],
    [257, 33, 4096],
    [64, 65, 1],
];

/// More tiles than workgroups of a dispatch.
const LARGE: &[[usize; 3]] = &[[3, 1_048_600, 2], [100_003, 3, 50_000]];

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [batch, x, mean, squares] = buffers else { unreachable!("four bindings") };
        moments(&batch.parameters(), x.f32(), mean.f32_mut(), squares.f32_mut());
    },
    cases: |_, extent| {
        let case = |&[rows, cols, seen]: &[usize; 3]| {
            let mut noise = Noise::new(1);
            // Far from 0, and the first row, which is often an outlier, farther: differences of large sums would show.
            let far = |(at, x): (usize, f32)| if at < cols { 500.0 + x } else { 20.0 + x };
            let x: Vec<f32> = noise.many(rows * cols).into_iter().enumerate().map(far).collect();
            let mean = noise.many(cols).iter().map(|x| if seen == 0 { 0.0 } else { 20.0 + x }).collect();
            let squares = noise.many(cols).iter().map(|x| x.abs() * seen as f32).collect();
            let parameters = Batch { rows: rows as u32, cols: cols as u32, seen: seen as u32 };
            let buffers = vec![Buffer::of(&parameters), Buffer::F32(x), Buffer::F32(mean), Buffer::F32(squares)];
            let close = Close { abs: 1e-6, rel: 2e-5 };
            let size = format!("{rows} x {cols} after {seen} rows");
            Case { size, buffers, groups: moment_tiles(cols), close }
        };
        match extent {
            Extent::Small => SMALL.iter().map(case).flat_map(Case::strided).collect(),
            // In their own number of workgroups only: llvmpipe ends an invocation's loops after 65,535 turns.
            Extent::Large => LARGE.iter().map(case).collect(),
        }
    },
};
