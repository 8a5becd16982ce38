//! Every method on two tiny models, through the public interface.

mod compensation;
mod deltas;
mod gates;
mod patterns;
mod promises;
mod search;
mod recover;
mod sparse;
mod units;
mod wanda;
pub(crate) mod world;
