use secateur_exec::{Meter, ScoreBench};
use secateur_protocol::{Bandwidth, Event, Unit};

use crate::Host;
use crate::desk::Job;
use crate::jobs::time::{check, spread};
use crate::session::Session;
use crate::stop::Stop;

/// Launches between two looks at the clock, so that waiting for the device weighs little.
const RUNS: usize = 8;
/// Weights, at most: 256 MB.
const ENTRIES: u32 = 1 << 26;

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
