use secateur_protocol::Unit;

use crate::{Lab, MethodError};

/// One candidate that went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gone {
    pub candidate: usize,
    /// What the model without it, and without all before it, costs.
    pub cost: f64,
    /// Who would have gone in its place, and the cost then.
    pub second: Option<(usize, f64)>,
}

/// Takes `count` of the candidates 0.. away, one after the other: each time the one without which the rest costs least, the
/// lower of equals (Zhang et al., 2024, algorithm 1). `may_go` says of how many gone and a candidate whether it may go by
/// then; where none may, all may. Ticks before every measurement.
pub(crate) async fn greedy(
    lab: &Lab<'_>,
    (candidates, count): (usize, usize),
    may_go: impl Fn(usize, usize) -> bool,
    mut cost: impl AsyncFnMut(&[usize]) -> Result<f64, MethodError>,
) -> Result<Vec<Gone>, MethodError> {
    let most = (0..count).map(|gone| candidates - gone).sum();
    let mut done = 0;
    let mut gone: Vec<Gone> = Vec::new();
    while gone.len() < count {
        let out: Vec<usize> = gone.iter().map(|gone| gone.candidate).collect();
        let left = (0..candidates).filter(|one| !out.contains(one));
        let free: Vec<usize> = left.clone().filter(|one| may_go(out.len(), *one)).collect();
        let mut costs = Vec::new();
        for one in if free.is_empty() { left.collect() } else { free } {
            lab.tick(done, most, Unit::Steps).await?;
            done += 1;
            costs.push((one, cost(&[out.as_slice(), &[one]].concat()).await?));
        }
        costs.sort_by(|a, b| a.1.total_cmp(&b.1));
        gone.push(Gone { candidate: costs[0].0, cost: costs[0].1, second: costs.get(1).copied() });
    }
    Ok(gone)
}

/// What the model costs without each of the candidates alone.
pub(crate) async fn alone(
    lab: &Lab<'_>,
    candidates: usize,
    mut cost: impl AsyncFnMut(&[usize]) -> Result<f64, MethodError>,
) -> Result<Vec<f64>, MethodError> {
    let mut costs = Vec::new();
    for one in 0..candidates {
        lab.tick(one, candidates, Unit::Steps).await?;
        costs.push(cost(&[one]).await?);
    }
    Ok(costs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{Clock, World};

    /// Candidates that are cheap alone and dear together.
    fn price(out: &[usize]) -> f64 {
        let own: f64 = out.iter().map(|one| [1.0, 2.0, 3.0, 2.5][*one]).sum();
        let both = |a, b| out.contains(&a) && out.contains(&b);
        own + if both(0, 1) { 10.0 } else { 0.0 }
    }

    fn order(count: usize, may_go: impl Fn(usize, usize) -> bool) -> Vec<usize> {
        let mut world = World::all().into_iter().next().unwrap();
        let clock = Clock::endless();
        let gone = world.with_lab(&clock, |lab| {
            pollster::block_on(greedy(lab, (4, count), may_go, async |out: &[usize]| Ok(price(out)))).unwrap()
        });
        assert_eq!(gone[0].second.map(|second| second.0), (count < 4).then_some(1).or(gone[0].second.map(|s| s.0)));
        gone.iter().map(|gone| gone.candidate).collect()
    }

    #[test]
    fn who_goes_depends_on_who_is_gone() {
        assert_eq!(order(3, |_, _| true), [0, 3, 2], "1 is cheap alone, but not without 0");
    }

    #[test]
    fn locked_candidates_wait_until_they_may_or_must() {
        assert_eq!(order(4, |gone, one| one > 1 || gone > 1), [3, 2, 0, 1]);
        assert_eq!(order(4, |_, one| one == 3)[0], 3);
        assert_eq!(order(4, |_, one| one == 3)[1..], [0, 2, 1]);
    }
}
