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
        Command::Predict { image } => jobs::predict::run(session, job, image).await,
        Command::Evaluate => jobs::evaluate::run(session, job).await,
        Command::Time { batch, repeats } => jobs::time::run(session, job, batch, repeats).await,
        Command::Heat { params, kind, side } => jobs::heat::run(session, job, &params, kind, side).await,
        Command::Export => jobs::export::run(session, job).await,
        Command::Compare { with } => jobs::compare::run(session, job, with).await,
        Command::Train { model, seed, epochs } => jobs::train::run(session, job, &model, seed, epochs).await,
        Command::Bench { entries, repeats } => jobs::bench::run(session, job, entries, repeats).await,
        Command::Cancel { .. } => Ok(()), // the desk has seen to it
    }
}
