//! Every method on two tiny models, through the public interface.

mod patterns;
mod promises;
mod units;
mod wanda;
mod world;
