use super::whole;

/// The share that each layer keeps: in proportion to (sum of its dimensions) / (their product), at most 1, and
/// `density` over all (Erdős–Rényi-kernel: Evci et al., 2020; solved as in Liu et al., 2022).
pub fn erk_densities(shapes: &[Vec<usize>], density: f64) -> Vec<f64> {
    let sizes: Vec<f64> = shapes.iter().map(|shape| shape.iter().product::<usize>() as f64).collect();
    let sums: Vec<f64> = shapes.iter().map(|shape| shape.iter().sum::<usize>() as f64).collect();
    let raw: Vec<f64> = sums.iter().zip(&sizes).map(|(sum, size)| sum / size).collect();
    // The layer that first asks for more than it has becomes dense; the others share what it leaves.
    let mut order: Vec<usize> = (0..raw.len()).collect();
    order.sort_by(|a, b| raw[*b].total_cmp(&raw[*a]));
    let (mut budget, mut sum) = (density * sizes.iter().sum::<f64>(), sums.iter().sum::<f64>());
    let mut densities = vec![1.0; raw.len()];
    for (at, &layer) in order.iter().enumerate() {
        if budget / sum * raw[layer] <= 1.0 {
            order[at..].iter().for_each(|layer| densities[*layer] = budget / sum * raw[*layer]);
            break;
        }
        budget -= sizes[layer];
        sum -= sums[layer];
    }
    densities
}

/// Entries that each layer loses so that all lose `k` and what they keep follows [`erk_densities`].
pub fn erk(shapes: &[Vec<usize>], k: usize) -> Vec<usize> {
    let sizes: Vec<usize> = shapes.iter().map(|shape| shape.iter().product()).collect();
    let total: usize = sizes.iter().sum();
    let kept = total.saturating_sub(k);
    let densities = erk_densities(shapes, kept as f64 / total.max(1) as f64);
    let targets: Vec<f64> = densities.iter().zip(&sizes).map(|(density, size)| density * *size as f64).collect();
    whole(&targets, kept).iter().zip(&sizes).map(|(kept, size)| size - kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(got: &[f64], want: &[f64]) {
        assert!(got.len() == want.len() && got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?} {want:?}");
    }

    fn lenet5() -> Vec<Vec<usize>> {
        vec![vec![6, 1, 5, 5], vec![16, 6, 5, 5], vec![120, 256], vec![84, 120], vec![10, 84]]
    }

    #[test]
    fn densities_equal_the_published_ones() {
        let lenet_300_100 = [vec![300, 784], vec![100, 300], vec![10, 100]];
        assert_near(&erk_densities(&lenet_300_100, 0.1), &[0.07957, 0.23019, 1.0]);
        assert_near(&erk_densities(&lenet5(), 0.1), &[0.69270, 0.08149, 0.07481, 0.12370, 0.68397]);
    }

    #[test]
    fn extremes_are_all_and_nothing() {
        assert_near(&erk_densities(&lenet5(), 1.0), &[1.0; 5]);
        assert_near(&erk_densities(&lenet5(), 0.0), &[0.0; 5]);
        assert_eq!(erk_densities(&[], 0.5), Vec::<f64>::new());
    }

    #[test]
    fn counts_are_exact_and_within_the_layers() {
        let sizes: Vec<usize> = lenet5().iter().map(|shape| shape.iter().product()).collect();
        let total: usize = sizes.iter().sum();
        for k in (0..=total).step_by(97).chain([1, total - 1, total]) {
            let counts = erk(&lenet5(), k);
            assert_eq!(counts.iter().sum::<usize>(), k);
            assert!(counts.iter().zip(&sizes).all(|(count, size)| count <= size), "{k}: {counts:?}");
        }
    }
}
