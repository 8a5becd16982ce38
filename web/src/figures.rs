//! Numbers as people read them. Pure functions; units follow a narrow no-break space.

pub use secateur_graph::grouped as count;

const NARROW: char = '\u{202f}';

/// Bytes in decimal units, as file managers and the SI count them.
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n}{NARROW}B"),
        1_000..1_000_000 => format!("{}{NARROW}kB", three_digits(n as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{}{NARROW}MB", three_digits(n as f64 / 1e6)),
        _ => format!("{}{NARROW}GB", three_digits(n as f64 / 1e9)),
    }
}

/// A fraction in percent with so many decimals.
pub fn percent(fraction: f64, decimals: usize) -> String {
    if fraction.is_nan() { "–".into() } else { format!("{:.decimals$}{NARROW}%", fraction * 100.0) }
}

/// A probability in percent with three digits; those too small to matter are only bounded.
pub fn chance(probability: f64) -> String {
    match probability {
        p if p.is_nan() => "–".into(),
        p if p < 1e-6 => format!("< 0.0001{NARROW}%"),
        p => format!("{}{NARROW}%", three_digits(p * 100.0)),
    }
}

pub fn milliseconds(ms: f64) -> String {
    format!("{}{NARROW}ms", three_digits(ms))
}

/// Three significant digits, never in exponent form above 1e-4.
pub fn three_digits(x: f64) -> String {
    match x.abs() {
        0.0 => "0".into(),
        a if a >= 99.95 => format!("{x:.0}"),
        a if a >= 9.995 => format!("{x:.1}"),
        a if a >= 0.9995 => format!("{x:.2}"),
        a if a >= 1e-4 => {
            let decimals = (3 - 1 - a.log10().floor() as i32).max(0) as usize;
            format!("{x:.decimals$}")
        }
        _ => format!("{x:.1e}"),
    }
}

/// `builtin:digits-vit` as `digits-vit`; names of files stay.
pub fn model_name(model: &str) -> &str {
    model.strip_prefix("builtin:").unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_keep_their_meaning() {
        let said = [0.0, 0.00123, 0.5, 1.0, 9.996, 12.34, 99.96, 1234.5].map(three_digits);
        assert_eq!(said, ["0", "0.00123", "0.500", "1.00", "10.0", "12.3", "100", "1234"]);
        assert_eq!(three_digits(3e-7), "3.0e-7");
        assert_eq!(three_digits(-0.25), "-0.250");
    }

    #[test]
    fn units_stand_after_a_narrow_space() {
        assert_eq!(bytes(1_203_000), "1.20\u{202f}MB");
        assert_eq!(bytes(512), "512\u{202f}B");
        assert_eq!(percent(0.976, 1), "97.6\u{202f}%");
        assert_eq!(percent(f64::NAN, 1), "–", "what cannot be measured");
    }

    #[test]
    fn chances_keep_three_digits() {
        let said = [1.0, 0.368, 0.00012, 1e-9, 0.0].map(chance);
        let percents = ["100", "36.8", "0.0120", "< 0.0001", "< 0.0001"].map(|number| format!("{number}\u{202f}%"));
        assert_eq!(said, percents);
        assert_eq!(chance(f64::NAN), "–");
    }
}
