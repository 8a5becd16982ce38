use serde::{Deserialize, Serialize};

use crate::{Recipe, RequestId};

/// Everything a host can ask of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Changes how the running job `of` learns; it takes effect at its next step.
    Steer {
        of: RequestId,
        steer: Steer,
    },
    /// First message. Answered by [`crate::Event::Ready`].
    Hello {
        version: u32,
        device: DeviceChoice,
    },
    /// Move the session to another device; model, masks and history stay. Answered by `Ready`.
    UseDevice {
        device: DeviceChoice,
    },
    /// Open a model; on failure the open one stays. Answered by [`crate::Event::Loaded`].
    Load {
        source: Source,
    },
    /// Cut the dense model by a recipe. `amend` replaces the newest history entry when that was an
    /// amendable one too (a slider in motion). Answered by [`crate::Event::Level`].
    Prune {
        recipe: Recipe,
        amend: bool,
    },
    /// Step back or forward in the history. Answered by `Level`.
    Undo,
    Redo,
    /// Evaluate the model, as it is cut now, on the tensors of a safetensors file, each named after the input it is for:
    /// `image`, `tokens`, `timestep` ... Answered by [`crate::Event::Answered`].
    Run {
        file: FileRef,
    },
    /// Run pictures through the dense and the pruned model. Answered by [`crate::Event::Predictions`].
    Predict {
        image: Image,
    },
    /// Metric of dense and pruned model on the test split. Answered by [`crate::Event::Report`].
    Evaluate,
    /// Perplexity of dense and pruned model on a text, read in windows. Answered by [`crate::Event::Report`].
    EvaluateText(TextTest),
    /// Put questions about stories to the dense and the pruned language model. Answered by [`crate::Event::Asked`].
    Ask,
    /// What the dense and the pruned model see in the user's pictures (png or jpeg). Answered by
    /// [`crate::Event::Classified`].
    Classify {
        pictures: Vec<FileRef>,
    },
    /// Let the dense and the pruned model go on with a text. Answered by [`crate::Event::Written`].
    Generate(Generate),
    /// Let the dense and the pruned model draw from the same noise. Each step is told by [`crate::Event::Drawn`], of more
    /// than 64 steps some and the last.
    Draw(Draw),
    /// Time the forward pass of dense and pruned model. Answered by [`crate::Event::Timing`].
    Time {
        batch: u32,
        repeats: u32,
    },
    /// Pictures of parameters, shrunk to at most `side` cells each way. One
    /// [`crate::Event::Heat`] per parameter.
    Heat {
        params: Vec<u32>,
        kind: HeatKind,
        side: u32,
    },
    /// Everything worth taking away. Answered by [`crate::Event::Exported`].
    Export {
        format: Format,
    },
    /// Who could open an export of each format. Answered by [`crate::Event::Verdicts`].
    Verdict,
    /// Cut one group after the other by a recipe whose pattern is `unit`, a quarter, a half and three quarters of its units,
    /// and measure what is left. Each is told by [`crate::Event::Swept`]; the session is not touched.
    Sweep {
        recipe: Recipe,
    },
    /// Make two cuts of the dense model, keep neither, and tell for each parameter on what they agree; pictures have at most
    /// `side` cells each way. One [`crate::Event::Contrasted`] per parameter.
    Contrast {
        a: Recipe,
        b: Recipe,
        side: u32,
    },
    /// Hold the open model, dense, beside another of the same shapes. Answered by [`crate::Event::Compared`].
    Compare {
        with: Source,
    },
    /// Train a built-in model, from its config.json on; the session is not touched. [`crate::Event::Learning`] tells
    /// how it goes, [`crate::Event::Trained`] every checkpoint and the end.
    Train(Train),
    /// Time the score kernel on `entries` weights beside a plain copy of the same bytes. Answered by
    /// [`crate::Event::Bandwidth`].
    Bench {
        entries: u32,
        repeats: u32,
    },
    /// Time the products that this device has for a layer of this size, dense and with pruned weights; each side is at most
    /// [`LARGEST_SIDE`]. With the side of a `window` it is a convolution's: samples are the places of a picture, and inputs
    /// what the window sees of all channels. Answered by [`crate::Event::Products`].
    BenchProducts {
        samples: u32,
        inputs: u32,
        outputs: u32,
        window: Option<u32>,
        repeats: u32,
    },
    /// Stop a job at its next batch; its events end with [`crate::Event::Cancelled`].
    Cancel {
        of: RequestId,
    },
}

/// Samples, inputs and outputs of a product that is timed, at most each: a weight of 256 MB.
pub const LARGEST_SIDE: u32 = 1 << 13;

/// Where to compute. `Auto` takes WebGPU (natively: wgpu) unless there is none or only a software one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    #[default]
    Auto,
    Cpu,
    Gpu,
}

