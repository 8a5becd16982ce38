use secateur_data::digits::Split;
use secateur_exec::Calibration;
use secateur_methods::{Lab, Method};
use secateur_protocol::{Event, Recipe, Value};

use crate::Host;
use crate::desk::Job;
use crate::forward::{inputs, pictures};
use crate::history::Cut;
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
    let digits = session.digits(job.host()).await?;
    let (compute, open) = session.ready()?;
    let (model, weights) = open.parts()?;

    let calibration = digits.split(Split::Calibration);
    let samples = samples(method, &recipe).min(calibration.len());
    let inputs = match samples {
        0 => Vec::new(),
        _ => inputs(pictures(model)?, calibration.take(samples).map(|at| digits.grey(at))),
    };
    let mut lab = Lab {
        compute,
        graph: &model.graph,
        params: &weights.dense,
        calibration: Calibration { inputs: &inputs, samples },
        meter: job,
        cache: &mut weights.cache,
    };
    let outcome = method.run(&mut lab, &recipe).await?;

    let seconds = (job.host().now_ms() - started_ms) / 1000.0;
    open.history.push(Cut { recipe, masks: outcome.masks, notes: outcome.notes, seconds, amend });
    open.scores = outcome.scores;
    open.moved();
    job.send(Event::Level(Box::new(open.level())));
    Ok(())
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

/// Calibration pictures the recipe asks for; none when its method looks at weights only.
fn samples(method: &dyn Method, recipe: &Recipe) -> usize {
    match recipe.value(&method.card(), "samples") {
        Some(Value::Number(samples)) => samples as usize,
        _ => 0,
    }
}
