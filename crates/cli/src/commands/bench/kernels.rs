use secateur_protocol::{Bandwidth, Command, DeviceChoice, Event, Products, Spread};
use serde::Deserialize;
use serde_json::json;

use super::quartiles;
use crate::args::BenchKernelsArgs;
use crate::client::{Client, talk};
use crate::progress::Progress;
use crate::{Answer, Result};

/// Layers of real models. The list is a file because tests/e2e/kernels.mjs and tests/golden/speed.py measure them too.
const LAYERS: &str = include_str!("layers.json");

#[derive(Deserialize)]
struct Layer {
    layer: String,
    samples: u32,
    inputs: u32,
    outputs: u32,
    /// The side of a convolution's window.
    window: Option<u32>,
}

/// What was measured on one device.
struct Measured {
    bandwidth: Bandwidth,
    layers: Vec<(String, Products)>,
}

/// Measures on the CPU and, where there is one, on the GPU, or on the one that was asked for.
pub fn run(progress: Progress, args: BenchKernelsArgs) -> Result<Answer> {
    let (measured, without) = talk(progress, async |client| {
        let (mut measured, mut without) = (Vec::new(), Vec::new());
        let asked = args.device.map(DeviceChoice::from);
        for device in asked.map_or(vec![DeviceChoice::Cpu, DeviceChoice::Gpu], |device| vec![device]) {
            match client.hello(device).await {
                Ok(_) => measured.push(measure(client, &args).await?),
                Err(error) if asked.is_none() => without.push(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok((measured, without))
    })?;
    let mut text: String = measured.iter().map(words).collect();
    without.iter().for_each(|why| text += &format!("left out: {why}\n"));
    let device = |on: &Measured| {
        let layers: Vec<_> =
            on.layers.iter().map(|(name, products)| json!({ "layer": name, "products": products })).collect();
        json!({ "score": on.bandwidth, "layers": layers })
    };
    let devices: Vec<_> = measured.iter().map(device).collect();
    Ok(Answer { text, json: json!({ "devices": devices, "left_out": without }) })
}

async fn measure(client: &mut Client, args: &BenchKernelsArgs) -> Result<Measured> {
    let BenchKernelsArgs { repeats, entries, .. } = *args;
    let bandwidth = |event| match event {
        Event::Bandwidth(bandwidth) => Some(bandwidth),
        _ => None,
    };
    let products = |event| match event {
        Event::Products(products) => Some(products),
        _ => None,
    };
    let bandwidth = client.ask_for(Command::Bench { entries, repeats }, bandwidth).await?.0;
    let mut layers = Vec::new();
    for Layer { layer, samples, inputs, outputs, window } in serde_json::from_str::<Vec<Layer>>(LAYERS)? {
        let command = Command::BenchProducts { samples, inputs, outputs, window, repeats };
        layers.push((layer, client.ask_for(command, products).await?.0));
    }
    Ok(Measured { bandwidth, layers })
}

fn words(Measured { bandwidth, layers }: &Measured) -> String {
    let rate = |ms: Spread| bandwidth.bytes as f64 / ms.median / 1e6;
    let (score, copy) = (rate(bandwidth.score_ms), rate(bandwidth.copy_ms));
    let mut text = format!(
        "{}\n  score kernel: {score:.2} GB/s, plain copy: {copy:.2} GB/s, ratio {:.2}; global selection: {:.2} x the time of scoring\n",
        bandwidth.device,
        score / copy,
        bandwidth.select_ms.median / bandwidth.score_ms.median
    );
    layers.iter().for_each(|(name, products)| text += &table(name, products));
    text
}

/// Each product beside burn's and beside our dense one: how many times as fast.
fn table(name: &str, products: &Products) -> String {
    let Products { samples, inputs, outputs, repeats, times, .. } = products;
    let work = 2.0 * f64::from(*samples) * f64::from(*inputs) * f64::from(*outputs);
    let median = |kernel: &str| times.iter().find(|time| time.kernel == kernel).map(|time| time.ms.median);
    let faster = |ms: f64, than: Option<f64>| than.map_or("-".into(), |than| format!("{:.2} x", than / ms));
    let mut text = format!(
        "  {name}: {samples} x {inputs} -> {outputs}, median and quartiles of {repeats}\n    {:<8}{:>8}  {:<26}{:>12}{:>12}{:>14}\n",
        "kernel", "density", "ms", "GFLOP/s", "burn's", "our dense"
    );
    for time in times {
        let ms = time.ms.median;
        let rate = if time.kernel == "copy" { "-".into() } else { format!("{:.1}", work * time.density / ms / 1e6) };
        text += &format!(
            "    {:<8}{:>8}  {:<26}{rate:>12}{:>12}{:>14}\n",
            time.kernel,
            time.density,
            quartiles(time.ms),
            faster(ms, median("burn")),
            faster(ms, median("dense"))
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use secateur_protocol::LARGEST_SIDE;

    use super::{LAYERS, Layer};

    #[test]
    fn every_layer_can_be_measured() {
        let layers: Vec<Layer> = serde_json::from_str(LAYERS).expect("a list of layers");
        assert!(!layers.is_empty());
        for Layer { layer, samples, inputs, outputs, window } in layers {
            assert!([samples, inputs, outputs].iter().all(|side| (1..=LARGEST_SIDE).contains(side)), "{layer}");
            assert!(window.is_none_or(|side| inputs.is_multiple_of(side * side)), "{layer}");
        }
    }
}
