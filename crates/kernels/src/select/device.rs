//! Selection on a GPU: scores stay where they are, masks come back.
//!
//! The k-th lowest key is found a digit at a time (radix select): count how often each value of the digit occurs among the
//! keys that begin like the cut, and take the value where the counts add up to the rank. Three passes over the scores.

use burn::backend::wgpu::CubeTensor;
use burn::tensor::ExecutionError;
use cubecl::client::Client;
use cubecl::server::Handle;
use secateur_graph::Mask;

use super::{SelectError, unreadable};
use crate::cpu::select::{BINS, BLOCK, word_count};
use crate::kernel::{HISTOGRAM, KEEP, KEEP_BLOCKS, KEEP_N_OF_M, NARROW, ROW_CUTS, TIE_END, TIES};
use crate::launch::{MAX_GROUPS, bytes, launch, strided, told};
use crate::{BlockMask, Digit, Dims, Kernel, NOfM, RowCuts, Span};

/// Shift, and the bits above, of the three digits of a key: 11, 11 and 10 bits.
const DIGITS: [(u32, u32); 3] = [(21, 0), (10, 0xffe0_0000), (0, 0xffff_fc00)];

/// So few rows would not keep a GPU busy with a workgroup each.
const FEW_ROWS: usize = 16;

/// The layers' masks without the `k` lowest of all their scores together, at least 1 and at most all of them.
pub(super) async fn above(layers: &[CubeTensor], k: usize) -> Result<Vec<Mask>, SelectError> {
    check_size(layers.iter().map(len).sum())?;
    let Some(client) = layers.first().map(|layer| &layer.client) else { return Ok(Vec::new()) };
    let cuts: Vec<Handle> = layers.iter().map(|_| client.empty(8)).collect();
    let whole = |layer| Span { start: 0, len: len(layer) as u32, at: 0 };
    let part = |(layer, cuts)| Part { scores: layer, cuts, span: whole(layer) };
    let parts: Vec<Part> = layers.iter().zip(&cuts).map(part).collect();
    cut(client, &parts, k);
    let words: Vec<_> = parts.iter().map(|part| (len(part.scores), keep(part.scores, 1, part.cuts))).collect();
    read(client, words).await
}

/// The mask without the `k` lowest scores of each of so many rows, at least 1 and at most all of them.
pub(super) async fn rows(layer: &CubeTensor, rows: usize, k: usize) -> Result<Mask, SelectError> {
    check_size(len(layer))?;
    let (client, cols) = (&layer.client, len(layer) / rows.max(1));
    let cuts = client.empty(rows.max(1) * 8);
    if rows < FEW_ROWS {
        for row in 0..rows {
            let span = Span { start: (row * cols) as u32, len: cols as u32, at: row as u32 };
            cut(client, &[Part { scores: layer, cuts: &cuts, span }], k);
        }
    } else {
        let parameters = RowCuts { rows: rows as u32, cols: cols as u32, lowest: k as u32 };
        let groups = [rows.min(MAX_GROUPS as usize) as u32, 1, 1];
        launch(&ROW_CUTS, client, groups, vec![told(client, &parameters), layer.handle.clone(), cuts.clone()]);
    }
    read_one(client, len(layer), keep(layer, rows, &cuts)).await
}

/// The mask with the `n` highest of every `m` consecutive scores of a row.
pub(super) async fn n_of_m(layer: &CubeTensor, cols: usize, n: usize, m: usize) -> Result<Mask, SelectError> {
    check_size(len(layer))?;
    let rows = len(layer).checked_div(cols).unwrap_or(0);
    let parameters = NOfM { rows: rows as u32, cols: cols as u32, n: n as u32, m: m as u32 };
    let inputs = vec![told(&layer.client, &parameters), layer.handle.clone()];
    read_one(&layer.client, len(layer), words(&KEEP_N_OF_M, &layer.client, len(layer), inputs)).await
}

/// The mask of a matrix without the `k` blocks of lowest score, at least 1 and at most all of them.
pub(super) async fn blocks(
    layer: &CubeTensor,
    [rows, cols]: [usize; 2],
    [high, wide]: [usize; 2],
    k: usize,
) -> Result<Mask, SelectError> {
    let (client, entries) = (&layer.client, rows.saturating_mul(cols));
    check_size(entries)?;
    let cuts = client.empty(8);
    let span = Span { start: 0, len: len(layer) as u32, at: 0 };
    cut(client, &[Part { scores: layer, cuts: &cuts, span }], k);
    // A block that reaches beyond the matrix ends with it.
    let [high, wide] = [high.min(rows), wide.min(cols)].map(|size| size as u32);
    let parameters = BlockMask { rows: rows as u32, cols: cols as u32, high, wide };
    let inputs = vec![told(client, &parameters), layer.handle.clone(), cuts];
    read_one(client, entries, words(&KEEP_BLOCKS, client, entries, inputs)).await
}

