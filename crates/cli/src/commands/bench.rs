use secateur_protocol::{Bandwidth, Command, DeviceChoice, Event, Spread, Timing};
use serde_json::json;

use crate::args::BenchArgs;
use crate::client::{Client, talk};
use crate::model::source;
use crate::progress::Progress;
use crate::{Answer, Result};

/// What was measured on one device.
struct Measured {
    timing: Timing,
    bandwidth: Bandwidth,
}

/// Measures on the CPU and, where there is one, on the GPU.
pub fn run(progress: Progress, args: BenchArgs) -> Result<Answer> {
    let source = source(&args.model)?;
    let (measured, without_gpu) = talk(progress, async |client| {
        client.hello(DeviceChoice::Cpu).await?;
        client.load(source).await?;
        let mut measured = vec![measure(client, &args).await?];
        let gpu = client.ask(Command::UseDevice { device: DeviceChoice::Gpu }).await;
        if gpu.is_ok() {
            measured.push(measure(client, &args).await?);
        }
        Ok((measured, gpu.err().map(|error| error.to_string())))
    })?;
    let mut text: String = measured.iter().map(line).collect();
    without_gpu.iter().for_each(|why| text += &format!("no GPU: {why}\n"));
    let devices: Vec<_> = measured.iter().map(|on| json!({ "forward": on.timing, "score": on.bandwidth })).collect();
    Ok(Answer { text, json: json!({ "model": args.model, "devices": devices, "without_gpu": without_gpu }) })
}

async fn measure(client: &mut Client, args: &BenchArgs) -> Result<Measured> {
    let BenchArgs { batch, repeats, entries, .. } = *args;
    let timing = |event| match event {
        Event::Timing(timing) => Some(timing),
        _ => None,
    };
    let bandwidth = |event| match event {
        Event::Bandwidth(bandwidth) => Some(bandwidth),
        _ => None,
    };
    Ok(Measured {
        timing: client.ask_for(Command::Time { batch, repeats }, timing).await?.0,
        bandwidth: client.ask_for(Command::Bench { entries, repeats }, bandwidth).await?.0,
    })
}

fn line(Measured { timing, bandwidth }: &Measured) -> String {
    let rate = |ms: Spread| bandwidth.bytes as f64 / ms.median / 1e6;
    let (score, copy) = (rate(bandwidth.score_ms), rate(bandwidth.copy_ms));
    format!(
        "{}\n  forward of {} digits: {} ms (quartiles of {})\n  score kernel: {score:.2} GB/s, plain copy: {copy:.2} GB/s, ratio {:.2}\n",
        timing.device,
        timing.batch,
        quartiles(timing.dense_ms),
        timing.repeats,
        score / copy
    )
}

fn quartiles(Spread { q1, median, q3 }: Spread) -> String {
    format!("{median:.2} ({q1:.2} to {q3:.2})")
}
