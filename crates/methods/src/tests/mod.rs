//! Every method on two tiny models, through the public interface.

mod compensation;
mod deltas;
mod gates;
mod learn;
mod llm_pruner;
mod nvit;
mod patterns;
mod promises;
mod recover;
mod search;
mod sparse;
mod toy;
mod units;
mod wanda;
pub(crate) mod world;
