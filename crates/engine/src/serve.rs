use futures_util::Stream;
use secateur_protocol::{Command, Envelope, Event};

use crate::desk::{Desk, Job};
use crate::session::Session;
use crate::stop::Stop;
use crate::{Host, jobs};

/// Runs the engine until the inbox closes: one job at a time, in order of arrival.
///
/// While a job runs, the inbox is looked at on each of its ticks. A `Cancel` of it ends it there; a newer
/// amendable cut makes one that still waits obsolete. Both are answered by [`Event::Cancelled`].
pub async fn serve<H: Host>(host: H, inbox: impl Stream<Item = Envelope<Command>> + 'static) {
    let desk = Desk::new(&host, inbox);
    let mut session = Session::default();
    while let Some(Envelope { id, body }) = desk.next().await {
        let job = Job::new(&desk, id);
        let end = match run(&mut session, &job, body).await {
            Ok(()) => Event::Done,
            Err(Stop::Cancelled) => Event::Cancelled,
            Err(Stop::Failed(error)) => Event::Failed { error },
            Err(Stop::DeviceLost(error)) => {
                session.lose_device();
                job.send(Event::DeviceLost { error: error.clone() });
                Event::Failed { error }
            }
        };
        job.send(end);
    }
}

async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, command: Command) -> Result<(), Stop> {
    match command {
        Command::Hello { version, device } => jobs::hello::run(session, job, version, device).await,
        Command::UseDevice { device } => jobs::hello::use_device(session, job, device).await,
        Command::Load { source } => jobs::load::run(session, job, source).await,
        Command::Prune { recipe, amend } => jobs::prune::run(session, job, recipe, amend).await,
        Command::Undo => jobs::prune::undo(session, job),
        Command::Redo => jobs::prune::redo(session, job),
        Command::Run { file } => jobs::run::run(session, job, &file.name).await,
        Command::Predict { image } => jobs::predict::run(session, job, image).await,
        Command::Evaluate => jobs::evaluate::run(session, job).await,
        Command::EvaluateText(test) => jobs::text::evaluate(session, job, test).await,
        Command::Ask => jobs::text::ask(session, job).await,
        Command::Generate(asked) => jobs::text::generate(session, job, asked).await,
        Command::Classify { pictures } => jobs::classify::run(session, job, pictures).await,
        Command::Draw(asked) => jobs::draw::run(session, job, asked).await,
        Command::Time { batch, repeats } => jobs::time::run(session, job, batch, repeats).await,
        Command::Heat { params, kind, side } => jobs::heat::run(session, job, &params, kind, side).await,
        Command::Export { format } => jobs::export::run(session, job, format).await,
        Command::Verdict => jobs::export::verdict(session, job),
        Command::Sweep { recipe } => jobs::sweep::run(session, job, recipe).await,
        Command::Contrast { a, b, side } => jobs::contrast::run(session, job, [a, b], side).await,
        Command::Compare { with } => jobs::compare::run(session, job, with).await,
        Command::Train(asked) => jobs::train::run(session, job, asked).await,
        Command::Bench { entries, repeats } => jobs::bench::run(session, job, entries, repeats).await,
        Command::BenchProducts { samples, inputs, outputs, window, repeats } => {
            jobs::bench::products(session, job, [samples, inputs, outputs], window, repeats).await
        }
        Command::Cancel { .. } | Command::Steer { .. } => Ok(()), // the desk has seen to it
    }
}

#[cfg(test)]
#[path = "../tests/engine/tiny.rs"]
mod tiny;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::stream;
    use secateur_formats::MemoryFile;
    use secateur_formats::safetensors::Dtype;
    use secateur_protocol::{DeviceChoice, FileRef, Recipe, Source, VERSION, Value};

    use super::tiny::{CONFIG, DIGEST, TINY, tiny};
    use super::*;
    use crate::{Asset, OpenError};

    #[derive(Default)]
    struct Listener(RefCell<Vec<Event>>);

    impl Host for Listener {
        type File = MemoryFile;

        fn now_ms(&self) -> f64 {
            0.0
        }

        async fn pause(&self) {}

        async fn open(&self, asset: Asset<'_>) -> Result<MemoryFile, OpenError> {
            match asset {
                Asset::User(asked) => {
                    let file = tiny(Dtype::F32, 1).into_iter().find(|(name, _)| *name == asked);
                    Ok(MemoryFile::new(file.expect("one of the tiny model's files").1))
                }
                Asset::BuiltIn(path) => {
                    let path = format!("{}/../../public/{path}", env!("CARGO_MANIFEST_DIR"));
                    Ok(MemoryFile::new(std::fs::read(path).expect("a file of the repository")))
                }
            }
        }

        fn send(&self, event: Envelope<Event>, _: Vec<Vec<u8>>) {
            self.0.borrow_mut().push(event.body);
        }
    }

    #[test]
    fn masks_and_history_outlive_the_device() {
        let host = Listener::default();
        let desk = Desk::new(&host, stream::empty());
        let job = Job::new(&desk, 1);
        let mut session = Session::default();
        let ask = |session: &mut _, command| pollster::block_on(run(session, &job, command));
        let values = [("sparsity".to_string(), Value::Number(0.7))].into();
        let recipe = Recipe { method: "magnitude".into(), values, seed: 0 };
        let files = [TINY, CONFIG].map(|name| FileRef { name: name.into(), bytes: 0 }).into();
        ask(&mut session, Command::Hello { version: VERSION, device: DeviceChoice::Cpu }).unwrap();
        ask(&mut session, Command::Load { source: Source::Files { files } }).unwrap();
        ask(&mut session, Command::Prune { recipe, amend: false }).unwrap();

        session.lose_device();
        let Err(Stop::Failed(error)) = ask(&mut session, Command::Evaluate) else { panic!("there is no device") };
        assert!(error.contains("switch to the CPU"), "{error}");

        ask(&mut session, Command::UseDevice { device: DeviceChoice::Cpu }).unwrap();
        ask(&mut session, Command::Evaluate).unwrap();
        ask(&mut session, Command::Undo).unwrap();
        ask(&mut session, Command::Redo).unwrap();
        let told = host.0.borrow();
        let levels = told.iter().filter_map(|event| if let Event::Level(level) = event { Some(level) } else { None });
        let masks: Vec<_> = levels.map(|level| (level.zeros() > 0, level.digest == DIGEST)).collect();
        assert_eq!(masks, [(true, true), (false, false), (true, true)]);
    }
}
