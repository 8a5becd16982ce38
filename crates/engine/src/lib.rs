//! The session behind every host: commands in, events out.
//!
//! [`serve`] is the whole engine. A host (worker, command line, desktop, test) gives it time, files, a moment
//! to breathe and a place to send to ([`Host`]); the engine itself reads no clock, opens no file and never
//! blocks. Every job but `Cancel` ends with exactly one of `Done`, `Cancelled` and `Failed`, and one that did
//! not end with `Done` leaves the session as it was.

mod checkpoint;
mod denoise;
mod desk;
mod files;
mod forward;
mod history;
mod host;
mod jobs;
mod learning;
mod others;
mod picture;
mod samples;
mod serve;
mod session;
mod stop;
mod task;
mod texts;
mod trial;
mod vocabulary;

pub use host::{Asset, Host, OpenError};
pub use serve::serve;
