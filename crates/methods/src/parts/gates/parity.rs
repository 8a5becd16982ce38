//! Gates beside tests/golden/gates.py.

use burn::tensor::{Tensor, TensorData};
use secateur_exec::rng::Rng;
use secateur_exec::{Compute, Value};
use secateur_graph::groups::UnitKind;
use secateur_kernels::gate::{Stretch, soft_mask};
use serde_json::Value as Json;

use super::{Bank, Bottleneck, HardConcrete, Kind, Measure, Size, decide, half_way, kth_lowest, signal};
use crate::parts::allocate;
use crate::parts::golden::{gates, numbers, tensor};
use crate::tests::world::{Clock, World};

fn row(values: &[f32]) -> Tensor<1> {
    let data = TensorData::new(values.to_vec(), [values.len()]);
    Tensor::from_data(data, Compute::cpu(String::new()).device())
}

fn read(tensor: Tensor<1>) -> Vec<f32> {
    pollster::block_on(Value::R1(tensor).read()).unwrap()
}

fn near(found: &[f32], want: &Json) {
    let want = numbers(want);
    let off = found.iter().zip(&want).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f32::max);
    assert!(found.len() == want.len() && off < 2e-6, "off by {off}: {found:?}, not {want:?}");
}

fn concrete(beta: f32, calm: f32) -> HardConcrete {
    HardConcrete { stretch: Stretch { beta, ..Stretch::default() }, calm, start: 0.0, bounds: None, rate: 1.0 }
}

#[test]
fn hard_concrete_gates_are_those_of_the_reference() {
    let golden = gates();
    let log_alpha = numbers(&golden["log_alpha"]);
    for case in golden["concrete"].as_array().unwrap() {
        let [beta, calm] = ["beta", "calm"].map(|key| case[key].as_f64().unwrap() as f32);
        let found = concrete(beta, calm).sample(row(&log_alpha), numbers(&golden["draw"])).unwrap();
        near(&read(found), &case["gate"]);
    }
    let kind = concrete(2.0 / 3.0, 0.0);
    near(&read(kind.kept(&[row(&log_alpha)])), &golden["open"]);
    near(&log_alpha.iter().map(|value| kind.open_probability(*value)).collect::<Vec<_>>(), &golden["open"]);
    near(&log_alpha.iter().map(|value| kind.settled(&[*value])).collect::<Vec<_>>(), &golden["settled"]);
    assert_eq!(kind.expected_closed(&log_alpha), golden["compresso"]["zeros"].as_f64().unwrap());
}

/// Monte Carlo: the share of gates that are not 0 is what the formula says.
#[test]
fn gates_are_open_as_often_as_they_should_be() {
    let kind = concrete(2.0 / 3.0, 0.0);
    for log_alpha in [-3.0, 0.0, 3.0] {
        let mut rng = Rng::keyed(3, "test", 0, "");
        let draws: Vec<f32> = (0..100_000).map(|_| rng.uniform()).collect();
        let found = read(kind.sample(row(&vec![log_alpha; draws.len()]), draws).unwrap());
        let open = found.iter().filter(|gate| **gate > 0.0).count() as f32 / found.len() as f32;
        assert!((open - kind.open_probability(log_alpha)).abs() < 0.01, "{log_alpha}: {open}");
    }
}

