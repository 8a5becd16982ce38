use secateur_exec::text::{Perplexity, Windows, perplexity};
use secateur_exec::{Params, Part};
use secateur_graph::Graph;
use secateur_models::Model;
use secateur_protocol::{Event, TextTest, fnv1a};

use crate::Host;
use crate::desk::Job;
use crate::forward::affordable;
use crate::jobs::evaluate::{Metric, report_of};
use crate::session::{Measured, Session};
use crate::stop::Stop;
use crate::texts::{Purpose, own_tokens, stories, text, tokens, writer};

/// Tokens that the built-in measure looks at in any case, and at most.
const TOKENS: (usize, usize) = (256, 4096);
/// Tokens of its windows, if the model reads as many.
const WINDOW: usize = 512;
/// A story has at least so many words.
const STORY: usize = 60;

/// Perplexity of the dense and the pruned model on a text.
pub(crate) async fn evaluate<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    test: TextTest,
) -> Result<(), Stop> {
    let (_, open) = session.ready()?;
    writer(&open.checkpoint)?;
    let text = text(job.host(), &test.text, Purpose::Test).await?;
    let tokens = tokens(&open.checkpoint, &text)?;
    let windows = Windows { window: test.window as usize, stride: test.stride as usize };
    let metric = measure(session, job, &tokens, windows).await?;
    job.send(Event::Report(report_of(session, metric)?));
    Ok(())
}

/// Perplexity on a few of the built-in stories: fewer for a model that would take minutes.
pub(crate) async fn metric<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<Metric, Stop> {
    let (_, open) = session.ready()?;
    let model = &open.checkpoint.model;
    let each = model.graph.inputs().next().and_then(|node| node.shape.first()).map_or(1, |tokens| *tokens as u64);
    let (fewest, most) = TOKENS;
    let count = affordable(model).saturating_mul(each).clamp(fewest as u64, most as u64) as usize;
    let mut tokens = tokens(&open.checkpoint, &stories(Purpose::Test, count.div_ceil(STORY)))?;
    tokens.truncate(count);
    measure(session, job, &tokens, Windows { window: WINDOW, stride: WINDOW }).await
}

/// A pruned model that lost tokens reads the text with its own, and its surprise by the whole text is shared out over as many
/// as the dense one reads, so that both can be compared.
///
/// The dense model's figure is kept for as long as the model stays on the device, the pruned one's until the next cut.
async fn measure<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    tokens: &[u32],
    windows: Windows,
) -> Result<Metric, Stop> {
    let (compute, open) = session.ready()?;
    let masked = open.pruned(compute).await?;
    let uncut = masked.dense;
    let own = match masked.tokenizer() {
        Some(_) => {
            own_tokens(&open.checkpoint, &masked, &writer(&open.checkpoint)?.decode(tokens).map_err(Stop::because)?)?
        }
        None => tokens.to_vec(),
    };
    let (model, weights) = open.parts()?;
    let own_windows = fitted(windows, model, own.len());
    let windows = fitted(windows, model, tokens.len());
    windows.check(tokens.len())?;
    let each = windows.total(tokens.len());
    let run = async |graph: &Graph, params: &Params, tokens: &[u32], windows: Windows, at: u64| {
        let part = Part { meter: job, start: at * each, total: 2 * each };
        perplexity(compute, graph, params, tokens, windows, &part).await
    };
    let on = (fnv1a(&tokens.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>()), windows);
    let known = |kept: Option<Measured>| kept.filter(|kept| kept.on == on).map(|kept| kept.perplexity);

    let dense = match known(weights.dense_perplexity) {
        Some(dense) => dense,
        None => run(&model.graph, &weights.dense, tokens, windows, 0).await?,
    };
    weights.dense_perplexity = Some(Measured { on, perplexity: dense });
    let pruned = match known(weights.pruned.as_ref().and_then(|pruned| pruned.perplexity)) {
        _ if uncut => dense,
        Some(pruned) => pruned,
        None => {
            let pruned = run(&masked.model.graph, &masked.params, &own, own_windows, 1).await?;
            pruned.over(dense.tokens)
        }
    };
    if let Some(kept) = &mut weights.pruned {
        kept.perplexity = Some(Measured { on, perplexity: pruned });
    }
    let Perplexity { value: dense, tokens } = dense;
    Ok(Metric { name: "perplexity", dense, pruned: pruned.value, samples: tokens as usize })
}

/// Windows no longer than the model's context or the text; what makes no sense stays as it was, to be refused.
fn fitted(Windows { window, stride }: Windows, model: &Model, len: usize) -> Windows {
    let longest = model.context().unwrap_or(usize::MAX).min(len.max(2));
    Windows { window: window.min(longest), stride: if stride <= window { stride.min(longest) } else { stride } }
}
