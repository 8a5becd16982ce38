//! One file for each command: what it asks of the engine and how it tells the answer.

pub mod bench;
pub mod classify;
pub mod compare;
pub mod count;
pub mod eval;
pub mod export;
pub mod generate;
pub mod groups;
pub mod inspect;
pub mod masks;
pub mod methods;
pub mod models;
pub mod prune;
pub mod questions;
pub mod record;
pub mod run;
pub mod sample;
pub mod sweep;
pub mod train;
pub mod verdict;
