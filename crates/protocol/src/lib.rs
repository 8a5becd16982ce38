//! What page, command line, desktop and engine say to each other: plain types, nothing else.
//!
//! A host sends [`Command`]s and receives [`Event`]s, each in an [`Envelope`] with the id of the
//! request it belongs to. Large arrays never travel inside a message: an event names them by
//! [`BlobId`] and the host hands the bytes over beside it (a transferable buffer in the browser).

mod card;
mod command;
mod event;
mod filing;
mod hash;
mod measure;
mod recipe;
mod timing;
mod units;

pub use card::{Card, Field, Kind, Need};
pub use command::{
    Choice, Command, DeviceChoice, Draw, FileRef, Format, Generate, HeatKind, Image, LARGEST_SIDE, Length, Sampler,
    Source, Steer, TextTest, Train,
};
pub use event::{
    Adapter, Asked, BlobId, BuiltIn, Classified, Comparison, Contrasted, Event, FileOut, GateRow, Gone, LayerLevel,
    Level, Loaded, Mark, ParamDiff, Prediction, Reader, Report, Score, Swept, Token, TrainLog, Unit, Verdict, Written,
};
pub use filing::{AXES, Axis, Filing, spelled_out};
pub use hash::{fnv1a, masks_digest};
pub use recipe::{Recipe, RecipeError, RecipeId, Value, Values};
pub use timing::{Bandwidth, Layout, Multiplied, OpTime, ProductTime, Products, Spread, Timing};
pub use units::units_by_group;

use serde::{Deserialize, Serialize};

/// Raised with every change that an older page or engine would misread; both sides compare it in
/// the handshake ([`Command::Hello`] and [`Event::Ready`]).
pub const VERSION: u32 = 8;

/// Ties the events of a job to the command that asked for it. Chosen by the sender, never reused.
pub type RequestId = u32;

/// A message and the request it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope<T> {
    pub id: RequestId,
    pub body: T,
}
