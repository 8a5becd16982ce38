use secateur_data::digits::{PIXELS, Split};
use secateur_data::metrics::softmax;
use secateur_protocol::{BlobId, Event, Image, Prediction};

use crate::Host;
use crate::desk::Job;
use crate::forward::{Samples, logits};
use crate::session::Session;
use crate::stop::Stop;

/// Runs pictures through the dense and the pruned model.
pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, image: Image) -> Result<(), Stop> {
    let (pixels, test) = match image {
        Image::Drawn { grey } if grey.len() == PIXELS => (grey, vec![None]),
        Image::Drawn { grey } => {
            return Err(Stop::because(format!(
                "wanted a drawing of 28 x 28 = {PIXELS} grey values, got {}",
                grey.len()
            )));
        }
        Image::Test { indices } => test_pictures(session, job, &indices).await?,
    };
    let (compute, open) = session.ready()?;
    let masked = open.pruned(compute).await?;
    let (model, weights) = open.parts()?;
    let n = test.len();
    let grey = |at: usize| &pixels[at * PIXELS..(at + 1) * PIXELS];
    let mut samples = Samples { done: 0, total: 2 * n as u64 };
    let dense = logits(job, compute, model, &weights.dense, 0..n, grey, &mut samples).await?;
    let pruned = logits(job, compute, &masked.model, &masked.params, 0..n, grey, &mut samples).await?;

    let classes = dense.len() / n.max(1);
    let item = |at: usize| Prediction {
        test: test[at],
        dense: softmax(&dense[at * classes..(at + 1) * classes]),
        pruned: softmax(&pruned[at * classes..(at + 1) * classes]),
    };
    let items = (0..n).map(item).collect();
    job.send_with(Event::Predictions { items, pixels: BlobId(0) }, vec![pixels]);
    Ok(())
}

/// Pixels of test pictures, and for each its index and true class.
async fn test_pictures<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    indices: &[u32],
) -> Result<(Vec<u8>, Vec<Option<(u32, u8)>>), Stop> {
    let digits = session.digits(job.host()).await?;
    let split = digits.split(Split::Test);
    if let Some(wrong) = indices.iter().find(|index| **index as usize >= split.len()) {
        return Err(Stop::because(format!("there is no test picture {wrong}; they go from 0 to {}", split.len() - 1)));
    }
    let at = |index: &u32| split.start + *index as usize;
    let pixels = indices.iter().flat_map(|index| digits.grey(at(index))).copied().collect();
    let test = indices.iter().map(|index| Some((*index, digits.labels[at(index)]))).collect();
    Ok((pixels, test))
}
