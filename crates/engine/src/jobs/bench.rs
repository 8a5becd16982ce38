use secateur_exec::{Meter, ProductBench, ScoreBench};
use secateur_protocol::{Bandwidth, Event, ProductTime, Products, Unit};

use crate::Host;
use crate::desk::Job;
use crate::jobs::time::{check, spread};
use crate::session::Session;
use crate::stop::Stop;

/// Launches between two looks at the clock, so that waiting for the device weighs little.
const RUNS: usize = 8;
/// Weights, at most: 256 MB.
const ENTRIES: u32 = 1 << 26;
/// Samples, inputs and outputs of a measured product, at most each: a weight of 256 MB.
const SIDE: u32 = 1 << 13;

/// Times the score kernel beside a plain copy; the two take turns.
pub(crate) async fn run<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    entries: u32,
    repeats: u32,
) -> Result<(), Stop> {
    check("repeats", repeats)?;
    if !(1..=ENTRIES).contains(&entries) {
        return Err(Stop::because(format!("entries = {entries}: wanted a whole number from 1 to {ENTRIES}")));
    }
    let compute = session.compute()?;
    let bench = ScoreBench::new(compute, entries as usize);
    let now_ms = || job.host().now_ms();
    let (mut score_ms, mut copy_ms) = (Vec::new(), Vec::new());
    bench.score(1).await?; // warm up
    bench.copy(1).await?;
    for done in 0..repeats {
        let start_ms = now_ms();
        bench.score(RUNS).await?;
        let between_ms = now_ms();
        bench.copy(RUNS).await?;
        score_ms.push((between_ms - start_ms) / RUNS as f64);
        copy_ms.push((now_ms() - between_ms) / RUNS as f64);
        job.tick(u64::from(done) + 1, u64::from(repeats), Unit::Steps).await?;
    }
    job.send(Event::Bandwidth(Bandwidth {
        bytes: bench.bytes(),
        repeats,
        score_ms: spread(score_ms),
        copy_ms: spread(copy_ms),
        device: compute.adapter().name.clone(),
    }));
    Ok(())
}

/// Times every product that the device has for a layer of this size; they take turns.
pub(crate) async fn products<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    size: [u32; 3],
    repeats: u32,
) -> Result<(), Stop> {
    check("repeats", repeats)?;
    let [samples, inputs, outputs] = size;
    for (name, side) in [("samples", samples), ("inputs", inputs), ("outputs", outputs)] {
        if !(1..=SIDE).contains(&side) {
            return Err(Stop::because(format!("{name} = {side}: wanted a whole number from 1 to {SIDE}")));
        }
    }
    let compute = session.compute()?;
    let bench = ProductBench::new(compute, size.map(|side| side as usize));
    let mut times = vec![Vec::new(); bench.products().len()];
    for done in 0..=repeats {
        for (product, times) in bench.products().iter().zip(&mut times) {
            job.tick(u64::from(done), u64::from(repeats), Unit::Steps).await?;
            let start_ms = job.host().now_ms();
            bench.run(product, RUNS).await?;
            // The first one warms up.
            if done > 0 {
                times.push((job.host().now_ms() - start_ms) / RUNS as f64);
            }
        }
    }
    compute.check()?;
    let time = |(product, times): (&secateur_exec::Product, Vec<f64>)| ProductTime {
        kernel: product.kernel.into(),
        density: product.density,
        ms: spread(times),
    };
    let times = bench.products().iter().zip(times).map(time).collect();
    let device = compute.adapter().name.clone();
    job.send(Event::Products(Products { samples, inputs, outputs, repeats, device, times }));
    Ok(())
}