/// How a pruned model is written, or what is told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The same shapes, with zeros: whoever opened the model before opens it.
    #[default]
    Zeros,
    /// Smaller, with one size for all layers: stock libraries open it with the config that is written.
    Uniform,
    /// Smaller, each layer with its own sizes: the config says what went, and a script opens it in PyTorch.
    Ragged,
    /// Smaller or with zeros, as an ONNX graph.
    Onnx,
    /// No model: what was cut where, what it changed, and samples, as a page and as a text to read.
    Report,
}

impl Format {
    pub const ALL: [Self; 5] = [Self::Zeros, Self::Uniform, Self::Ragged, Self::Onnx, Self::Report];

    /// As commands name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Zeros => "zeros",
            Self::Uniform => "uniform",
            Self::Ragged => "ragged",
            Self::Onnx => "onnx",
            Self::Report => "report",
        }
    }
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// One of [`crate::Event::Ready`]'s built-in models.
    BuiltIn { id: String },
    /// The user's files, e.g. `model.safetensors` and `config.json`; the host can read them by name.
    Files { files: Vec<FileRef> },
}

/// A file the host can read piecewise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRef {
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// Pictures to look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Image {
    /// Samples of the test split, by index.
    Test { indices: Vec<u32> },
    /// One hand-drawn digit: 28 x 28 grey values, row by row, 0 = background.
    Drawn { grey: Vec<u8> },
}

/// A text to measure a language model on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextTest {
    /// `builtin:stories`, or the name of a file that the host can read.
    pub text: String,
    /// Tokens the model sees at once: at least 2, and no more than its context, whatever is asked.
    pub window: u32,
    /// Tokens from one window's start to the next one's, at most `window`. Each token is scored once, by the first window
    /// that holds it; to later ones it is context only. A window's first token has nothing before it and is not scored.
    pub stride: u32,
}

/// A text to go on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generate {
    pub prompt: String,
    /// New tokens, at most; a model may end before.
    pub max_tokens: u32,
    pub choice: Choice,
    pub seed: u64,
}

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Choice {
    /// The most probable, the first of equals.
    Greedy,
    /// Drawn: logits divided by `temperature`, then the `top_k` most probable kept (0: all), then the fewest whose
    /// probabilities reach `top_p` together (1: all), in this order as in Hugging Face's generation.
    Drawn { temperature: f32, top_k: u32, top_p: f32 },
}

/// Pictures to draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draw {
    /// For a model with classes; none draws without one.
    pub label: Option<u32>,
    pub count: u32,
    pub sampler: Sampler,
    /// Steps from noise to picture.
    pub steps: u32,
    /// Classifier-free guidance (Ho & Salimans, 2022): 1 follows the class as the model learnt it, more exaggerates it.
    pub guidance: f32,
    /// Decides the noise; dense and pruned start from the same.
    pub seed: u64,
}

/// How noise is taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampler {
    /// With fresh noise in every step (Ho et al., 2020).
    Ddpm,
    /// Without (Song et al., 2021, eta = 0).
    #[default]
    Ddim,
}

/// A model to train: digits for those that classify or draw pictures, stories for those that write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    /// Its id; its config.json is all that has to be there.
    pub model: String,
    /// Decides the first parameters, and what is shown when.
    pub seed: u64,
    /// None: as long as is usual for what it learns.
    pub length: Option<Length>,
    /// The `training.safetensors` of an earlier run of the same model, seed and length, to go on with.
    pub resume: Option<FileRef>,
}

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// Passes over all there is to learn from.
    Epochs(u32),
    Steps(u64),
}

/// What a heat map shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HeatKind {
    /// |weight|
    Weight,
    /// The score of the latest cut's criterion; |weight| before the first cut.
    Importance,
    /// Kept fraction of each cell, 0 to 1.
    Mask,
}

/// How somebody wants a method to go on learning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steer {
    /// No step is made but those of `singles`.
    pub paused: bool,
    /// Steps made while paused: one for each time that it rises.
    pub singles: u64,
    /// Milliseconds that a step takes at least.
    pub slow_ms: f64,
    /// Multiplies the method's penalty.
    pub penalty: f64,
    /// Enough is learnt: the method ends with what it has.
    pub stop: bool,
    /// What the model answers meanwhile is wanted too, as [`crate::Event::Written`], [`crate::Event::Predictions`] or
    /// [`crate::Event::Drawn`]; a language model goes on with this text.
    #[serde(default)]
    pub sample: Option<String>,
}

impl Default for Steer {
    fn default() -> Self {
        Self { paused: false, singles: 0, slow_ms: 0.0, penalty: 1.0, stop: false, sample: None }
    }
}