#[test]
fn noisy_gates_are_those_of_the_reference() {
    let golden = &gates()["bottleneck"];
    let [mean, log_variance] = ["mean", "log_variance"].map(|key| numbers(&golden[key]));
    let parts = [row(&mean), row(&log_variance)];
    let kl = read(signal(&parts).log1p().sum() * 0.5)[0];
    assert!((f64::from(kl) / golden["kl"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{kl}");
    let kind = Bottleneck { steepness: 10.0, rate: 1.0 };
    let found = read(kind.kept(&parts));
    let want = numbers(&golden["kept"]);
    assert!(found.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}, not {want:?}");
    let units = || mean.iter().zip(&log_variance).map(|(mean, variance)| [*mean, *variance]);
    near(&units().map(|parts| Bottleneck::drowned(&parts)).collect::<Vec<_>>(), &golden["log_ratio"]);
    near(&units().map(|parts| kind.settled(&parts)).collect::<Vec<_>>(), &golden["weighted"]);
}

#[test]
fn the_expected_size_is_that_of_the_formula() {
    let golden = &gates()["size"];
    let [mut vit, _] = World::all();
    let (found, whole, none) = vit.with_lab(&Clock::endless(), |lab| {
        let bank = Bank::of(lab, "heads,neurons,width").unwrap();
        let mut seen = [0, 0];
        let kept = bank.rows.iter().map(|row| match row.group.kind {
            UnitKind::Width => numbers(&golden["width"]),
            kind => {
                let (at, key) = if kind == UnitKind::Heads { (0, "heads") } else { (1, "neurons") };
                seen[at] += 1;
                numbers(&golden["layers"][seen[at] - 1][key])
            }
        });
        let kept: Vec<Vec<f32>> = kept.collect();
        let size = Size::new(lab.graph, &bank, Measure::Params);
        let left = |value: f32| {
            let all: Vec<Vec<f32>> = kept.iter().map(|row| vec![value; row.len()]).collect();
            pollster::block_on(size.left_of(lab, &all)).unwrap()
        };
        (pollster::block_on(size.left_of(lab, &kept)).unwrap(), left(1.0), left(0.0))
    });
    assert!((found - golden["left"].as_f64().unwrap()).abs() < 1e-6, "{found}");
    assert!((whole - 1.0).abs() < 1e-6 && none.abs() < 1e-6, "{whole} {none}");
}

/// Compresso's rule for one layer: as many zeros as are expected, the lowest first.
#[test]
fn as_many_go_as_the_reference_lets_go() {
    let (golden, [_, mut lenet]) = (gates(), World::all());
    let keep = numbers(&golden["compresso"]["keep"]);
    lenet.with_lab(&Clock::endless(), |lab| {
        let mut bank = Bank::of(lab, "neurons").unwrap();
        bank.rows[0].group.units = keep.len();
        let zeros = golden["compresso"]["zeros"].as_f64().unwrap();
        let decision = decide(&bank, &[numbers(&golden["log_alpha"])], &[zeros]);
        assert_eq!(decision.kept, [keep]);
    });
}

#[test]
fn soft_masks_are_those_of_the_reference() {
    let golden = gates();
    for case in golden["pdp"].as_array().unwrap() {
        let weight = numbers(&case["weight"]);
        let mut magnitudes: Vec<f32> = weight.iter().map(|w| w.abs()).collect();
        let t = half_way(&mut magnitudes, case["share"].as_f64().unwrap());
        near(&[t], &Json::Array(vec![case["threshold"].clone()]));
        let leaf = tensor(&case["weight"], [9, 14]).autodiff().require_grad();
        let threshold = Tensor::from_data([t], &leaf.device());
        let masked = leaf.clone() * soft_mask(leaf.clone(), threshold, case["tau"].as_f64().unwrap() as f32).unwrap();
        let slopes = (masked.clone() * tensor(&case["pull"], [9, 14]).autodiff()).sum().backward();
        near(&read(masked.inner().reshape([126])), &case["masked"]);
        let found = read(leaf.grad(&slopes).unwrap().reshape([126]));
        let want = numbers(&case["slope"]);
        assert!(found.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + b.abs())), "{found:?}");
    }
    let runs = &golden["pdp_runs"];
    let mut magnitudes: Vec<f32> = numbers(&runs["weight"]).into_iter().map(f32::abs).collect();
    let found: Vec<f32> = magnitudes.chunks_mut(4).map(|run| half_way(run, 0.5)).collect();
    near(&found, &runs["thresholds"]);
}

#[test]
fn the_top_of_the_scores_is_that_of_the_reference() {
    let golden = &gates()["movement"];
    let (scores, shares) = (numbers(&golden["scores"]), golden["shares"].as_array().unwrap());
    for (share, keep) in shares.iter().zip(golden["keep"].as_array().unwrap()) {
        let k = allocate::share(1.0 - share.as_f64().unwrap(), scores.len());
        let threshold = kth_lowest(scores.clone(), k);
        let found: Vec<f32> = scores.iter().map(|score| f32::from(*score > threshold)).collect();
        assert_eq!(found, numbers(keep), "{share}");
    }
}
