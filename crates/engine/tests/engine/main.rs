//! The engine behind a host in memory: every command, and every way in which one can end.

mod bad_files;
mod cancel;
mod commands;
mod export;
mod families;
mod host;
mod tiny;
