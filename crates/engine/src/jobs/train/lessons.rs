use secateur_exec::train::{Course, TrainSpec};
use secateur_exec::{Meter, Params};
use secateur_protocol::{Length, Score};

use crate::stop::Stop;

/// What a model learns from, for how long, and how it is judged.
pub(super) trait Lessons {
    /// How long is usual.
    fn usual(&self) -> Length;

    /// Steps in which everything is seen once.
    fn epoch(&self) -> u64;

    fn spec(&self, steps: u64) -> TrainSpec;

    fn course(&self, seed: u64) -> Box<dyn Course + '_>;

    /// Files that belong beside the weights.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }

    /// A short look at how far the model is.
    async fn look(&self, params: &Params) -> Result<Vec<Score>, Stop>;

    /// What the trained model can do, on data that nothing else looks at.
    async fn judge(&self, params: &Params, meter: &dyn Meter) -> Result<Vec<Score>, Stop>;
}

pub(super) fn score(name: impl Into<String>, value: f64) -> Score {
    Score { name: name.into(), value }
}
