use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};

/// Below this a probability is taken for 0: its logarithm would be no number.
const LEAST: f64 = 1e-30;

/// How far one model's answers are from another's, for each sample; 0 where they are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distance {
    /// Mean of squared differences.
    Squares,
    /// Square root of the sum of squared differences.
    Norm,
    /// Mean over places of the angle between the answers, in radians, 90 degrees at most.
    Angle,
    /// Mean over places of KL(dense || pruned), in nats.
    Kl,
    /// Mean over places of the Jensen-Shannon divergence, in nats: half of KL(dense || middle) + KL(pruned || middle).
    JensenShannon,
    /// The same with each pair swapped: half of KL(middle || dense) + KL(middle || pruned), as FinerCut's code has it.
    SwappedJensenShannon,
}

impl Distance {
    /// From answers [samples, places, classes] to others: [samples].
    pub fn between(self, dense: Tensor<3>, pruned: Tensor<3>) -> Tensor<1> {
        let [samples, places, classes] = dense.dims();
        match self {
            Self::Squares => flat((dense - pruned).square()).mean_dim(1).flatten(0, 1),
            Self::Norm => flat((dense - pruned).square()).sum_dim(1).sqrt().flatten(0, 1),
            Self::Angle => {
                let dot = (dense.clone() * pruned.clone()).sum_dim(2);
                let lengths = (dense.square().sum_dim(2) * pruned.square().sum_dim(2)).sqrt();
                flat((dot / lengths.clamp_min(LEAST)).clamp(0.0, 1.0).acos()).mean_dim(1).flatten(0, 1)
            }
            Self::Kl | Self::JensenShannon | Self::SwappedJensenShannon => {
                let rows = |answers: Tensor<3>| answers.reshape([samples * places, classes]);
                let apart = self.between_rows(rows(dense), rows(pruned));
                apart.reshape([samples, places]).mean_dim(1).flatten(0, 1)
            }
        }
    }

    /// Between the distributions of logits [places, classes]: [places, 1].
    fn between_rows(self, dense: Tensor<2>, pruned: Tensor<2>) -> Tensor<2> {
        let logs = [log_softmax(dense.clone(), 1), log_softmax(pruned.clone(), 1)];
        let [p, q] = [softmax(dense, 1), softmax(pruned, 1)];
        let [log_p, log_q] = logs;
        if self == Self::Kl {
            return (p * (log_p - log_q)).sum_dim(1);
        }
        let middle = (p.clone() + q.clone()) * 0.5;
        let log_middle = middle.clone().clamp_min(LEAST).log();
        let twice = match self {
            Self::JensenShannon => p * (log_p - log_middle.clone()) + q * (log_q - log_middle),
            _ => middle * (log_middle * 2.0 - log_p - log_q),
        };
        twice.sum_dim(1) * 0.5
    }
}

fn flat(answers: Tensor<3>) -> Tensor<2> {
    answers.flatten(1, 2)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use secateur_exec::Value;
    use serde_json::Value as Json;

    use super::*;

    /// tests/golden/methods/search.py; the published code divides some of them by the number of classes too.
    #[test]
    fn they_are_those_of_the_published_code() {
        let golden: Json =
            serde_json::from_str(include_str!("../../../../../tests/golden/methods/search.json")).unwrap();
        let answers = |name: &str| {
            let numbers: Vec<f32> = serde_json::from_value(golden[name].clone()).unwrap();
            Tensor::<3>::from_data(TensorData::new(numbers, [2, 16, 50]), &Device::flex())
        };
        let (dense, pruned) = (answers("dense"), answers("pruned"));
        for (name, distance, divided) in [
            ("norm", Distance::Norm, 1.0),
            ("angular", Distance::Angle, 1.0),
            ("kl", Distance::Kl, 50.0),
            ("kl-tokens", Distance::Kl, 1.0),
            ("js", Distance::JensenShannon, 50.0),
            ("js-swapped", Distance::SwappedJensenShannon, 50.0),
            ("squares", Distance::Squares, 1.0),
        ] {
            let each = Value::R1(distance.between(dense.clone(), pruned.clone()));
            let each = pollster::block_on(each.read()).unwrap();
            let got = each.iter().map(|apart| f64::from(*apart)).sum::<f64>() / 2.0 / divided;
            let want = golden["distances"][name].as_f64().unwrap();
            assert!((got - want).abs() < 1e-6 * want.max(1.0), "{name}: {got} {want}");
        }
    }
}
