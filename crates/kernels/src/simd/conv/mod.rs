//! Convolution as a product: the weight [outputs, channels * kernel * kernel] times what the window sees at some places at a
//! time. Places lie side by side, as they do in a picture.

mod patches;
mod places;

use super::{BLOCK, Packed, in_turn, rows, starts};
use patches::Patches;
use places::{LANES, add_blocks, add_dense};

/// A square that is moved over pictures with zeros around them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Its side.
    pub kernel: usize,
    pub stride: usize,
    /// Zeros on each of the four sides.
    pub padding: usize,
}

impl Window {
    /// How many places it has along a side of a picture; none where it is larger, or where one of them is nothing.
    fn places(&self, side: usize) -> Option<usize> {
        let room = (side + 2 * self.padding).checked_sub(self.kernel)?;
        (self.kernel > 0 && side > 0).then_some(room.checked_div(self.stride)? + 1)
    }

    /// The shape of [`convolve`]'s result. None where the window, or a weight [outputs, inputs], does not fit or is nothing.
    pub(super) fn shape(
        &self,
        [samples, channels, height, width]: [usize; 4],
        [outputs, inputs]: [usize; 2],
    ) -> Option<[usize; 4]> {
        let fits = inputs > 0 && channels * self.kernel * self.kernel == inputs;
        fits.then_some([samples, outputs, self.places(height)?, self.places(width)?])
    }
}

/// A weight [outputs, inputs], row by row or laid out.
#[derive(Clone, Copy)]
pub(super) enum Matrix<'a> {
    Plain(&'a [f32]),
    Packed(&'a Packed),
}

/// Places at a time.
const MANY: usize = rows::SAMPLES;
/// Places at a time where there are less than two times [`MANY`] of them.
const FEW: usize = LANES;

/// y of [`Window::shape`] for pictures x of such a shape, and a bias [outputs]. All sizes fit.
pub(super) fn convolve(
    (x, shape): (&[f32], [usize; 4]),
    window: Window,
    weight: Matrix<'_>,
    bias: Option<&[f32]>,
    (y, outputs): (&mut [f32], usize),
) {
    let patches = Patches::new(x, shape, window).filter(|patches| patches.count() > 0);
    match patches.filter(|_| outputs > 0) {
        Some(patches) if patches.count() < 2 * MANY => in_pieces::<FEW>(&patches, weight, bias, (y, outputs)),
        Some(patches) => in_pieces::<MANY>(&patches, weight, bias, (y, outputs)),
        None => (),
    }
}

/// N places at a time.
fn in_pieces<const N: usize>(
    patches: &Patches<'_>,
    weight: Matrix<'_>,
    bias: Option<&[f32]>,
    (y, outputs): (&mut [f32], usize),
) {
    let room = patches.entries().next_multiple_of(BLOCK);
    let scratch = || (vec![[0.0; N]; room], vec![[0.0; N]; outputs]);
    in_turn(pieces::<N>(y, outputs, patches.places()), scratch, |(gathered, sums), piece, mut segments| {
        patches.gather(piece * N, gathered);
        starts(bias, sums);
        match weight {
            Matrix::Plain(weight) => add_dense(weight, &gathered[..patches.entries()], sums),
            Matrix::Packed(Packed::Blocks(blocks)) => add_blocks(blocks, gathered, sums),
            Matrix::Packed(Packed::Rows(rows)) => rows.add(gathered, sums),
        }
        let mut lane = 0;
        for segments in segments.chunks_mut(outputs) {
            let len = segments[0].len();
            segments.iter_mut().zip(&*sums).for_each(|(y, sums)| y.copy_from_slice(&sums[lane..lane + len]));
            lane += len;
        }
    });
}

/// What N places' sums are written to, for one N after the other: of y [samples, outputs, places] the segments of each output,
/// sample by sample.
fn pieces<const N: usize>(y: &mut [f32], outputs: usize, places: usize) -> Vec<Vec<&mut [f32]>> {
    let count = (y.len() / outputs).div_ceil(N);
    let mut pieces: Vec<_> = (0..count).map(|_| Vec::with_capacity(outputs)).collect();
    for (at, mut y) in y.chunks_mut(places).enumerate() {
        let mut place = at / outputs * places;
        while !y.is_empty() {
            let (segment, rest) = y.split_at_mut(y.len().min(N - place % N));
            let piece = place / N;
            (place, y) = (place + segment.len(), rest);
            pieces[piece].push(segment);
        }
    }
    pieces
}

#[cfg(test)]
mod tests;
