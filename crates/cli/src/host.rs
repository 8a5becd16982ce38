//! The engine's host on a desk: a clock, files on disk, and the built-in ones inside the program.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::task::Poll;
use std::time::Instant;

use futures_channel::mpsc::UnboundedSender;
use secateur_engine::{Asset, Host, OpenError};
use secateur_formats::{ReadAt, ReadError};
use secateur_protocol::{Envelope, Event};

/// `public/digits` and `public/models`: (path below public/, bytes).
static PUBLIC: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/public.rs"));

/// An event and the buffers it names.
pub type Message = (Envelope<Event>, Vec<Vec<u8>>);

pub struct Desktop {
    started: Instant,
    events: UnboundedSender<Message>,
}

impl Desktop {
    pub fn new(events: UnboundedSender<Message>) -> Self {
        Self { started: Instant::now(), events }
    }
}

impl Host for Desktop {
    type File = AnyFile;

    fn now_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    /// Steps aside once, so that whoever waits for events on this thread gets its turn.
    async fn pause(&self) {
        let mut waited = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    async fn open(&self, asset: Asset<'_>) -> Result<AnyFile, OpenError> {
        match asset {
            Asset::BuiltIn(path) => {
                let found = PUBLIC.iter().find(|(name, _)| *name == path);
                let missing = || OpenError { name: path.into(), reason: "it is not built in".into() };
                Ok(AnyFile::BuiltIn(found.ok_or_else(missing)?.1))
            }
            Asset::User(path) => AnyFile::open(path),
        }
    }

    fn send(&self, event: Envelope<Event>, blobs: Vec<Vec<u8>>) {
        // Nobody listens any more when the command has ended early; then nobody misses the event.
        let _ = self.events.unbounded_send((event, blobs));
    }
}

/// A file on disk or inside the program.
pub enum AnyFile {
    BuiltIn(&'static [u8]),
    Disk { file: RefCell<File>, len: u64 },
}

impl AnyFile {
    pub fn open(path: &str) -> Result<Self, OpenError> {
        let failed = |error: std::io::Error| OpenError { name: path.into(), reason: error.to_string() };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(OpenError { name: path.into(), reason: "it is not a file".into() });
        }
        Ok(Self::Disk { file: RefCell::new(file), len: metadata.len() })
    }
}

impl ReadAt for AnyFile {
    fn len(&self) -> u64 {
        match self {
            Self::BuiltIn(bytes) => bytes.len(),
            Self::Disk { len, .. } => *len,
        }
    }

    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        match self {
            Self::BuiltIn(bytes) => bytes.read(range).await,
            Self::Disk { file, .. } => {
                let read = |file: &mut File| {
                    let mut bytes = vec![0; (range.end - range.start) as usize];
                    file.seek(SeekFrom::Start(range.start))?;
                    file.read_exact(&mut bytes).map(|()| bytes)
                };
                read(&mut file.borrow_mut()).map_err(|error| ReadError::new(range.clone(), error))
            }
        }
    }
}
