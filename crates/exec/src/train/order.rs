use crate::rng::Rng;

/// Cuts samples into shuffled batches: each sample comes once an epoch, and the last batch may be smaller.
pub(super) struct Order {
    pub samples: usize,
    pub batch: usize,
    pub seed: u64,
}

impl Order {
    /// The step's epoch and its samples. Neither `samples` nor `batch` may be 0.
    pub(super) fn at(&self, step: u64) -> (u64, Vec<usize>) {
        let steps = self.samples.div_ceil(self.batch) as u64;
        let epoch = step / steps;
        let mut order: Vec<usize> = (0..self.samples).collect();
        Rng::keyed(self.seed, "train-order", epoch, "").shuffle(&mut order);
        let first = (step % steps) as usize * self.batch;
        order.drain(..first);
        order.truncate(self.batch);
        (epoch, order)
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn every_sample_comes_once_an_epoch_and_epochs_differ() {
        let order = Order { samples: 10, batch: 4, seed: 1 };
        let epoch = |epoch: u64| -> Vec<usize> {
            let steps = (3 * epoch..3 * epoch + 3).map(|step| order.at(step));
            steps.inspect(|(at, _)| assert_eq!(*at, epoch)).flat_map(|(_, samples)| samples).collect()
        };
        let (first, second) = (epoch(0), epoch(1));
        assert_ne!(first, second);
        for mut samples in [first, second] {
            samples.sort_unstable();
            assert_eq!(samples, (0..10).collect::<Vec<_>>());
        }
        assert_eq!(order.at(2).1.len(), 2);
    }
}
