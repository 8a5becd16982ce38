use serde::{Deserialize, Serialize};

use crate::{Recipe, RequestId};

/// Everything a host can ask of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
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
    Export,
    /// Hold the open model, dense, beside another of the same shapes. Answered by [`crate::Event::Compared`].
    Compare {
        with: Source,
    },
    /// Train a built-in model from scratch on the digits; the session is not touched. Answered by
    /// [`crate::Event::Trained`].
    Train {
        model: String,
        seed: u64,
        epochs: u32,
    },
    /// Time the score kernel on `entries` weights beside a plain copy of the same bytes. Answered by
    /// [`crate::Event::Bandwidth`].
    Bench {
        entries: u32,
        repeats: u32,
    },
    /// Stop a job at its next batch; its events end with [`crate::Event::Cancelled`].
    Cancel {
        of: RequestId,
    },
}

/// Where to compute. `Auto` takes WebGPU (natively: wgpu) unless there is none or only a software one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    #[default]
    Auto,
    Cpu,
    Gpu,
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
