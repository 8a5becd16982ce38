use super::cut::Cut;
use crate::Mask;

/// A mask that grows from its first entry on.
pub(super) struct Growing {
    len: usize,
    words: Vec<u64>,
}

impl Growing {
    pub fn new(capacity: usize) -> Self {
        Self { len: 0, words: Vec::with_capacity(capacity.div_ceil(64)) }
    }

    /// Adds `count` entries, 1 to 64. The bits after them are 0.
    pub fn push(&mut self, bits: u64, count: usize) {
        let used = self.len % 64;
        match self.words.last_mut() {
            Some(last) if used > 0 => *last |= bits << used,
            _ => self.words.push(bits),
        }
        if used > 0 && used + count > 64 {
            self.words.push(bits >> (64 - used));
        }
        self.len += count;
    }

    /// Adds `count` entries that all stay or all go.
    pub fn push_run(&mut self, stays: bool, count: usize) {
        for start in (0..count).step_by(64) {
            let now = (count - start).min(64);
            self.push(if stays { u64::MAX >> (64 - now) } else { 0 }, now);
        }
    }

    pub fn push_cut(&mut self, scores: &[f32], cut: &mut Cut) {
        scores.chunks(64).for_each(|scores| self.push(cut.stays(scores), scores.len()));
    }

    pub fn mask(self) -> Mask {
        Mask::from_words(self.len, self.words).expect("a word for every 64 entries")
    }
}
