use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use secateur_protocol::{DeviceChoice, Value};

/// Prune neural networks, see what it does to them, and take the result away.
///
/// MODEL is `builtin:ID` (see `secateur models`), a .safetensors or .onnx file, or a folder with model.safetensors and
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
    /// List what of a model can only be cut together: heads, neurons, channels, layers, and all that goes with each.
    Groups(GroupsArgs),
    /// Count a model's parameters, multiply-accumulates, numbers between layers, and bytes.
    Count(CountArgs),
    /// Measure a model on the test digits or on a text, or say what it sees in pictures.
    Eval(EvalArgs),
    /// Let a language model go on with a text.
    Generate(GenerateArgs),
    /// Let a diffusion model draw; its scheduler_config.json lies beside it.
    Sample(SampleArgs),
    /// Evaluate a model on tensors named after its inputs and write its outputs.
    Run(RunArgs),
    /// Prune a model; with -o, write model, config, masks, recipe and report.
    Prune(PruneArgs),
    /// Write a model, pruned by a method or a recipe or as it is (onnx), or a report on what was pruned.
    Export(ExportArgs),
    /// Say who could open a pruned model in each format, and why others could not.
    Verdict(VerdictArgs),
    /// Train a built-in model from scratch, on digits or on stories.
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
    /// Make the runs of a grid (methods x settings x seeds x models), one process each: a file of results, a table, curves.
    /// Runs that are in the results already are not made again.
    Sweep(SweepArgs),
    /// Measure speed here.
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Subcommand)]
pub enum Show {
    /// One method: its paper, formula and settings.
    Show { id: String },
}

#[derive(clap::Args)]
pub struct GroupsArgs {
    pub model: String,
    /// One group, by its name, unit by unit: "heads of blocks.0.attn".
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
}

#[derive(clap::Args)]
pub struct SweepArgs {
    /// The grid in TOML: models, seeds, [grid], [[method]]; see the README.
    pub file: PathBuf,
    /// Where results.jsonl, table.md and the curves go.
    #[arg(short, long)]
    pub out: PathBuf,
    /// Runs at once.
    #[arg(long, default_value_t = 1)]
    pub jobs: u8,
}

#[derive(clap::Args)]
pub struct CountArgs {
    pub model: String,
}

#[derive(clap::Args)]
pub struct EvalArgs {
    pub model: String,
    /// Perplexity on a text: a file, or `builtin:stories`.
    #[arg(long, value_name = "FILE|builtin:NAME")]
    pub text: Option<String>,
    /// Tokens the model sees at once; no more than its context.
    #[arg(long, default_value_t = 512, requires = "text")]
    pub window: u32,
    /// Tokens from one window's start to the next one's [default: as many as a window has].
    #[arg(long, requires = "text")]
    pub stride: Option<u32>,
    /// Put questions about stories to a language model: who it was, which thing, one or several, grammar.
    #[arg(long, conflicts_with_all = ["text", "images"])]
    pub questions: bool,
    /// The five likeliest classes of pictures: png or jpeg files, or folders of them.
    #[arg(long, value_name = "DIR|FILE", num_args = 1.., conflicts_with = "text")]
    pub images: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
}

#[derive(clap::Args)]
pub struct GenerateArgs {
    pub model: String,
    /// The beginning of a text.
    #[arg(long, allow_hyphen_values = true)]
    pub prompt: String,
    /// New tokens; the model may end before.
    #[arg(long, default_value_t = 64)]
    pub max_tokens: u32,
    /// Always the most probable token.
    #[arg(long, conflicts_with_all = ["temperature", "top_k", "top_p"])]
    pub greedy: bool,
    /// Below 1 likely tokens come more often, above 1 less often.
    #[arg(long, default_value_t = 0.8)]
    pub temperature: f32,
    /// Only the K most probable tokens; 0: all.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub top_k: u32,
    /// Only the fewest tokens whose probabilities reach P together.
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    pub top_p: f32,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
}

#[derive(clap::Args)]
pub struct SampleArgs {
    pub model: String,
    /// The class to draw, by its number, for a model that knows classes [default: none].
    #[arg(long)]
    pub label: Option<u32>,
    #[arg(long, default_value_t = 8)]
    pub count: u32,
    /// Steps from noise to picture.
    #[arg(long, default_value_t = 50)]
    pub steps: u32,
    #[arg(long, value_enum, default_value_t)]
    pub sampler: Sampler,
    /// Above 1 the class is exaggerated; each step then takes twice as long.
    #[arg(long, default_value_t = 1.0)]
    pub guidance: f32,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The .png file to write: the pictures side by side, eight in a row.
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
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
    #[command(flatten)]
    pub how: RecipeArgs,
    /// Report the perplexity on a text, in windows of 512 tokens.
    #[arg(long, value_name = "FILE|builtin:NAME")]
    pub eval_text: Option<String>,
    /// How the model is written; see `secateur verdict`.
    #[arg(long, value_enum, default_value_t, requires = "out")]
    pub format: Format,
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    #[command(flatten)]
    pub out: OutArgs,
}

