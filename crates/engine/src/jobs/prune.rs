use secateur_exec::Calibration;
use secateur_methods::{Lab, Method, Outcome, Scores};
use secateur_protocol::{Event, Recipe};

use crate::Host;
use crate::desk::Job;
use crate::history::Cut;
use crate::samples::{Samples, Wish};
use crate::session::Session;
use crate::stop::Stop;

/// Cuts the dense model by a recipe.
pub(crate) async fn run<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    recipe: Recipe,
    amend: bool,
) -> Result<(), Stop> {
    let started_ms = job.host().now_ms();
    let method = find(&recipe.method)?;
    let recipe = recipe.checked(&method.card()).map_err(Stop::because)?;
    if let Some(open) = session.open.as_mut().filter(|_| !amend)
        && open.history.settle(&recipe)
    {
        job.send(Event::Level(Box::new(open.level())));
        return Ok(());
    }
    let Found { cut, scores } = find_cut(session, job, recipe).await?;
    let open = session.open()?;
    open.history.push(Cut { amend, seconds: (job.host().now_ms() - started_ms) / 1000.0, ..cut });
    open.scores = Some(scores);
    open.moved();
    job.send(Event::Level(Box::new(open.level())));
    Ok(())
}

/// A cut that nobody has made yet, and the scores that decided it.
pub(crate) struct Found {
    pub cut: Cut,
    pub scores: Scores,
}

/// What a recipe makes of the dense model; the history stays as it is.
pub(crate) async fn find_cut<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    recipe: Recipe,
) -> Result<Found, Stop> {
    let method = find(&recipe.method)?;
    let recipe = recipe.checked(&method.card()).map_err(Stop::because)?;
    let digits = session.digits(job.host()).await?;
    let (compute, open) = session.ready()?;
    let samples = match Wish::read(&method.card(), &recipe) {
        Some(wish) => wish.samples(job.host(), &open.checkpoint, &digits).await?,
        None => Samples::default(),
    };
    let (model, weights) = open.parts()?;
    let graph = samples.sized(&model.graph)?;
    let mut lab = Lab {
        compute,
        graph: &graph,
        params: &weights.dense,
        calibration: Calibration { inputs: &samples.inputs, samples: samples.count },
        meter: job,
        now_ms: &|| job.host().now_ms(),
        cache: &mut weights.cache,
    };
    let Outcome { masks, removal, statistics, scores, mut notes } = method.run(&mut lab, &recipe).await?;
    notes.extend(samples.note);
    Ok(Found { cut: Cut { recipe, masks, removal, statistics, notes, seconds: 0.0, amend: false }, scores })
}

pub(crate) fn undo<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<(), Stop> {
    let open = session.open()?;
    if !open.history.undo() {
        return Err(Stop::because("nothing to undo: this is the dense model"));
    }
    open.moved();
    job.send(Event::Level(Box::new(open.level())));
    Ok(())
}

pub(crate) fn redo<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<(), Stop> {
    let open = session.open()?;
    if !open.history.redo() {
        return Err(Stop::because("nothing to redo: this is the newest cut"));
    }
    open.moved();
    job.send(Event::Level(Box::new(open.level())));
    Ok(())
}

fn find(id: &str) -> Result<&'static dyn Method, Stop> {
    secateur_methods::find(id).ok_or_else(|| {
        let known = secateur_methods::ALL.iter().map(|method| method.card().id.to_string()).collect::<Vec<_>>();
        Stop::because(format!("there is no method {id:?}; there are {}", known.join(", ")))
    })
}
