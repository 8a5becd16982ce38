//! Warnings of the libraries, e.g. a shader that a browser refuses, go to the console.

use ::log::{LevelFilter, Log, Metadata, Record};

struct Console;

impl Log for Console {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true // the level is checked before
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{}: {}", record.target(), record.args());
        match record.level() {
            ::log::Level::Error => web_sys::console::error_1(&line.into()),
            _ => web_sys::console::warn_1(&line.into()),
        }
    }

    fn flush(&self) {}
}

pub fn to_console() {
    // Fails only when there is a logger already, which then does the work.
    if ::log::set_logger(&Console).is_ok() {
        ::log::set_max_level(LevelFilter::Warn);
    }
}
