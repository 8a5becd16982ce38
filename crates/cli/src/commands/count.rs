//! What a model costs, without running it.

use secateur_graph::grouped;
use serde_json::json;

use crate::args::CountArgs;
use crate::client::look;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress, args: CountArgs) -> Result<Answer> {
    let loaded = look(progress, &args.model)?;
    let counts = loaded.graph.counts();
    let text = format!(
        "{}: {} parameters, {} multiply-accumulates for one sample, at most {} numbers between layers at once, {} bytes on disk\n",
        loaded.model,
        grouped(counts.params),
        grouped(counts.macs),
        grouped(counts.activations),
        grouped(loaded.bytes)
    );
    let json = json!({
        "model": loaded.model, "params": counts.params, "macs": counts.macs, "activations": counts.activations,
        "bytes": loaded.bytes,
    });
    Ok(Answer { text, json })
}
