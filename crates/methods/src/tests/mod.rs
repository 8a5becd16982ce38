//! Every method on two tiny models, through the public interface.

mod compensation;
mod deltas;
mod llm_pruner;
mod gates;
mod nvit;
mod patterns;
mod promises;
mod search;
mod recover;
mod sparse;
mod toy;
mod units;
mod wanda;
pub(crate) mod world;
