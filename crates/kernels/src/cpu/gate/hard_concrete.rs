use super::sigmoid;
use crate::HardConcrete;
use crate::check::{Buffer, Case, Close, Noise, Twin, lengths};
use crate::launch::strided;

/// log_alpha [N], draw [N] from 0 to 1 -> gate [N], a sample of the hard concrete distribution; with grad [N], the
/// loss's gradient by the sample, -> the loss's gradient by log_alpha.
pub fn hard_concrete(shape: &HardConcrete, log_alpha: &[f32], draw: &[f32], gate: &mut [f32], grad: Option<&[f32]>) {
    let slope = f64::from(shape.zeta - shape.gamma) / f64::from(shape.beta);
    for (i, gate) in gate.iter_mut().enumerate() {
        let [s, stretched] = sample(shape, log_alpha[i], draw[i]);
        let moves = stretched > 0.0 && stretched < 1.0;
        *gate = match grad {
            None => stretched.clamp(0.0, 1.0) as f32,
            Some(grad) if moves => (f64::from(grad[i]) * s * (1.0 - s) * slope) as f32,
            Some(_) => 0.0,
        };
    }
}

/// A sample of the concrete distribution, and what it is when stretched.
fn sample(shape: &HardConcrete, log_alpha: f32, draw: f32) -> [f64; 2] {
    let [beta, gamma, zeta] = [shape.beta, shape.gamma, shape.zeta].map(f64::from);
    let u = f64::from(draw.clamp(1e-6, 1.0 - 1e-6));
    let s = sigmoid((u.ln() - (1.0 - u).ln() + f64::from(log_alpha)) / beta);
    [s, s * (zeta - gamma) + gamma]
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [shape, log_alpha, draw, gate, grad @ ..] = buffers else { unreachable!("five bindings at most") };
        let grad = grad.first().map(|grad| grad.f32());
        hard_concrete(&shape.parameters(), log_alpha.f32(), draw.f32(), gate.f32_mut(), grad);
    },
    cases: |kernel, extent| {
        let case = |&count: &usize| {
            let mut noise = Noise::new(1);
            let shape = HardConcrete { count: count as u32, beta: 2.0 / 3.0, gamma: -0.1, zeta: 1.1 };
            let mut draw: Vec<f32> = noise.many(count).iter().map(|x| x / 2.0 + 0.5).collect();
            draw.iter_mut().step_by(9).for_each(|draw| *draw = draw.round());
            let mut log_alpha: Vec<f32> = noise.many(count).iter().map(|x| x * 4.0).collect();
            for (log_alpha, draw) in log_alpha.iter_mut().zip(&mut draw) {
                let [_, stretched] = sample(&shape, *log_alpha, *draw);
                // Where the cut begins the gradient jumps, and rounding would decide.
                if stretched.abs().min((stretched - 1.0).abs()) < 1e-4 {
                    [*log_alpha, *draw] = [0.0, 0.5];
                }
            }
            let mut buffers =
                vec![Buffer::of(&shape), Buffer::F32(log_alpha), Buffer::F32(draw), Buffer::unwritten(count)];
            if kernel.bindings.len() > buffers.len() {
                buffers.push(Buffer::F32(noise.many(count)));
            }
            // Logarithm and exponential are a little off.
            let close = Close { abs: 1e-5, rel: 1e-4 };
            Case { size: format!("{count}"), buffers, groups: strided(kernel, count), close }.strided()
        };
        lengths(extent).iter().flat_map(case).collect()
    },
};
