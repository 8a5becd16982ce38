//! `secateur`: the engine on the command line.

mod args;
mod client;
mod commands;
mod host;
mod model;
mod out_dir;
mod progress;

use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};

use args::{Args, Command};

/// One sentence for the user.
type Failure = Box<dyn std::error::Error>;
type Result<T = ()> = std::result::Result<T, Failure>;

/// What a command has to say: `text` for people, `json` for `--json`.
struct Answer {
    text: String,
    json: Value,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let json = args.json;
    match run(args) {
        Ok(answer) if json => println!("{}", answer.json),
        Ok(answer) => println!("{}", answer.text.trim_end()),
        Err(error) => {
            if json {
                println!("{}", json!({ "error": error.to_string() }));
            }
            eprintln!("secateur: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(args: Args) -> Result<Answer> {
    let progress = progress::Progress::new(args.json);
    match args.command {
        Command::Models => commands::models::run(progress),
        Command::Methods { show } => commands::methods::run(progress, show),
        Command::Inspect { file } => commands::inspect::run(&file),
        Command::Eval { model, device } => commands::eval::run(progress, &model, device.into()),
        Command::Prune(args) => commands::prune::run(progress, args),
        Command::Train(args) => commands::train::run(progress, args),
        Command::Compare { a, b, device } => commands::compare::run(progress, &a, &b, device.into()),
        Command::Record(args) => commands::record::run(progress, args),
        Command::Bench(args) => commands::bench::run(progress, args),
    }
}
