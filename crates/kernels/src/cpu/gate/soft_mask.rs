use super::open::sizes;
use super::sigmoid;
use crate::SoftRuns;
use crate::check::{Buffer, Case, Close, Noise, Twin};
use crate::launch::strided;

/// weight [N], threshold [N / run] -> mask [N]: sigmoid((weight^2 - threshold^2) / temperature); with grad [N], the
/// loss's gradient by the mask, -> the loss's gradient by the weight.
pub fn soft_mask(runs: &SoftRuns, weight: &[f32], threshold: &[f32], mask: &mut [f32], grad: Option<&[f32]>) {
    let temperature = f64::from(runs.temperature);
    for (i, mask) in mask.iter_mut().enumerate() {
        let (w, t) = (f64::from(weight[i]), f64::from(threshold[i / runs.run as usize]));
        let m = sigmoid((w * w - t * t) / temperature);
        *mask = match grad {
            None => m as f32,
            Some(grad) => (f64::from(grad[i]) * m * (1.0 - m) * 2.0 * w / temperature) as f32,
        };
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [runs, weight, threshold, mask, grad @ ..] = buffers else { unreachable!("five bindings at most") };
        let grad = grad.first().map(|grad| grad.f32());
        soft_mask(&runs.parameters(), weight.f32(), threshold.f32(), mask.f32_mut(), grad);
    },
    cases: |kernel, extent| {
        let case = |&[thresholds, run]: &[usize; 2]| {
            let (mut noise, count) = (Noise::new(1), thresholds * run);
            let threshold = noise.many(thresholds).iter().map(|x| x * x).collect();
            let mut buffers = vec![
                Buffer::of(&SoftRuns { count: count as u32, run: run as u32, temperature: 0.05 }),
                Buffer::F32(noise.many(count)),
                Buffer::F32(threshold),
                Buffer::unwritten(count),
            ];
            if kernel.bindings.len() > buffers.len() {
                buffers.push(Buffer::F32(noise.many(count)));
            }
            let close = Close { abs: 1e-5, rel: 1e-4 };
            Case { size: format!("{thresholds} of {run}"), buffers, groups: strided(kernel, count), close }.strided()
        };
        sizes(extent).iter().flat_map(case).collect()
    },
};
