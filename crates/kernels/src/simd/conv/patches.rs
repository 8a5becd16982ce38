use std::borrow::Cow;

use macerator::Simd;

use super::Window;
use crate::simd::{BLOCK, in_turn};

/// Pictures, read as what a window sees of them ("patch") at one place after the other, over all samples.
pub(super) struct Patches<'a> {
    /// [samples, channels, rows, columns]: with their padding, and with stride s every s-th column of a row together, so that
    /// places side by side read numbers side by side.
    x: Cow<'a, [f32]>,
    channels: usize,
    rows: usize,
    columns: usize,
    window: Window,
    samples: usize,
    /// Of one sample.
    height: usize,
    width: usize,
}

/// Up to 16 places side by side in one row of a picture.
struct Run {
    /// Of the places that are gathered, the first one here.
    lane: usize,
    /// Where its patch begins.
    from: usize,
    len: usize,
}

impl<'a> Patches<'a> {
    /// Of x [samples, channels, height, width]. None where the window does not fit into a picture, which must not be empty.
    pub fn new(x: &'a [f32], [samples, channels, height, width]: [usize; 4], window: Window) -> Option<Self> {
        let Window { kernel, stride, padding } = window;
        let places = [window.places(height)?, window.places(width)?];
        // Under a window of one entry all of a picture is one row.
        let whole = stride == 1 && padding == 0;
        let [from, places] = match whole && kernel == 1 {
            true => [[1, height * width], [1, height * width]],
            false => [[height, width], places],
        };
        let [rows, columns] = match whole {
            true => from,
            false => places.map(|places| ((places - 1) * stride + kernel).next_multiple_of(stride)),
        };
        let [height, width] = places;
        let mut patches = Self { x: Cow::Borrowed(x), channels, rows, columns, window, samples, height, width };
        if !whole {
            patches.x = Cow::Owned(patches.laid_out(x, from));
        }
        Some(patches)
    }

    /// Places of one sample.
    pub fn places(&self) -> usize {
        self.height * self.width
    }

    /// Places of all samples.
    pub fn count(&self) -> usize {
        self.samples * self.places()
    }

    /// Numbers in a patch.
    pub fn entries(&self) -> usize {
        self.channels * self.window.kernel * self.window.kernel
    }

    fn laid_out(&self, x: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
        let Window { stride, padding, .. } = self.window;
        let plane = self.rows * self.columns;
        let mut laid_out = vec![0.0; self.samples * self.channels * plane];
        in_turn(
            laid_out.chunks_mut(plane).collect(),
            || (),
            |(), at, plane: &mut [f32]| {
                let rows = plane.chunks_exact_mut(self.columns).skip(padding);
                for (to, from) in rows.zip(x[at * height * width..].chunks_exact(width).take(height)) {
                    for (phase, to) in to.chunks_exact_mut(self.columns / stride).enumerate() {
                        let before = padding.saturating_sub(phase).div_ceil(stride);
                        let first = before * stride + phase - padding;
                        let from = from.iter().skip(first).step_by(stride);
                        to.iter_mut().skip(before).zip(from).for_each(|(to, from)| *to = *from);
                    }
                }
            },
        );
        laid_out
    }

    /// Writes, entry by entry, what N places see from the place `first` on, and zeros in what is left of `patches`. After
    /// the last place there may be anything.
    pub fn gather<const N: usize>(&self, first: usize, patches: &mut [[f32; N]]) {
        let Window { kernel, stride, .. } = self.window;
        let rows = (0..self.channels).flat_map(|channel| (0..kernel).map(move |row| channel * self.rows + row));
        let column = |column: usize| column % stride * (self.columns / stride) + column / stride;
        let columns: Vec<usize> = (0..kernel).map(column).collect();
        let entries: Vec<usize> =
            rows.flat_map(|row| columns.iter().map(move |column| row * self.columns + column)).collect();
        let (seen, rest) = patches.split_at_mut(entries.len());
        copy(&self.x, &entries, &self.runs(first, N), seen.as_flattened_mut(), N);
        rest.fill([0.0; N]);
    }

    fn runs(&self, first: usize, lanes: usize) -> Vec<Run> {
        let end = self.count().min(first + lanes);
        let mut runs = Vec::new();
        let mut place = first;
        while place < end {
            let (sample, row) = (place / self.width / self.height, place / self.width % self.height);
            let column = place % self.width;
            let from = (sample * self.channels * self.rows + row * self.window.stride) * self.columns + column;
            let len = BLOCK.min(self.width - column).min(end - place);
            runs.push(Run { lane: place - first, from, len });
            place += len;
        }
        runs
    }
}

/// Copies each run of each entry, with what lies after it where there is room: that is written over later.
#[macerator::with_simd]
fn copy<S: Simd>(x: &[f32], entries: &[usize], runs: &[Run], patches: &mut [f32], lanes: usize) {
    for (at, entry) in entries.iter().enumerate() {
        for run in runs {
            let (from, to) = (&x[entry + run.from..], &mut patches[at * lanes + run.lane..]);
            match (from.first_chunk::<BLOCK>(), to.first_chunk_mut::<BLOCK>()) {
                (Some(from), Some(to)) => *to = *from,
                _ => to[..run.len].copy_from_slice(&from[..run.len]),
            }
        }
    }
}
