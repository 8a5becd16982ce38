use crate::Runs;
use crate::check::{Buffer, Case, Close, Extent, Noise, Twin};
use crate::launch::strided;

/// score [N], threshold [N / run] -> gate [N]: 1 above the threshold, else 0.
pub fn open(runs: &Runs, score: &[f32], threshold: &[f32], gate: &mut [f32]) {
    for (i, gate) in gate.iter_mut().enumerate() {
        *gate = if score[i] > threshold[i / runs.run as usize] { 1.0 } else { 0.0 };
    }
}

/// Thresholds and entries of each.
pub(super) fn sizes(extent: Extent) -> &'static [[usize; 2]] {
    match extent {
        Extent::Small => &[[0, 1], [1, 1], [1, 255], [256, 1], [257, 1], [5, 13], [3, 1_000], [64, 65]],
        Extent::Large => &[[1, 16_777_217], [4_194_305, 4]],
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [runs, score, threshold, gate] = buffers else { unreachable!("four bindings") };
        open(&runs.parameters(), score.f32(), threshold.f32(), gate.f32_mut());
    },
    cases: |kernel, extent| {
        let case = |&[thresholds, run]: &[usize; 2]| {
            let (mut noise, count) = (Noise::new(1), thresholds * run);
            let score = noise.many(count);
            let mut threshold = noise.many(thresholds);
            // A score that equals its threshold goes.
            threshold.iter_mut().enumerate().step_by(3).for_each(|(at, threshold)| *threshold = score[at * run]);
            let buffers = vec![
                Buffer::of(&Runs { count: count as u32, run: run as u32 }),
                Buffer::F32(score),
                Buffer::F32(threshold),
                Buffer::unwritten(count),
            ];
            let size = format!("{thresholds} of {run}");
            Case { size, buffers, groups: strided(kernel, count), close: Close::EXACT }.strided()
        };
        sizes(extent).iter().flat_map(case).collect()
    },
};
