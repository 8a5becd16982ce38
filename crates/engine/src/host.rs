use secateur_formats::ReadAt;
use secateur_protocol::{Envelope, Event};

/// A file the engine asks its host for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asset<'a> {
    /// Ships with the playground; a path below `public/`, e.g. `models/digits-vit/config.json`.
    BuiltIn(&'a str),
    /// One of the user's files, by the name it has in the command.
    User(&'a str),
}

impl<'a> Asset<'a> {
    /// Path or name, as errors tell it.
    pub fn name(self) -> &'a str {
        let (Self::BuiltIn(name) | Self::User(name)) = self;
        name
    }
}

/// Why a file could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not open {name}: {reason}")]
pub struct OpenError {
    pub name: String,
    pub reason: String,
}

/// What the engine cannot do by itself.
#[allow(async_fn_in_trait)] // one thread everywhere: nothing has to be Send
pub trait Host {
    type File: ReadAt;

    /// Milliseconds since any fixed moment.
    fn now_ms(&self) -> f64;

    /// The largest model that fits here: bytes of its weights in f32, which are held twice, dense and pruned.
    fn most_weight_bytes(&self) -> u64 {
        u64::MAX
    }

    /// Lets everything else run once, so that new commands can arrive. In a browser: a macrotask.
    async fn pause(&self);

    /// # Errors
    /// When there is no such file or it cannot be read.
    async fn open(&self, asset: Asset<'_>) -> Result<Self::File, OpenError>;

    /// `blobs` are the buffers that the event names by [`secateur_protocol::BlobId`].
    fn send(&self, event: Envelope<Event>, blobs: Vec<Vec<u8>>);
}
