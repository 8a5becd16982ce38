use secateur_formats::ReadAt;
use secateur_methods::Scores;
use secateur_models::Task;
use secateur_protocol::{Event, Loaded, Source};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::desk::Job;
use crate::forward::pictures;
use crate::history::History;
use crate::session::{Open, Session, Weights};
use crate::stop::Stop;

pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, source: Source) -> Result<(), Stop> {
    let compute = session.compute()?;
    let checkpoint = Checkpoint::open(job.host(), &source).await?;
    let weights = Some(Weights::new(checkpoint.upload(job, compute).await?));
    let model = &checkpoint.model;
    job.send(Event::Loaded(Box::new(Loaded {
        model: checkpoint.name.clone(),
        family: model.family.to_string(),
        verdict: model.verdict.clone(),
        graph: model.graph.clone(),
        bytes: checkpoint.file.len(),
        labels: model.labels.clone(),
        runs: model.task != Task::Unknown,
        classifies_pictures: pictures(model).is_ok(),
    })));
    session.open = Some(Open { checkpoint, history: History::default(), scores: Scores::new(), weights });
    Ok(())
}
