use secateur_formats::ReadAt;
use secateur_models::Task;
use secateur_protocol::{Event, Loaded, Source};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::denoise::Denoiser;
use crate::desk::Job;
use crate::forward::pictures;
use crate::history::History;
use crate::session::{Open, Session, Weights};
use crate::stop::Stop;
use crate::texts::writer;

pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, source: Source) -> Result<(), Stop> {
    let compute = session.compute()?;
    let checkpoint = Checkpoint::open(job.host(), &source).await?;
    let weights = Some(Weights::new(checkpoint.upload(job, compute).await?));
    let model = &checkpoint.model;
    job.send(Event::Loaded(Box::new(Loaded {
        model: checkpoint.name.clone(),
        family: model.family.to_string(),
        verdict: checkpoint.verdict(job.host().most_weight_bytes())?,
        graph: model.graph.clone(),
        vocabulary: (*checkpoint.vocabulary).clone(),
        bytes: checkpoint.file.len(),
        labels: model.labels.clone(),
        runs: model.task != Task::Unknown,
        classifies_pictures: pictures(model).is_ok(),
        writes: writer(&checkpoint).is_ok(),
        draws: checkpoint.schedule.is_some() && Denoiser::new(model).is_ok(),
    })));
    session.open = Some(Open { checkpoint, history: History::default(), scores: None, weights });
    Ok(())
}
