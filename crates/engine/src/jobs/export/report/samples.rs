//! What both models make of a few things: digits, a text, or pictures from noise.

use secateur_data::digits::{Digits, SIDE, Split};
use secateur_data::metrics::{argmax, softmax};
use secateur_formats::Picture;
use secateur_models::Task;
use secateur_protocol::{Choice, Draw, Generate, Sampler, Written};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::denoise::Denoiser;
use crate::desk::Job;
use crate::forward::test_samples;
use crate::jobs::draw::{self, Drawn};
use crate::jobs::text;
use crate::session::{Open, Session};
use crate::stop::Stop;
use crate::texts::{Purpose, stories, tokens};

/// Digits from the beginning of the test split, and as many on which the models disagree.
const DIGITS: usize = 6;
/// Words of a story that a text begins with.
const WORDS: usize = 8;
/// Tokens that are written.
const TOKENS: u32 = 48;

/// What fits the model's task.
pub(super) enum Samples {
    None,
    Text(Written),
    Digits(Vec<Seen>),
    Drawn(Sheets),
}

/// A test digit and the likeliest class of each model with its probability.
pub(super) struct Seen {
    /// Its place in the test split, and what it is.
    pub index: usize,
    pub truth: u8,
    pub png: Vec<u8>,
    pub dense: (String, f32),
    pub pruned: (String, f32),
}

/// The pictures of each model on one png.
pub(super) struct Sheets {
    pub words: String,
    pub dense: Vec<u8>,
    pub pruned: Vec<u8>,
}

/// What the session has last shown of texts and drawings, or a usual one; digits as they were measured.
pub(super) async fn gather<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<Samples, Stop> {
    let open = session.open()?;
    let checkpoint = &open.checkpoint;
    let told = open.told();
    match checkpoint.model.task {
        Task::NextToken if checkpoint.tokenizer.is_some() => {
            let written = match (told.written, usual_text(checkpoint)?) {
                (Some(written), _) => written,
                (None, Some(asked)) => text::write(session, job, asked).await?,
                (None, None) => return Ok(Samples::None),
            };
            Ok(Samples::Text(written))
        }
        Task::ImageClasses => {
            let digits = session.digits(job.host()).await?;
            seen(session.open()?, &digits)
        }
        Task::Denoise if checkpoint.schedule.is_some() && Denoiser::new(&checkpoint.model).is_ok() => {
            let drawn = match told.drawn {
                Some(drawn) => drawn,
                None => draw::draw(session, job, usual_drawing(), |_, _, _| ()).await?,
            };
            Ok(Samples::Drawn(sheets(&drawn)?))
        }
        _ => Ok(Samples::None),
    }
}

/// The beginning of a story, as long as it leaves the model room to go on; none where nothing does.
fn usual_text<F>(checkpoint: &Checkpoint<F>) -> Result<Option<Generate>, Stop> {
    let story = stories(Purpose::Test, 1);
    let words: Vec<&str> = story.split_whitespace().take(WORDS).collect();
    let room = checkpoint.model.context().unwrap_or(usize::MAX) / 2;
    for count in (1..=words.len()).rev() {
        let prompt = words[..count].join(" ");
        if tokens(checkpoint, &prompt)?.len() <= room {
            return Ok(Some(Generate { prompt, max_tokens: TOKENS, choice: Choice::Greedy, seed: 0 }));
        }
    }
    Ok(None)
}

fn usual_drawing() -> Draw {
    Draw { label: None, count: 8, sampler: Sampler::Ddim, steps: 20, guidance: 1.0, seed: 0 }
}

/// From the answers that the measure was worked out from.
fn seen<F>(open: &mut Open<F>, digits: &Digits) -> Result<Samples, Stop> {
    let (model, weights) = open.parts()?;
    let pruned = weights.pruned.as_ref().and_then(|pruned| pruned.logits.as_ref());
    let (Some(dense), Some(pruned)) = (&weights.dense_logits, pruned) else { return Ok(Samples::None) };
    let test = digits.split(Split::Test);
    let count = test_samples(model, test.len());
    let classes = (dense.len() / count.max(1)).max(1);
    let (dense, pruned): (Vec<_>, Vec<_>) = (dense.chunks(classes).collect(), pruned.chunks(classes).collect());
    let differ = |at: &usize| argmax(dense[*at]) != argmax(pruned[*at]);
    let first = DIGITS.min(count);
    let best = |logits: &[f32]| {
        let class = argmax(logits);
        let label = model.labels.get(class).cloned().unwrap_or_else(|| class.to_string());
        (label, softmax(logits)[class])
    };
    let one = |index: usize| {
        let at = test.start + index;
        let picture = Picture { height: SIDE, width: SIDE, channels: 1, values: digits.grey(at).to_vec() };
        let (dense, pruned) = (best(dense[index]), best(pruned[index]));
        Ok(Seen { index, truth: digits.labels[at], png: picture.encode().map_err(Stop::because)?, dense, pruned })
    };
    let shown = (0..first).chain((first..count).filter(differ).take(DIGITS));
    Ok(Samples::Digits(shown.map(one).collect::<Result<_, Stop>>()?))
}

fn sheets(drawn: &Drawn) -> Result<Sheets, Stop> {
    let Drawn { asked, height, width, channels, pixels } = drawn;
    let png = |pixels: &[u8]| Picture::sheet(*height, *width, *channels, pixels).encode().map_err(Stop::because);
    let (dense, pruned) = pixels.split_at(pixels.len() / 2);
    let label = asked.label.map_or(String::new(), |label| format!(" of class {label}"));
    let words = format!(
        "{} pictures{label} from the same noise (seed {}), in {} steps, guidance {}.",
        asked.count, asked.seed, asked.steps, asked.guidance
    );
    Ok(Sheets { words, dense: png(dense)?, pruned: png(pruned)? })
}
