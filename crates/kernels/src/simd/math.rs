//! Functions without branches or calls, so that loops over them become vector code.

/// e to the power of x, to 1e-7 of it; 0 where it is below the smallest normal number, and the largest power of 2 times
/// about 1 where it is too large (Moshier's Cephes: e^x = 2^n e^r with |r| <= ln 2 / 2).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Adding it leaves no bits for what comes after the point.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const LOWEST: f32 = -87.3;
    let clamped = x.clamp(LOWEST, 88.3);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * LN_2[0] - n * LN_2[1];
    let terms = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];
    let power = polynomial(&terms, r) * r * r + r + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    if x < LOWEST { 0.0 } else { power * scale }
}

/// The error function, to 2e-7: an odd rational function, and 1 from about 3.8 on (Eigen's and XLA's).
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let x = x.clamp(-3.832_507, 3.832_507);
    let over = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    let under = [-1.456_607_2e-5, -2.133_740_5e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];
    x * polynomial(&over, x * x) / polynomial(&under, x * x)
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Of these coefficients, the highest power's first.
#[inline(always)]
fn polynomial(coefficients: &[f32], x: f32) -> f32 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(low: f32, high: f32) -> impl Iterator<Item = f32> {
        (0..=100_000).map(move |at| low + (high - low) * at as f32 / 100_000.0)
    }

    #[test]
    fn powers_of_e() {
        for x in from(-87.0, 88.0) {
            let want = f64::from(x).exp();
            assert!((f64::from(exp(x)) / want - 1.0).abs() < 2e-7, "{x}: {} for {want}", exp(x));
        }
        assert_eq!([exp(0.0), exp(f32::NEG_INFINITY), exp(-100.0)], [1.0, 0.0, 0.0]);
        assert!(exp(f32::INFINITY) > 1e38 && exp(f32::NAN).is_nan());
    }

    /// Abramowitz & Stegun's table 7.1.
    #[test]
    fn error_function() {
        let table = [
            (0.0, 0.0),
            (0.1, 0.112_462_916),
            (0.5, 0.520_499_878),
            (1.0, 0.842_700_793),
            (1.5, 0.966_105_146),
            (2.0, 0.995_322_265),
            (3.0, 0.999_977_910),
            (9.0, 1.0),
        ];
        for (x, want) in table {
            for sign in [1.0, -1.0] {
                assert!((f64::from(erf(sign * x)) - f64::from(sign) * want).abs() < 2e-7, "{x}: {}", erf(x));
            }
        }
        assert!(erf(f32::NAN).is_nan());
    }

    #[test]
    fn sigmoids_are_mirrored() {
        from(-20.0, 20.0).for_each(|x| assert!((sigmoid(x) + sigmoid(-x) - 1.0).abs() < 2e-7, "{x}"));
    }
}
