use secateur_exec::{Compute, Meter, Params, Part};
use secateur_formats::ReadAt;
use secateur_models::Step;
use secateur_protocol::{BlobId, Draw, Event, Sampler, Unit};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::denoise::{Denoiser, Drawing};
use crate::desk::Job;
use crate::session::Session;
use crate::stop::Stop;

const MOST_PICTURES: u32 = 64;
/// Numbers in all pictures of one model: a bound for what is sent.
const MOST_NUMBERS: usize = 1 << 22;
/// Steps that are shown, at most; of more steps, every second, third ... and the last.
const MOST_SHOWN: usize = 64;
/// More exaggerates nothing any further.
const MOST_GUIDANCE: f32 = 100.0;

/// Pictures of the dense model and as many of the pruned one, each [height, width, channels], one after the other.
#[derive(Clone)]
pub(crate) struct Drawn {
    pub asked: Draw,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub pixels: Vec<u8>,
}

/// Draws with both models and tells how it goes.
pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, asked: Draw) -> Result<(), Stop> {
    let drawn = draw(session, job, asked, |step, steps, drawn| show(job, step, steps, drawn)).await?;
    session.open()?.note(|told| told.drawn = Some(drawn));
    Ok(())
}

/// Draws with the dense and the pruned model from the same noise, step by step in turn; `show` sees the pictures after some
/// steps, of how many.
pub(crate) async fn draw<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    asked: Draw,
    show: impl Fn(usize, usize, &Drawn),
) -> Result<Drawn, Stop> {
    let (compute, open) = session.ready()?;
    let denoiser = Denoiser::new(&open.checkpoint.model)?;
    check(&denoiser, &asked)?;
    let steps = steps(&open.checkpoint, &asked)?;
    let pruned = if open.cut().is_some() { Some(open.pruned(compute).await?) } else { None };
    let (model, weights) = open.parts()?;
    let dense = (drawing(compute, Denoiser::new(model)?, &asked)?, &weights.dense);
    let smaller = match &pruned {
        Some(pruned) => Some((drawing(compute, Denoiser::new(&pruned.model)?, &asked)?, &pruned.params)),
        None => None,
    };
    let models: Vec<(Drawing<'_>, &Params)> = [Some(dense), smaller].into_iter().flatten().collect();
    let first = &models[0].0;
    let mut pictures = vec![first.noise(0); models.len()];
    let total = (steps.len() * models.len()) as u64;
    let mut start = 0;
    let every = steps.len().div_ceil(MOST_SHOWN);
    for (number, step) in (1..).zip(&steps) {
        let fresh = if step.is_noisy() { first.noise(number as u64) } else { Vec::new() };
        for ((drawing, params), x) in models.iter().zip(&mut pictures) {
            drawing.step(params, step, x, &fresh, &Part { meter: job, start, total }).await?;
            start += 1;
        }
        if number % every == 0 || number == steps.len() {
            show(number, steps.len(), &drawn(first, &asked, &pictures));
        }
    }
    job.tick(total, total, Unit::Steps).await?;
    Ok(drawn(first, &asked, &pictures))
}

fn check(denoiser: &Denoiser, asked: &Draw) -> Result<(), Stop> {
    let &Draw { count, guidance, .. } = asked;
    let affordable = (MOST_NUMBERS / denoiser.len().max(1)).max(1) as u32;
    let most = MOST_PICTURES.min(affordable);
    if !(1..=most).contains(&count) {
        return Err(Stop::because(format!("count = {count}: wanted a whole number from 1 to {most}")));
    }
    if !(0.0..=MOST_GUIDANCE).contains(&guidance) {
        return Err(Stop::because(format!("guidance = {guidance}: wanted a number from 0 to {MOST_GUIDANCE}")));
    }
    let classless = denoiser.label(None)?.is_none();
    if classless && guidance != 1.0 {
        return Err(Stop::because(format!(
            "guidance = {guidance}: this model knows no classes to follow; leave it at 1"
        )));
    }
    Ok(())
}

fn steps<F: ReadAt>(checkpoint: &Checkpoint<F>, asked: &Draw) -> Result<Vec<Step>, Stop> {
    let missing = || {
        let what = "nothing says how noise was added when this model was trained";
        Stop::because(format!("{what}; put its scheduler_config.json beside it"))
    };
    let schedule = checkpoint.schedule.as_ref().ok_or_else(missing)?;
    let steps = match asked.sampler {
        Sampler::Ddpm => schedule.ddpm(asked.steps as usize),
        Sampler::Ddim => schedule.ddim(asked.steps as usize),
    };
    steps.map_err(Stop::because)
}

fn drawing<'a>(compute: &'a Compute, denoiser: Denoiser<'a>, asked: &Draw) -> Result<Drawing<'a>, Stop> {
    let count = asked.count as usize;
    let labels = denoiser.label(asked.label)?.map(|label| vec![label; count]);
    Ok(Drawing { compute, denoiser, count, labels, guidance: asked.guidance, seed: asked.seed })
}

/// The pictures of the dense and of the pruned model, which are the same where nothing is pruned.
fn drawn(drawing: &Drawing, asked: &Draw, pictures: &[Vec<f32>]) -> Drawn {
    let both = pictures.first().into_iter().chain(pictures.last());
    let pixels = both.flat_map(|x| drawing.denoiser.bytes(x)).collect();
    let [channels, height, width] = drawing.denoiser.shape;
    Drawn { asked: asked.clone(), height, width, channels, pixels }
}

fn show<H: Host>(job: &Job<'_, H>, step: usize, steps: usize, drawn: &Drawn) {
    let [step, steps, height, width, channels] =
        [step, steps, drawn.height, drawn.width, drawn.channels].map(|size| size as u32);
    let count = drawn.asked.count;
    let event = Event::Drawn { step, steps, count, height, width, channels, pixels: BlobId(0) };
    job.send_with(event, vec![drawn.pixels.clone()]);
}
