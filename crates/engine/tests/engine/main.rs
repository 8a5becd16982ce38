//! The engine behind a host in memory: every command, and every way in which one can end.

mod bad_files;
mod cancel;
mod classify;
mod commands;
mod contrast;
mod draw;
mod export;
mod families;
mod host;
mod masks_hold;
mod report;
mod texts;
mod tiny;
mod tokens;
mod train;
mod trial;
mod units;