/// Scores that share a cut with others, and where the cut is written.
struct Part<'a> {
    scores: &'a CubeTensor,
    cuts: &'a Handle,
    span: Span,
}

/// Finds the cut after the `k` lowest scores of all parts together, and says in each of them where its ties end.
fn cut(client: &Client, parts: &[Part], k: usize) {
    let cut = client.create_from_slice(&bytes(&[0, k as u32, 0]));
    let counts = zeros(client, BINS);
    for (shift, above) in DIGITS {
        for part in parts {
            let Span { start, len, .. } = part.span;
            let digit = told(client, &Digit { start, len, shift, above });
            let buffers = vec![digit, cut.clone(), part.scores.handle.clone(), counts.clone()];
            launch(&HISTOGRAM, client, blocks_of(len), buffers);
        }
        let digit = told(client, &Digit { start: 0, len: 0, shift, above });
        launch(&NARROW, client, [1; 3], vec![digit, cut.clone(), counts.clone()]);
    }
    for part in parts.iter().filter(|part| part.span.len > 0) {
        let [groups, ..] = blocks_of(part.span.len);
        let counts = zeros(client, (part.span.len as usize).div_ceil(BLOCK));
        let buffers = vec![told(client, &part.span), cut.clone(), part.scores.handle.clone(), counts];
        launch(&TIES, client, [groups, 1, 1], buffers.clone());
        launch(&TIE_END, client, [1; 3], [buffers, vec![part.cuts.clone()]].concat());
    }
}

/// A workgroup for every block of scores.
fn blocks_of(len: u32) -> [u32; 3] {
    [len.div_ceil(BLOCK as u32).min(MAX_GROUPS), 1, 1]
}

/// The words of a layer's mask, each of its rows cut by its own.
fn keep(layer: &CubeTensor, rows: usize, cuts: &Handle) -> Handle {
    let dims = Dims { rows: rows as u32, cols: (len(layer) / rows.max(1)) as u32 };
    let inputs = vec![told(&layer.client, &dims), layer.handle.clone(), cuts.clone()];
    words(&KEEP, &layer.client, len(layer), inputs)
}

/// Runs a kernel that writes a mask of so many entries after its inputs.
fn words(kernel: &'static Kernel, client: &Client, entries: usize, mut inputs: Vec<Handle>) -> Handle {
    // Nothing is written where there are no entries, but a buffer has a size.
    let words = client.empty(word_count(entries.max(1)) * size_of::<u32>());
    inputs.push(words.clone());
    launch(kernel, client, strided(kernel, word_count(entries)), inputs);
    words
}

async fn read_one(client: &Client, len: usize, words: Handle) -> Result<Mask, SelectError> {
    let mut masks = read(client, vec![(len, words)]).await?;
    Ok(masks.remove(0))
}

/// Masks of so many entries each, from their words.
async fn read(client: &Client, words: Vec<(usize, Handle)>) -> Result<Vec<Mask>, SelectError> {
    let (lens, handles): (Vec<usize>, Vec<Handle>) = words.into_iter().unzip();
    let read = client.read_async(handles).await.map_err(|error| match error.is_device_poisoned() {
        true => ExecutionError::device_poisoned(error.to_string()),
        false => ExecutionError::with_context(error.to_string()),
    })?;
    let mask = |(len, bytes): (usize, &[u8])| {
        let words = bytes.chunks_exact(8).take(len.div_ceil(64));
        let words = words.map(|word| u64::from_le_bytes(word.try_into().expect("8 bytes"))).collect();
        Mask::from_words(len, words).ok_or_else(|| unreadable(format!("{} bytes for {len} entries", bytes.len())))
    };
    lens.into_iter().zip(read.iter().map(|bytes| &bytes[..])).map(mask).collect()
}

fn zeros(client: &Client, words: usize) -> Handle {
    client.create_from_slice(&vec![0; words * size_of::<u32>()])
}

fn len(layer: &CubeTensor) -> usize {
    layer.meta.shape().num_elements()
}

/// Indices and their last stride must fit the shaders' 32 bits.
fn check_size(scores: usize) -> Result<(), SelectError> {
    let last = scores.saturating_add(MAX_GROUPS as usize * 256);
    u32::try_from(last).map(|_| ()).map_err(|_| SelectError::TooLarge { scores })
}
