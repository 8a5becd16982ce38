use crate::Power;
use crate::check::{Buffer, Case, Close, Extent, Noise, Twin, lengths};
use crate::launch::strided;

/// weight [N] -> score [N]: |weight|^power.
pub fn power(parameters: &Power, weight: &[f32], score: &mut [f32]) {
    for (score, weight) in score.iter_mut().zip(weight) {
        *score = match parameters.power {
            1.0 => weight.abs(),
            2.0 => weight * weight,
            power => weight.abs().powf(power),
        };
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [parameters, weight, score] = buffers else { unreachable!("three bindings") };
        power(&parameters.parameters(), weight.f32(), score.f32_mut());
    },
    cases: |kernel, extent| {
        let powers: &[f32] = if extent == Extent::Large { &[2.0] } else { &[0.5, 1.0, 2.0, 3.0] };
        let case = |count: usize, power: f32| {
            let mut weight = Noise::new(1).many(count);
            weight.iter_mut().step_by(7).for_each(|weight| *weight = 0.0);
            let buffers =
                vec![Buffer::of(&Power { count: count as u32, power }), Buffer::F32(weight), Buffer::unwritten(count)];
            // WGSL's pow is the exponential of a logarithm, and either may be a little off.
            let close = if [1.0, 2.0].contains(&power) { Close::EXACT } else { Close { abs: 1e-6, rel: 1e-4 } };
            Case { size: format!("{count}, power {power}"), buffers, groups: strided(kernel, count), close }.strided()
        };
        let lengths = lengths(extent).iter();
        lengths.flat_map(|&count| powers.iter().flat_map(move |&power| case(count, power))).collect()
    },
};
