use std::collections::BTreeSet;
use std::ops::Range;

use super::{FormatError, Header, read_header};
use crate::{ReadAt, ReadError, quote};

/// A model's weights in one file or in several, read as if all stood one behind the other in one file.
pub struct Shards<F> {
    /// Where each file begins, and the file.
    files: Vec<(u64, F)>,
    len: u64,
}

impl<F: ReadAt> Shards<F> {
    /// The files one behind the other, whatever they hold.
    pub fn join(files: Vec<F>) -> Self {
        let mut len = 0;
        let place = |file: F| {
            let start = len;
            len += file.len();
            (start, file)
        };
        let files = files.into_iter().map(place).collect();
        Self { files, len }
    }

    /// Reads the headers of all files, in this order. Tensors' ranges are those of the whole; a name may stand in one
    /// file only.
    pub async fn open(files: Vec<F>) -> Result<(Self, Header), FormatError> {
        let mut whole = Header { tensors: Vec::new(), metadata: Default::default() };
        let mut shards = Self { files: Vec::new(), len: 0 };
        let mut names = BTreeSet::new();
        for file in files {
            let Header { tensors, metadata } = read_header(&file).await?;
            for mut tensor in tensors {
                if !names.insert(tensor.name.clone()) {
                    return Err(FormatError::Duplicate { name: quote(&tensor.name) });
                }
                tensor.range = tensor.range.start + shards.len..tensor.range.end + shards.len;
                whole.tensors.push(tensor);
            }
            whole.metadata.extend(metadata);
            let start = shards.len;
            shards.len += file.len();
            shards.files.push((start, file));
        }
        Ok((shards, whole))
    }
}

impl<F: ReadAt> ReadAt for Shards<F> {
    fn len(&self) -> u64 {
        self.len
    }

    /// The range must lie within one of the files, as every tensor's does.
    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let after = self.files.partition_point(|(start, _)| *start <= range.start);
        match after.checked_sub(1).map(|at| &self.files[at]) {
            Some((start, file)) if range.end <= start + file.len() => {
                file.read(range.start - start..range.end - start).await
            }
            _ => Err(ReadError::new(range, "it lies in no file or in two")),
        }
    }
}
