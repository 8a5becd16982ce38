//! A report on a cut: what was cut where, what it changed, samples, and how to do it again. Facts are gathered once and
//! written twice, as a page that needs nothing else and as Markdown.

mod costs;
mod escape;
mod facts;
mod html;
mod markdown;
mod plot;
mod samples;
#[cfg(test)]
mod tests;

use secateur_protocol::Report;

use super::Files;
use crate::Host;
use crate::desk::Job;
use crate::session::Session;
use crate::stop::Stop;
use facts::{Facts, Given};

/// `report.html`, `report.md` and the pictures that the latter shows. The same session gives the same bytes: there is no
/// clock in them, but for the times that were measured.
pub(super) async fn files<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    report: &Report,
) -> Result<Files, Stop> {
    let samples = samples::gather(session, job).await?;
    let open = session.open()?;
    let told = open.told();
    let checkpoint = &open.checkpoint;
    let cut = open.cut().ok_or_else(|| Stop::because("nothing is pruned yet; prune first, then export"))?;
    let graph = &checkpoint.model.graph;
    let surgery = if cut.removal.is_empty() { None } else { Some(cut.surgery(graph)?) };
    let width = |param: &secateur_graph::Param| {
        let stored = checkpoint.tensor(&param.name)?.bytes();
        Ok::<u64, Stop>(stored / (param.len() as u64).max(1))
    };
    let widths = graph.params.iter().map(width).collect::<Result<_, Stop>>()?;
    let given = Given { checkpoint, cut, surgery: surgery.as_ref(), report, timing: told.timing.as_ref(), widths };
    let facts = Facts::new(&given, samples);
    let mut files =
        vec![("report.html".into(), html::page(&facts).into()), ("report.md".into(), markdown::text(&facts).into())];
    files.extend(markdown::pictures(&facts));
    Ok(files)
}
