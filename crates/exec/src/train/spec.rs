/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSpec {
    /// From fresh parameters to the end.
    pub steps: u64,
    /// Highest learning rate, reached after `warmup` of all steps.
    pub lr: f64,
    /// Fraction of all steps.
    pub warmup: f64,
    /// What becomes of the learning rate after that.
    pub schedule: Schedule,
    pub optimizer: Optimizer,
    /// Decay on weights and not on biases, norms, embeddings and what is learnt beside the parameters: decoupled
    /// (Loshchilov & Hutter, 2019) with AdamW, added to the gradient with SGD.
    pub weight_decay: f32,
    /// Gradients of a step are scaled down to this norm, all of them together (Pascanu et al., 2013). None: they stay.
    pub clip: Option<f32>,
    /// Batches whose gradients make up one step, at least 1.
    pub accumulate: u64,
    /// What a running mean of the parameters (Polyak & Juditsky, 1992) keeps of itself in a step; it is less in the
    /// first steps. None: there is no such mean.
    pub average: Option<f64>,
    /// Keeps only what goes from block to block and works out the rest anew on the way back (Chen et al., 2016): the same
    /// gradients for less memory and about a third more time.
    pub recompute: bool,
}

/// How the learning rate goes from its highest value on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    Constant,
    /// Half a cosine down to 0 (Loshchilov & Hutter, 2017).
    Cosine,
    /// A straight line down to 0.
    Linear,
    /// (1 - share done)^3.
    Cubic,
    /// Constant, then a straight line down to 0 over the last `decay` of the steps (Hu et al., 2024).
    WarmStableDecay {
        decay: f64,
    },
}

/// What turns gradients into steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// beta = 0.9, 0.999.
    AdamW,
    /// v <- momentum * v + gradient; a step along v, or along gradient + momentum * v (Nesterov), as in PyTorch.
    Sgd { momentum: f64, nesterov: bool },
}

impl Default for TrainSpec {
    fn default() -> Self {
        Self {
            steps: 1000,
            lr: 1e-3,
            warmup: 0.1,
            schedule: Schedule::Cosine,
            optimizer: Optimizer::AdamW,
            weight_decay: 0.05,
            clip: None,
            accumulate: 1,
            average: None,
            recompute: false,
        }
    }
}

impl TrainSpec {
    /// Learning rate of a step: a straight line up, then as the schedule says.
    pub fn lr_at(&self, step: u64) -> f64 {
        let total = self.steps as f64;
        let warm = if self.warmup > 0.0 { (self.warmup * total).max(1.0) } else { 0.0 };
        let step = step as f64 + 1.0;
        if step <= warm {
            return self.lr * step / warm;
        }
        self.lr * self.schedule.left((step - warm) / (total - warm).max(1.0))
    }
}

impl Schedule {
    /// The share of the highest rate when this share of the way is done.
    fn left(self, done: f64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
            Self::Linear => 1.0 - done,
            Self::Cubic => (1.0 - done).powi(3),
            Self::WarmStableDecay { decay } => ((1.0 - done) / decay.max(1e-9)).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of PyTorch's and transformers' schedulers at a quarter, a half and three quarters of the way.
    #[test]
    fn schedules_are_those_that_people_know() {
        let at = |schedule: Schedule| [0.25, 0.5, 0.75].map(|done| (schedule.left(done) * 1e4).round() / 1e4);
        assert_eq!(at(Schedule::Constant), [1.0; 3]);
        assert_eq!(at(Schedule::Cosine), [0.8536, 0.5, 0.1464]);
        assert_eq!(at(Schedule::Linear), [0.75, 0.5, 0.25]);
        assert_eq!(at(Schedule::Cubic), [0.4219, 0.125, 0.0156]);
        assert_eq!(at(Schedule::WarmStableDecay { decay: 0.5 }), [1.0, 1.0, 0.5]);
    }

    #[test]
    fn the_rate_rises_while_it_warms_up() {
        let spec = TrainSpec { steps: 100, lr: 1.0, warmup: 0.1, ..TrainSpec::default() };
        assert_eq!([0, 4, 9].map(|step| spec.lr_at(step)), [0.1, 0.5, 1.0]);
        assert!(spec.lr_at(10) < 1.0 && spec.lr_at(99) == 0.0);
        let cold = TrainSpec { warmup: 0.0, schedule: Schedule::Constant, ..spec };
        assert_eq!(cold.lr_at(0), 1.0);
    }
}
