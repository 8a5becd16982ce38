/// One way to treat a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    /// What it takes of the budget, in units of it.
    pub weight: usize,
    pub cost: f64,
}

/// For each layer which of its choices to take, so that all weights together are within the budget and costs add up to the
/// least: exact, by dynamic programming over layers and budgets (Xu et al., 2023, eq. 7). Of equal sums the earlier choice
/// of the later layer. None where even the lightest choices are too heavy.
pub(crate) fn knapsack(layers: &[Vec<Choice>], budget: usize) -> Option<Vec<usize>> {
    // least[b]: of the layers so far with at most b; taken[layer][b]: the choice that gives it.
    let mut least = vec![0.0; budget + 1];
    let mut taken: Vec<Vec<Option<usize>>> = Vec::new();
    for choices in layers {
        let best = |within: usize| {
            let fits = choices.iter().enumerate().filter(|(_, choice)| choice.weight <= within);
            let sums = fits.map(|(at, choice)| (at, choice.cost + least[within - choice.weight]));
            sums.filter(|(_, sum)| sum.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1))
        };
        let row: Vec<Option<(usize, f64)>> = (0..=budget).map(best).collect();
        least = row.iter().map(|best| best.map_or(f64::INFINITY, |(_, sum)| sum)).collect();
        taken.push(row.into_iter().map(|best| best.map(|(at, _)| at)).collect());
    }
    let mut within = budget;
    let mut chosen = Vec::new();
    for (choices, taken) in layers.iter().zip(&taken).rev() {
        let at = taken[within]?;
        within -= choices[at].weight;
        chosen.push(at);
    }
    chosen.reverse();
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every combination of three layers' choices.
    fn by_force(layers: &[Vec<Choice>], budget: usize) -> Option<f64> {
        let mut best: Option<f64> = None;
        for (a, b, c) in
            layers[0].iter().flat_map(|a| layers[1].iter().flat_map(move |b| layers[2].iter().map(move |c| (a, b, c))))
        {
            if a.weight + b.weight + c.weight <= budget {
                let cost = a.cost + b.cost + c.cost;
                best = Some(best.map_or(cost, |best| best.min(cost)));
            }
        }
        best
    }

    #[test]
    fn it_finds_what_trying_everything_finds() {
        let mut state = 7_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..60 {
            let mut choice = || Choice { weight: draw(12) as usize, cost: draw(1000) as f64 / 8.0 };
            let layers: Vec<Vec<Choice>> = (0..3).map(|_| (0..5).map(|_| choice()).collect()).collect();
            for budget in [0, 3, 9, 20, 40] {
                let found = knapsack(&layers, budget);
                let picked = found.as_ref().map(|found| found.iter().zip(&layers).map(|(at, layer)| layer[*at]));
                let cost = picked.clone().map(|picked| picked.map(|choice| choice.cost).sum::<f64>());
                assert_eq!(cost, by_force(&layers, budget), "{layers:?} {budget}");
                assert!(picked.is_none_or(|picked| picked.map(|choice| choice.weight).sum::<usize>() <= budget));
            }
        }
    }
}
