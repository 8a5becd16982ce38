use secateur_exec::rng::Rng;
use secateur_protocol::Unit;

use crate::{Lab, Look, MethodError};

/// Draws of an offspring until it is another one than all before it, at most.
const TRIES: usize = 50;

/// A (1 + lambda) evolutionary search that looks at offspring in rounds, each time at fewer of them more closely
/// (Sieberling et al., 2024, algorithm 1). The parent takes part in the last round only, so the best is never lost but to a
/// better one.
#[derive(Clone, Debug)]
pub(crate) struct Evolution {
    pub generations: usize,
    pub offspring: usize,
    /// Of selection; the last one chooses the next parent.
    pub rounds: Vec<Round>,
    pub seed: u64,
}

/// One look at those who are left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// How many samples they are measured on, drawn anew each time and the same for all.
    pub samples: usize,
    /// How many of them go on.
    pub survivors: usize,
}

/// How a search ended.
#[derive(Clone, Debug)]
pub(crate) struct Evolved<S> {
    pub best: S,
    /// The parent's fitness after every generation, on that generation's samples.
    pub curve: Vec<f64>,
    /// A sentence when it ended before its time.
    pub note: Option<String>,
}

/// A search while it runs.
struct Search<'a, 'b, F> {
    lab: &'a Lab<'b>,
    evolution: &'a Evolution,
    /// How many samples there are.
    pool: usize,
    fitness: F,
    measured: usize,
    most: usize,
}

impl Evolution {
    /// Begins with the best of `start` by the first round's measure. `mutate` makes another one of one; `fitness` measures it
    /// on some of `pool` samples: lower is better. Ticks before every measurement.
    pub async fn run<S: Clone + PartialEq>(
        &self,
        lab: &Lab<'_>,
        pool: usize,
        start: Vec<S>,
        mutate: impl Fn(&S, &mut Rng) -> S,
        fitness: impl AsyncFnMut(&S, &[usize]) -> Result<f64, MethodError>,
    ) -> Result<Evolved<S>, MethodError> {
        let entering = |at: usize| at.checked_sub(1).map_or(self.offspring, |before| self.rounds[before].survivors);
        let each: usize = (0..self.rounds.len()).map(entering).sum::<usize>() + 1;
        let most = start.len() + self.generations * each;
        let mut search = Search { lab, evolution: self, pool, fitness, measured: 0, most };
        let first = Round { survivors: 1, ..self.rounds[0] };
        let (mut parent, _) = search.select(start, first, (0, self.rounds.len())).await?;
        let (mut curve, mut note) = (Vec::new(), None);
        for generation in 1..=self.generations {
            let mut rng = Rng::keyed(self.seed, "evolution-offspring", generation as u64, "");
            let mut left = self.offspring(&parent[0], &mut rng, &mutate);
            for (at, round) in self.rounds.iter().enumerate() {
                if at + 1 == self.rounds.len() {
                    left.push(parent[0].clone());
                }
                let (chosen, best) = search.select(left, *round, (generation, at)).await?;
                left = chosen;
                if at + 1 == self.rounds.len() {
                    curve.push(best);
                }
            }
            parent = left;
            if self.show(lab, generation, &curve) {
                note = Some(format!("Stopped by hand after generation {generation} of {}.", self.generations));
                break;
            }
        }
        Ok(Evolved { best: parent.swap_remove(0), curve, note })
    }

    /// Different ones, all of them others than their parent where that can be.
    fn offspring<S: Clone + PartialEq>(&self, parent: &S, rng: &mut Rng, mutate: impl Fn(&S, &mut Rng) -> S) -> Vec<S> {
        let mut all: Vec<S> = Vec::new();
        for _ in 0..self.offspring {
            let fresh = (0..TRIES).map(|_| mutate(parent, rng)).find(|one| one != parent && !all.contains(one));
            all.extend(fresh);
        }
        all
    }

    /// Tells who watches; whether enough is found.
    fn show(&self, lab: &Lab<'_>, generation: usize, curve: &[f64]) -> bool {
        if lab.watch.due() {
            let (step, steps) = (generation as u64, self.generations as u64);
            let loss = curve.last().copied().unwrap_or(f64::NAN) as f32;
            lab.watch.look(Look { step, steps, loss, curves: Vec::new(), gates: Vec::new() });
        }
        lab.watch.steer().stop
    }
}

impl<F> Search<'_, '_, F> {
    /// The fittest on samples drawn for this moment, best first, and the best one's fitness. Equal ones stay in order.
    async fn select<S: Clone>(
        &mut self,
        all: Vec<S>,
        round: Round,
        (generation, at): (usize, usize),
    ) -> Result<(Vec<S>, f64), MethodError>
    where
        F: AsyncFnMut(&S, &[usize]) -> Result<f64, MethodError>,
    {
        let mut rng = Rng::keyed(self.evolution.seed, "evolution-samples", generation as u64, &at.to_string());
        let mut samples: Vec<usize> = (0..self.pool).collect();
        rng.shuffle(&mut samples);
        samples.truncate(round.samples.max(1));
        let mut measured = Vec::new();
        for one in all {
            self.lab.tick(self.measured.min(self.most), self.most, Unit::Steps).await?;
            self.measured += 1;
            let fitness = (self.fitness)(&one, &samples).await?;
            measured.push((fitness, one));
        }
        measured.sort_by(|a, b| a.0.total_cmp(&b.0));
        let best = measured.first().map_or(f64::NAN, |(fitness, _)| *fitness);
        Ok((measured.into_iter().take(round.survivors.max(1)).map(|(_, one)| one).collect(), best))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{Clock, World};

    /// Ones of 12 places, 4 of them set; a weight for each place.
    fn search(seed: u64, generations: usize) -> Evolved<Vec<bool>> {
        let mut world = World::all().into_iter().next().unwrap();
        let evolution = Evolution {
            generations,
            offspring: 6,
            rounds: vec![Round { samples: 2, survivors: 3 }, Round { samples: 5, survivors: 1 }],
            seed,
        };
        let swap = |state: &Vec<bool>, rng: &mut Rng| {
            let places = |want: bool| (0..12).filter(|at| state[*at] == want).collect::<Vec<_>>();
            let (set, free) = (places(true), places(false));
            let mut other = state.clone();
            other[set[rng.below(set.len())]] = false;
            other[free[rng.below(free.len())]] = true;
            other
        };
        let price = |state: &Vec<bool>| (0..12).filter(|at| state[*at]).map(|at| ((at * 5) % 12) as f64).sum::<f64>();
        let fitness = async |state: &Vec<bool>, samples: &[usize]| {
            assert!(samples.len() == 2 || samples.len() == 5);
            Ok(price(state))
        };
        let start = vec![(0..12).map(|at| at >= 8).collect()];
        let clock = Clock::endless();
        world.with_lab(&clock, |lab| pollster::block_on(evolution.run(lab, 9, start, swap, fitness)).unwrap())
    }

    #[test]
    fn a_sum_of_prices_is_minimised_and_never_rises() {
        for seed in 0..5 {
            let found = search(seed, 40);
            assert_eq!(found.curve.last(), Some(&6.0), "0 + 1 + 2 + 3");
            assert!(found.curve.windows(2).all(|pair| pair[1] <= pair[0]), "{:?}", found.curve);
            assert_eq!(found.best, search(seed, 40).best);
        }
        assert_ne!(search(1, 2).best, search(2, 2).best, "chance is the seed's");
    }
}
