/// Layer-adaptive magnitude scores of one layer, ascending: each weight's square over the sum of the squares of
/// itself and all larger ones (Lee et al., 2021, eq. 4). The largest scores exactly 1.
///
/// In order of size the score never falls, so inside a layer LAMP ranks as |w| does: it only says how much of a
/// global cut falls on which layer. Sums run in f64 from the largest down; a layer of zeros scores 0.
pub fn lamp_scores(mut weights: Vec<f32>) -> Vec<f32> {
    weights.iter_mut().for_each(|weight| *weight = weight.abs());
    weights.sort_unstable_by(f32::total_cmp);
    let mut larger = 0.0;
    for weight in weights.iter_mut().rev() {
        let square = f64::from(*weight) * f64::from(*weight);
        larger += square;
        *weight = if larger > 0.0 { (square / larger) as f32 } else { 0.0 };
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_equal_the_definition() {
        let weights: Vec<f32> = (0..500).map(|i| ((i * 7919 % 1009) as f32 - 504.3) / 300.0).collect();
        let scores = lamp_scores(weights.clone());
        let squares: Vec<f64> = weights.iter().map(|w| f64::from(*w).powi(2)).collect();
        let mut want: Vec<f64> = squares.iter().map(|u| u / squares.iter().filter(|v| *v >= u).sum::<f64>()).collect();
        want.sort_by(f64::total_cmp);
        assert!(scores.iter().zip(&want).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6));
        assert!(scores.is_sorted());
        assert_eq!(scores.last(), Some(&1.0));
    }

    #[test]
    fn a_million_small_squares_do_not_get_lost() {
        let scores = lamp_scores([vec![1e-3; 1_000_000], vec![1.0]].concat());
        assert_eq!(scores[1_000_000], 1.0);
        assert!((scores[0] - 1e-6 / 2.0).abs() < 1e-12, "{}", scores[0]);
    }

    #[test]
    fn zeros_score_nothing() {
        assert_eq!(lamp_scores(vec![0.0, -0.0]), [0.0, 0.0]);
        assert_eq!(lamp_scores(vec![0.0, -2.0]), [0.0, 1.0]);
    }
}
