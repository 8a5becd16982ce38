//! What this project's speed is, measured on the devices here.

mod kernels;
mod model;

use secateur_protocol::Spread;

use crate::args::Bench;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress, what: Bench) -> Result<Answer> {
    match what {
        Bench::Model(args) => model::run(progress, args),
        Bench::Kernels(args) => kernels::run(progress, args),
    }
}

/// `1.25 (1.20 to 1.31)`
fn quartiles(Spread { q1, median, q3 }: Spread) -> String {
    format!("{median:.2} ({q1:.2} to {q3:.2})")
}
