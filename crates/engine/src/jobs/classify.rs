use secateur_data::metrics::softmax;
use secateur_exec::{Meter, logits};
use secateur_protocol::{Classified, Event, FileRef, Unit};

use crate::Host;
use crate::desk::Job;
use crate::forward::{batch, pictures};
use crate::picture::input;
use crate::session::Session;
use crate::stop::Stop;

/// Classes told for each picture.
const BEST: usize = 5;

/// What the dense and the pruned model see in the user's pictures, a batch at a time.
pub(crate) async fn run<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    files: Vec<FileRef>,
) -> Result<(), Stop> {
    if files.is_empty() {
        return Err(Stop::because("wanted pictures, got none; choose png or jpeg files"));
    }
    let (compute, open) = session.ready()?;
    let pruned = if open.cut().is_some() { Some(open.pruned(compute).await?) } else { None };
    let (model, weights) = open.parts()?;
    let spec = pictures(model)?;
    let total = files.len() as u64;
    let mut items = Vec::new();
    for part in files.chunks(batch(spec.len())) {
        let mut inputs = Vec::new();
        for file in part {
            inputs.extend(input(job.host(), spec, &file.name).await?);
            job.tick(items.len() as u64, total, Unit::Samples).await?;
        }
        let dense = logits(compute, &model.graph, &weights.dense, &inputs, part.len()).await?;
        let pruned = match &pruned {
            Some(pruned) => logits(compute, &pruned.model.graph, &pruned.params, &inputs, part.len()).await?,
            None => dense.clone(),
        };
        let classes = (dense.len() / part.len()).max(1);
        let both = dense.chunks_exact(classes).zip(pruned.chunks_exact(classes));
        items.extend(part.iter().zip(both).map(|(file, (dense, pruned))| Classified {
            name: file.name.clone(),
            dense: best(dense),
            pruned: best(pruned),
        }));
        job.tick(items.len() as u64, total, Unit::Samples).await?;
    }
    job.send(Event::Classified { items });
    Ok(())
}

/// The likeliest classes and their probabilities, best first, the first of equals before the others; what is no number
/// comes last.
fn best(logits: &[f32]) -> Vec<(u32, f32)> {
    let mut classes: Vec<(u32, f32)> = (0..).zip(softmax(logits)).collect();
    let rank = |share: f32| if share.is_nan() { f32::NEG_INFINITY } else { share };
    classes.sort_by(|a, b| rank(b.1).total_cmp(&rank(a.1)).then(a.0.cmp(&b.0)));
    classes.truncate(BEST);
    classes
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn the_best_come_first() {
        let seen = best(&[0.0, 3.0, 1.0, 3.0, -1.0, 2.0, f32::NEG_INFINITY]);
        assert_eq!(seen.iter().map(|(class, _)| *class).collect::<Vec<_>>(), [1, 3, 5, 2, 0]);
        assert!(seen[0].1 > 0.3 && seen.iter().map(|(_, share)| share).sum::<f32>() <= 1.0);
        assert_eq!(best(&[f32::NAN, 1.0]).len(), 2);
        assert_eq!(best(&[1.0]), [(0, 1.0)]);
    }
}
