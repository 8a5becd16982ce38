//! One file for each thing a host can ask for.

pub(crate) mod bench;
pub(crate) mod classify;
pub(crate) mod compare;
pub(crate) mod contrast;
pub(crate) mod draw;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod heat;
pub(crate) mod hello;
pub(crate) mod load;
pub(crate) mod predict;
pub(crate) mod prune;
pub(crate) mod run;
pub(crate) mod sweep;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod train;
