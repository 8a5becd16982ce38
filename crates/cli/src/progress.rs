use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use secateur_protocol::Unit;
use serde_json::json;

/// Where progress goes: JSON lines on stderr, a bar on a terminal, or nowhere but for trainings.
pub enum Progress {
    Json,
    Bar(ProgressBar),
    /// When it told of a training last.
    Silent(Mutex<Option<Instant>>),
}

/// Lines about a training that go to a file come this often.
const TELL_EVERY: Duration = Duration::from_secs(5);

impl Progress {
    pub fn new(json: bool) -> Self {
        if json {
            Self::Json
        } else if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} {msg}  {eta}{prefix}");
            Self::Bar(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
        } else {
            Self::Silent(Mutex::default())
        }
    }

    pub fn show(&self, done: u64, total: u64, unit: Unit) {
        match self {
            Self::Json => eprintln!("{}", json!({ "done": done, "total": total, "unit": unit })),
            Self::Bar(bar) => {
                if bar.is_finished() {
                    bar.reset();
                }
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(format!("{unit:?}").to_lowercase());
            }
            Self::Silent(_) => {}
        }
    }

    /// So many runs of a sweep are done; the last one was of this name.
    pub fn swept(&self, done: usize, all: usize, name: &str) {
        match self {
            Self::Json => eprintln!("{}", json!({ "done": done, "total": all, "unit": "runs" })),
            Self::Bar(bar) => {
                bar.set_length(all as u64);
                bar.set_position(done as u64);
                bar.set_message(format!("runs, last {name}"));
            }
            Self::Silent(_) => eprintln!("run {done} of {all}: {name}"),
        }
    }

    /// How a training goes, `rate` in steps a second; also where nobody watches a bar, since it takes long.
    pub fn learning(&self, step: u64, steps: u64, loss: f64, rate: f64) {
        let seconds_left = steps.saturating_sub(step) as f64 / rate.max(1e-9);
        match self {
            Self::Json => eprintln!(
                "{}",
                json!({ "step": step, "steps": steps, "loss": loss, "rate": rate, "seconds_left": seconds_left })
            ),
            Self::Bar(bar) => bar.set_prefix(format!("  loss {loss:.4}  {rate:.2} steps/s")),
            Self::Silent(told) => {
                let mut told = told.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if rate == 0.0 || told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
                    return;
                }
                *told = Some(Instant::now());
                let left = HumanDuration(Duration::from_secs_f64(seconds_left));
                eprintln!("step {step} of {steps}  loss {loss:.4}  {rate:.2} steps/s  {left} left");
            }
        }
    }

    /// A job has ended: the line is free for what it answered.
    pub fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
