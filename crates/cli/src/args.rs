use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use secateur_protocol::{DeviceChoice, Value};

/// Prune neural networks, see what it does to them, and take the result away.
///
/// MODEL is `builtin:ID` (see `secateur models`), a .safetensors file, or a folder with model.safetensors and
/// config.json in it.
#[derive(Parser)]
#[command(name = "secateur", version)]
pub struct Args {
    /// The last line of stdout is one JSON object; progress goes to stderr as JSON lines.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// List the built-in models.
    Models,
    /// List the pruning methods, or show one with its settings.
    Methods {
        #[command(subcommand)]
        show: Option<Show>,
    },
    /// Say what a safetensors file holds; only its header is read.
    Inspect { file: PathBuf },
    /// Measure a model on the test digits.
    Eval {
        model: String,
        #[arg(long, value_enum, default_value_t)]
        device: Device,
    },
    /// Evaluate a model on tensors named after its inputs and write its outputs.
    Run(RunArgs),
    /// Prune a model; with -o, write model, config, masks, recipe and report.
    Prune(PruneArgs),
    /// Train a built-in model from scratch on the digits.
    Train(TrainArgs),
    /// Hold two models of the same shapes (or two masks files) side by side.
    Compare {
        a: String,
        b: String,
        #[arg(long, value_enum, default_value_t)]
        device: Device,
    },
    /// Record a run for the page to show before its engine is up.
    Record(RecordArgs),
    /// Time the forward pass and the score kernel on every device here.
    Bench(BenchArgs),
}

#[derive(Subcommand)]
pub enum Show {
    /// One method: its paper, formula and settings.
    Show { id: String },
}

#[derive(clap::Args)]
pub struct RunArgs {
    pub model: String,
    /// A .safetensors file: `image` [samples, channels, height, width], normalised; `tokens` [samples, tokens];
    /// `timestep` [samples]; `encoder_hidden_states` [samples, tokens, features] ...
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// The .safetensors file to write: `logits`, `hidden`, `sample` ...
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
}

#[derive(clap::Args)]
pub struct PruneArgs {
    pub model: String,
    /// See `secateur methods`.
    #[arg(long, required_unless_present = "recipe", conflicts_with = "recipe")]
    pub method: Option<String>,
    /// A setting of the method, e.g. `sparsity=0.5`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting, conflicts_with = "recipe")]
    pub set: Vec<(String, Value)>,
    #[arg(long, conflicts_with = "recipe")]
    pub seed: Option<u64>,
    /// A recipe.json to repeat.
    #[arg(long)]
    pub recipe: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    #[command(flatten)]
    pub out: OutArgs,
}

#[derive(clap::Args)]
pub struct OutArgs {
    /// Folder to write to; it must be new or empty.
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace files of the same names in a folder that is not empty.
    #[arg(long, requires = "out")]
    pub force: bool,
}

#[derive(clap::Args)]
pub struct TrainArgs {
    /// A built-in model's id, e.g. `digits-vit`.
    pub model: String,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Passes over the 8,000 training digits.
    #[arg(long, default_value_t = 20)]
    pub epochs: u32,
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: Device,
    #[command(flatten)]
    pub out: OutArgs,
}

#[derive(clap::Args)]
pub struct RecordArgs {
    /// The built-in model to show.
    #[arg(long, default_value = "digits-vit")]
    pub model: String,
    #[command(flatten)]
    pub out: OutArgs,
}

#[derive(clap::Args)]
pub struct BenchArgs {
    #[arg(default_value = "builtin:digits-vit")]
    pub model: String,
    /// Digits in a forward pass.
    #[arg(long, default_value_t = 64)]
    pub batch: u32,
    #[arg(long, default_value_t = 20)]
    pub repeats: u32,
    /// Weights that the score kernel goes over.
    #[arg(long, default_value_t = 1 << 22)]
    pub entries: u32,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Device {
    /// The GPU unless there is none or only a software one.
    #[default]
    Auto,
    Cpu,
    Gpu,
}

impl From<Device> for DeviceChoice {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::Cpu => Self::Cpu,
            Device::Gpu => Self::Gpu,
        }
    }
}

fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("wanted KEY=VALUE, got {text:?}"))?;
    let value = value.parse().map_or_else(|_| Value::Text(value.to_string()), Value::Number);
    Ok((key.to_string(), value))
}
