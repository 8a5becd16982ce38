use std::rc::Rc;

use secateur_exec::train::Task;
use secateur_exec::{Calibration, Params};
use secateur_formats::ReadAt;
use secateur_formats::safetensors::rounded;
use secateur_methods::{Lab, Method, Outcome, Scores};
use secateur_protocol::{Card, Event, Need, Recipe, Value};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::desk::Job;
use crate::history::{Changed, Cut};
use crate::others::others;
use crate::samples::{Samples, Wish};
use crate::session::Session;
use crate::stop::Stop;
use crate::task::{Material, drawing};
use crate::trial::Trials;

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
    let card = method.card();
    let recipe = recipe.checked(&card).map_err(Stop::because)?;
    let digits = session.digits(job.host()).await?;
    let (compute, open) = session.ready()?;
    let samples = match Wish::read(&card, &recipe) {
        Some(wish) => wish.samples(job.host(), &open.checkpoint, &digits).await?,
        None => Samples::none(&open.checkpoint.model, whole(&card, &recipe, "length")),
    };
    let answered = card.needs(Need::Answers) || card.needs(Need::Training);
    let material = if answered { Material::of(&open.checkpoint, &digits, samples.length.unwrap_or(1))? } else { None };
    let vocabulary = open.checkpoint.vocabulary.clone();
    let checkpoints = others(job, compute, &open.checkpoint, &card, &recipe).await?;
    let times = whole(&card, &recipe, "times");
    let drawing = times.map(|times| drawing(&open.checkpoint, times)).transpose()?.flatten();
    let (checkpoint, weights) = open.whole()?;
    let graph = samples.sized(&checkpoint.model.graph)?;
    let batch = whole(&card, &recipe, "batch").unwrap_or(1);
    let task = material.as_ref().map(|material| Task { drawing, ..material.task(batch, recipe.seed) });
    let dense = weights.dense.clone();
    let watch = Trials::new(job, compute, checkpoint, &dense, &digits);
    let mut lab = Lab {
        compute,
        graph: &graph,
        params: &dense,
        calibration: Calibration { inputs: &samples.inputs, samples: samples.count },
        vocabulary: &vocabulary,
        meter: job,
        watch: &watch,
        task: task.as_ref(),
        checkpoints: &checkpoints,
        now_ms: &|| job.host().now_ms(),
        cache: &mut weights.cache,
    };
    let Outcome { masks, removal, statistics, params, scores, mut notes } = method.run(&mut lab, &recipe).await?;
    notes.extend([samples.note, watch.note()].into_iter().flatten());
    let changed = Rc::new(changed(checkpoint, params).await?);
    Ok(Found { cut: Cut { recipe, masks, removal, statistics, changed, notes, seconds: 0.0, amend: false }, scores })
}

/// What a method changed, brought back from the device and rounded as the file will hold it: what is measured and shown is
/// what is taken away.
async fn changed<F: ReadAt>(checkpoint: &Checkpoint<F>, params: Option<Params>) -> Result<Changed, Stop> {
    let graph = &checkpoint.model.graph;
    let mut changed = Changed::new();
    for id in graph.param_ids() {
        if let Some(params) = params.as_ref().filter(|params| params.get(graph, id).is_ok()) {
            let dtype = checkpoint.tensor(&graph.param(id).name)?.dtype;
            changed.push((id, rounded(dtype, params.read(graph, id).await?)));
        }
    }
    Ok(changed)
}

/// A setting that is a whole number, where the method has it.
fn whole(card: &Card, recipe: &Recipe, key: &str) -> Option<usize> {
    match recipe.value(card, key) {
        Some(Value::Number(number)) => Some(number as usize),
        _ => None,
    }
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
