use secateur_exec::{Compute, ExecError, Meter, Product, ProductBench, ScoreBench, Work};
use secateur_protocol::{Adapter, Bandwidth, Event, LARGEST_SIDE, ProductTime, Products, Spread, Unit};

use crate::Host;
use crate::desk::Job;
use crate::jobs::time::{check, spread};
use crate::session::Session;
use crate::stop::Stop;

/// Work is repeated for so long between two looks at the clock: on the CPU because the clock ticks every 0.1 ms in browsers,
/// on a GPU and on one of software because waiting for it takes milliseconds, and tens of them.
const LASTS_MS: [f64; 3] = [5.0, 30.0, 300.0];
/// But at most so often: the smallest products take microseconds.
const MOST_RUNS: usize = 256;
/// Weights, at most: 256 MB.
const ENTRIES: u32 = 1 << 26;

/// Times the score kernel beside a plain copy and a global selection.
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
    let works = [Work::Score, Work::Copy, Work::Select];
    let times = in_turns(job, compute, repeats, &works, async |work, runs| bench.run(work, runs).await).await?;
    let [score_ms, copy_ms, select_ms] = [times[0], times[1], times[2]];
    compute.check()?;
    let (bytes, device) = (bench.bytes(), compute.adapter().name.clone());
    job.send(Event::Bandwidth(Bandwidth { bytes, repeats, score_ms, copy_ms, select_ms, device }));
    Ok(())
}

/// Times every product that the device has for a layer of this size; they take turns.
pub(crate) async fn products<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    size: [u32; 3],
    window: Option<u32>,
    repeats: u32,
) -> Result<(), Stop> {
    check("repeats", repeats)?;
    let [samples, inputs, outputs] = size;
    for (name, side) in [("samples", samples), ("inputs", inputs), ("outputs", outputs)] {
        if !(1..=LARGEST_SIDE).contains(&side) {
            return Err(Stop::because(format!("{name} = {side}: wanted a whole number from 1 to {LARGEST_SIDE}")));
        }
    }
    if let Some(side) = window
        && (side == 0 || !u64::from(inputs).is_multiple_of(u64::from(side) * u64::from(side)))
    {
        let why = format!("window = {side}: wanted a side whose square divides the {inputs} inputs");
        return Err(Stop::because(why));
    }
    let compute = session.compute()?;
    let bench = ProductBench::new(compute, size.map(|side| side as usize), window.map(|side| side as usize))?;
    let products: Vec<&Product> = bench.products().iter().collect();
    let times =
        in_turns(job, compute, repeats, &products, async |product, runs| bench.run(product, runs).await).await?;
    compute.check()?;
    let time =
        |(product, ms): (&Product, Spread)| ProductTime { kernel: product.kernel.into(), density: product.density, ms };
    let times = products.into_iter().zip(times).map(time).collect();
    let device = compute.adapter().name.clone();
    job.send(Event::Products(Products { samples, inputs, outputs, window, repeats, device, times }));
    Ok(())
}

/// Times works that take turns, so that none has the quieter machine. `run` does one of them so many times over.
/// Milliseconds of doing each of them once.
async fn in_turns<H: Host, W: Copy>(
    job: &Job<'_, H>,
    compute: &Compute,
    repeats: u32,
    works: &[W],
    run: impl AsyncFn(W, usize) -> Result<(), ExecError>,
) -> Result<Vec<Spread>, Stop> {
    let lasts_ms = match compute.adapter() {
        Adapter { software: true, .. } => LASTS_MS[2],
        Adapter { gpu: true, .. } => LASTS_MS[1],
        _ => LASTS_MS[0],
    };
    let clocked_ms = async |work, runs| {
        let start_ms = job.host().now_ms();
        run(work, runs).await?;
        Ok::<f64, Stop>(job.host().now_ms() - start_ms)
    };
    let mut runs = vec![1; works.len()];
    for (work, runs) in works.iter().zip(&mut runs) {
        job.tick(0, u64::from(repeats), Unit::Steps).await?;
        run(*work, 1).await?; // warms up
        // Twice, in case the machine is busy for a moment.
        while clocked_ms(*work, *runs).await?.min(clocked_ms(*work, *runs).await?) < lasts_ms && *runs < MOST_RUNS {
            *runs *= 2;
        }
    }
    let mut times = vec![Vec::new(); works.len()];
    for done in 0..repeats {
        for ((work, runs), times) in works.iter().zip(&runs).zip(&mut times) {
            job.tick(u64::from(done), u64::from(repeats), Unit::Steps).await?;
            times.push(clocked_ms(*work, *runs).await? / *runs as f64);
        }
    }
    Ok(times.into_iter().map(spread).collect())
}