/// What is pruned and how.
#[derive(clap::Args)]
pub struct RecipeArgs {
    /// See `secateur methods`.
    #[arg(long, conflicts_with = "recipe")]
    pub method: Option<String>,
    /// A setting of the method, e.g. `sparsity=0.5`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting, conflicts_with = "recipe")]
    pub set: Vec<(String, Value)>,
    /// What goes: unstructured, n:m, blocks or unit; short for `--set pattern=P`.
    #[arg(long, value_name = "P", conflicts_with = "recipe")]
    pub pattern: Option<String>,
    /// What may be left when units go: `params=0.7`, `macs=0.5`, `bytes=...` or `ms=...`; short for
    /// `--set pattern=unit --set budget=params --set target=0.7`.
    #[arg(long, value_name = "WHAT=TARGET", value_parser = setting, conflicts_with = "recipe")]
    pub budget: Option<(String, Value)>,
    #[arg(long, conflicts_with = "recipe")]
    pub seed: Option<u64>,
    /// Text for methods that look at samples; short for `--set calibration=...`.
    #[arg(long, value_name = "FILE|builtin:NAME", conflicts_with = "recipe")]
    pub calibration: Option<String>,
    /// Samples of it; short for `--set samples=N`.
    #[arg(long, value_name = "N", conflicts_with = "recipe")]
    pub calibration_samples: Option<u32>,
    /// Tokens of a sample; short for `--set length=L`.
    #[arg(long, value_name = "L", conflicts_with = "recipe")]
    pub calibration_length: Option<u32>,
    /// A recipe.json to repeat.
    #[arg(long)]
    pub recipe: Option<PathBuf>,
}

#[derive(clap::Args)]
pub struct ExportArgs {
    pub model: String,
    #[command(flatten)]
    pub how: RecipeArgs,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    #[command(flatten)]
    pub out: OutArgs,
}

#[derive(clap::Args)]
pub struct VerdictArgs {
    pub model: String,
    #[command(flatten)]
    pub how: RecipeArgs,
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
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
    /// Passes over everything there is to learn from, e.g. the 8,000 training digits.
    #[arg(long, value_name = "N", conflicts_with = "steps")]
    pub epochs: Option<u32>,
    /// Batches to learn from [default, without --epochs: as many as is usual for such a model].
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Go on with the unfinished training in the folder; give the same seed and length as before.
    #[arg(long, requires = "out", conflicts_with = "force")]
    pub resume: bool,
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

#[derive(Subcommand)]
pub enum Bench {
    /// A model's forward pass, dense and under cuts of several patterns, and what its layers multiply with then.
    Model(BenchModelArgs),
    /// The score kernel beside a copy, and products for layers of real models: burn's, our dense one, and those that
    /// leave out what is pruned. On every device here unless one is named.
    Kernels(BenchKernelsArgs),
}

#[derive(clap::Args)]
pub struct BenchModelArgs {
    #[arg(default_value = "builtin:digits-vit")]
    pub model: String,
    /// Inputs in a forward pass.
    #[arg(long, default_value_t = 64)]
    pub batch: u32,
    #[arg(long, default_value_t = 20)]
    pub repeats: u32,
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
}

#[derive(clap::Args)]
pub struct BenchKernelsArgs {
    #[arg(long, value_enum)]
    pub device: Option<Device>,
    #[arg(long, default_value_t = 20)]
    pub repeats: u32,
    /// Weights that the score kernel goes over.
    #[arg(long, default_value_t = 5 << 20)]
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

#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// The same shapes, with zeros.
    #[default]
    Zeros,
    /// Smaller, one size for all layers: stock libraries open it.
    Uniform,
    /// Smaller, each layer with its own sizes.
    Ragged,
    /// An ONNX graph.
    Onnx,
    /// No model but a report to read: report.html and report.md.
    Report,
}

impl From<Format> for secateur_protocol::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Zeros => Self::Zeros,
            Format::Uniform => Self::Uniform,
            Format::Ragged => Self::Ragged,
            Format::Onnx => Self::Onnx,
            Format::Report => Self::Report,
        }
    }
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Sampler {
    /// Without fresh noise: the same start gives the same picture.
    #[default]
    Ddim,
    /// With fresh noise in every step.
    Ddpm,
}

impl From<Sampler> for secateur_protocol::Sampler {
    fn from(sampler: Sampler) -> Self {
        match sampler {
            Sampler::Ddim => Self::Ddim,
            Sampler::Ddpm => Self::Ddpm,
        }
    }
}

fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("wanted KEY=VALUE, got {text:?}"))?;
    let value = value.parse().map_or_else(|_| Value::Text(value.to_string()), Value::Number);
    Ok((key.to_string(), value))
}
