use std::cell::RefCell;
use std::ops::Range;

use crate::{ReadAt, ReadError};

/// Bytes that are read at once. A browser takes tens of milliseconds for every read, however short.
const BLOCK: u64 = 4 << 20;

/// A file whose neighbouring small pieces are read together: the latest block of it stays in memory.
pub struct ReadAhead<F> {
    file: F,
    /// Where the block begins, and its bytes.
    block: RefCell<(u64, Vec<u8>)>,
}

impl<F: ReadAt> ReadAhead<F> {
    pub fn new(file: F) -> Self {
        Self { file, block: RefCell::default() }
    }

    fn kept(&self, range: &Range<u64>) -> Option<Vec<u8>> {
        let (start, bytes) = &*self.block.borrow();
        let within = |at: u64| usize::try_from(at.checked_sub(*start)?).ok();
        bytes.get(within(range.start)?..within(range.end)?).map(<[u8]>::to_vec)
    }
}

impl<F: ReadAt> ReadAt for ReadAhead<F> {
    fn len(&self) -> u64 {
        self.file.len()
    }

    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        if let Some(bytes) = self.kept(&range) {
            return Ok(bytes);
        }
        // Aligned blocks, so that pieces in any order find each other.
        let start = range.start / BLOCK * BLOCK;
        let end = self.len().min(start + BLOCK);
        if range.end > end {
            return self.file.read(range).await;
        }
        let block = self.file.read(start..end).await?;
        self.block.replace((start, block));
        self.kept(&range).ok_or_else(|| ReadError::new(range, "fewer bytes came than were there"))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;
    use crate::MemoryFile;

    /// Counts how often it is asked.
    struct Counted(MemoryFile, Cell<usize>);

    impl ReadAt for Counted {
        fn len(&self) -> u64 {
            self.0.len()
        }

        async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
            self.1.set(self.1.get() + 1);
            self.0.read(range).await
        }
    }

    fn file(len: u64) -> ReadAhead<Counted> {
        let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        ReadAhead::new(Counted(MemoryFile::new(bytes), Cell::new(0)))
    }

    #[test]
    fn neighbours_are_read_once() {
        let file = file(1000);
        for at in (0..100).rev().map(|block: u64| 10 * block) {
            assert_eq!(pollster::block_on(file.read(at..at + 10)).unwrap()[0], (at % 251) as u8);
        }
        assert_eq!(file.file.1.get(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn pieces_are_those_of_the_file(pieces in prop::collection::vec((0..3 * BLOCK, 0..2 * BLOCK), 1..6)) {
            let file = file(5 * BLOCK / 2);
            for (start, len) in pieces {
                let got = pollster::block_on(file.read(start..start + len));
                let want = pollster::block_on(file.file.0.read(start..start + len));
                prop_assert_eq!(got.ok(), want.ok());
            }
        }
    }
}
