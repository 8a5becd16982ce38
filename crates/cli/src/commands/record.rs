//! Plays a short run through the real engine and keeps its events for the page: `run.json` lists the frames,
//! `run.bin` holds their buffers.

use secateur_protocol::{
    Command, DeviceChoice, Envelope, Event, HeatKind, Image, Loaded, Recipe, Source, VERSION, Value,
};
use serde::Serialize;
use serde_json::json;

use crate::args::RecordArgs;
use crate::client::{Client, talk};
use crate::host::Message;
use crate::out_dir::OutDir;
use crate::progress::Progress;
use crate::{Answer, Result};

/// The cuts to show: method and sparsities.
const CUTS: &[(&str, &[f64])] =
    &[("wanda", &[0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]), ("magnitude", &[0.5, 0.8, 0.9]), ("random", &[0.5, 0.8])];
/// Cells of a matrix's picture each way.
const SIDE: u32 = 32;

pub fn run(progress: Progress, args: RecordArgs) -> Result<Answer> {
    let out = OutDir::new(args.out)?.ok_or("say where to write the recording with -o DIR")?;
    let mut tape = Tape::default();
    talk(progress, async |client| play(client, &args.model, &mut tape).await)?;
    let frames = tape.frames.len();
    let run = serde_json::to_vec(&json!({ "frames": tape.frames }))?;
    let bytes = run.len() + tape.bytes.len();
    out.write(&[("run.json".into(), run), ("run.bin".into(), tape.bytes)])?;
    let text = format!("{frames} frames, {bytes} bytes, written to {}\n", out.path().display());
    Ok(Answer { text, json: json!({ "frames": frames, "bytes": bytes, "out": out.path() }) })
}

async fn play(client: &mut Client, model: &str, tape: &mut Tape) -> Result {
    tape.keep(client.ask(Command::Hello { version: VERSION, device: DeviceChoice::Cpu }).await?);
    let load = Command::Load { source: Source::BuiltIn { id: model.into() } };
    let told = client.ask(load).await?;
    let loaded = told.iter().find_map(|(event, _)| match &event.body {
        Event::Loaded(loaded) => Some(loaded.clone()),
        _ => None,
    });
    let loaded = loaded.ok_or("the engine left out its answer; please report this")?;
    tape.keep(told);
    tape.keep(client.ask(heat(&loaded, HeatKind::Weight)).await?);
    for (method, sparsities) in CUTS {
        for sparsity in *sparsities {
            let values = [("sparsity".to_string(), Value::Number(*sparsity))].into();
            let recipe = Recipe { method: method.to_string(), values, seed: 0 };
            tape.keep(client.ask(Command::Prune { recipe, amend: false }).await?);
            tape.keep(client.ask(heat(&loaded, HeatKind::Mask)).await?);
            tape.keep(client.ask(Command::Predict { image: Image::Test { indices: (0..12).collect() } }).await?);
            tape.keep(client.ask(Command::Evaluate).await?);
            tape.keep(client.ask(Command::Time { batch: 64, repeats: 5 }).await?);
        }
        // Once for a method: the page shows these scores under all its cuts.
        tape.keep(client.ask(heat(&loaded, HeatKind::Importance)).await?);
    }
    Ok(())
}

fn heat(loaded: &Loaded, kind: HeatKind) -> Command {
    Command::Heat { params: loaded.graph.prunable().map(|id| id.0).collect(), kind, side: SIDE }
}

/// Events in order; their buffers one after the other.
#[derive(Default)]
struct Tape {
    frames: Vec<Frame>,
    bytes: Vec<u8>,
}

#[derive(Serialize)]
struct Frame {
    event: Envelope<Event>,
    /// (offset, length) in `run.bin`.
    blobs: Vec<(usize, usize)>,
}

impl Tape {
    fn keep(&mut self, told: Vec<Message>) {
        for (event, blobs) in told {
            let mut places = Vec::new();
            for blob in blobs {
                places.push((self.bytes.len(), blob.len()));
                self.bytes.extend(blob);
            }
            self.frames.push(Frame { event, blobs: places });
        }
    }
}
