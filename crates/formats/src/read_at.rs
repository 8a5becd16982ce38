use std::ops::Range;
use std::sync::Arc;

/// Random access to a file wherever it lives: on disk, in a browser, in memory.
///
/// Asynchronous because a browser reads its files that way.
#[allow(async_fn_in_trait)] // one thread everywhere, so nobody needs the future to be Send
pub trait ReadAt {
    /// Size in bytes.
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exactly the bytes of `range`, or an error.
    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError>;
}

/// Why bytes could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not read bytes {}..{} of the file: {reason}; check that it is still there and open it again", range.start, range.end)]
pub struct ReadError {
    pub range: Range<u64>,
    pub reason: String,
}

impl ReadError {
    pub fn new(range: Range<u64>, reason: impl ToString) -> Self {
        Self { range, reason: reason.to_string() }
    }
}

/// A file that is wholly in memory. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct MemoryFile(Arc<[u8]>);

impl MemoryFile {
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }
}

impl ReadAt for MemoryFile {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        (&*self.0).read(range).await
    }
}

/// Bytes that are about to become a file.
impl ReadAt for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let within = |at: u64| usize::try_from(at).ok();
        match (within(range.start), within(range.end)) {
            (Some(start), Some(end)) => self.get(start..end).map(<[u8]>::to_vec),
            _ => None,
        }
        .ok_or_else(|| ReadError::new(range, format!("the file has {} bytes", <[u8]>::len(self))))
    }
}

/// Reads `range` and insists on its length, so that a file that shrank meanwhile is noticed.
pub(crate) async fn read_exactly(file: &impl ReadAt, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
    let bytes = file.read(range.clone()).await?;
    if bytes.len() as u64 != range.end - range.start {
        return Err(ReadError::new(range, format!("only {} bytes came", bytes.len())));
    }
    Ok(bytes)
}
