//! What is measured on a classifier's answers. Logits come as [n, classes], row by row.

/// Fraction of answers that are right.
pub fn accuracy(logits: &[f32], classes: usize, labels: &[u8]) -> f64 {
    let answers = answers(logits, classes);
    fraction(answers.zip(labels).map(|(answer, label)| answer == usize::from(*label)))
}

/// Fraction of samples to which two models give the same answer.
pub fn agreement(a: &[f32], b: &[f32], classes: usize) -> f64 {
    fraction(answers(a, classes).zip(answers(b, classes)).map(|(a, b)| a == b))
}

/// Cosine of the angle between two answers, all samples in one: 1 where they say the same, whatever the scale.
pub fn similarity(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths == 0.0 { 0.0 } else { dot(a, b) / lengths }
}

/// Logits of one sample as probabilities.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let total: f32 = powers.iter().sum();
    powers.iter().map(|power| power / total).collect()
}

/// Position of the largest value, the first of equals; NaN is never the largest. 0 for an empty slice.
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] || values[best].is_nan() {
            best = at;
        }
    }
    best
}

fn answers(logits: &[f32], classes: usize) -> impl Iterator<Item = usize> {
    logits.chunks_exact(classes.max(1)).map(argmax)
}

/// 0 where there is nothing to count.
fn fraction(hits: impl Iterator<Item = bool>) -> f64 {
    let (hits, total) = hits.fold((0u32, 0u32), |(hits, total), hit| (hits + u32::from(hit), total + 1));
    f64::from(hits) / f64::from(total.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_right_answers_and_equal_answers() {
        let a = [0.1, 0.9, 0.8, 0.2, 0.3, 0.7];
        let b = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7];
        assert_eq!(accuracy(&a, 2, &[1, 0, 0]), 2.0 / 3.0);
        assert_eq!(agreement(&a, &b, 2), 2.0 / 3.0);
        assert_eq!((accuracy(&[], 2, &[]), agreement(&[], &[], 0)), (0.0, 0.0));
    }

    #[test]
    fn the_first_of_equals_wins_and_nan_never_does() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(argmax(&[f32::NAN, -5.0, f32::NAN]), 1);
        assert_eq!(argmax(&[f32::NEG_INFINITY, f32::NAN]), 0);
    }

    proptest! {
        #[test]
        fn softmax_is_a_distribution_in_the_order_of_the_logits(logits in prop::collection::vec(-200f32..200.0, 1..20)) {
            let shares = softmax(&logits);
            prop_assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            prop_assert_eq!(argmax(&shares), argmax(&logits));
        }
    }
}
