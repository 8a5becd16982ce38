use secateur_graph::groups::Vocabulary;
use secateur_graph::{Graph, Masks, ParamId};
use serde::{Deserialize, Serialize};

use crate::{Bandwidth, Card, Format, HeatKind, Products, Recipe, Timing, masks_digest};

/// Index into the list of byte buffers that travels beside the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobId(pub u32);

/// Everything the engine tells a host. Each job ends with exactly one of `Done`, `Cancelled`, `Failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The engine is up (or moved to another device).
    Ready {
        version: u32,
        adapter: Adapter,
        methods: Vec<Card>,
        models: Vec<BuiltIn>,
    },
    /// `done` of `total` units, e.g. 3 of 12 layers.
    Progress {
        done: u64,
        total: u64,
        unit: Unit,
    },
    /// A model is open; nothing is pruned yet.
    Loaded(Box<Loaded>),
    /// The masks that hold now, after a cut, an undo or a redo.
    Level(Box<Level>),
    /// `pixels`: u8 grey, 28 x 28 for each item in order.
    Predictions {
        items: Vec<Prediction>,
        pixels: BlobId,
    },
    /// Every picture, in the order of the command.
    Classified {
        items: Vec<Classified>,
    },
    Written(Box<Written>),
    /// What both models know, one for each kind of question.
    Asked {
        items: Vec<Asked>,
    },
    /// The pictures after `step` of `steps`: u8, `count` of the dense model and as many of the pruned one, each
    /// [height, width, channels].
    Drawn {
        step: u32,
        steps: u32,
        count: u32,
        height: u32,
        width: u32,
        channels: u32,
        pixels: BlobId,
    },
    /// The model without some units of one group: one point of a [`crate::Command::Sweep`].
    Swept(Swept),
    /// Who can open an export of each format, in [`crate::Format::ALL`]'s order.
    Verdicts {
        items: Vec<Verdict>,
    },
    /// `files`: one safetensors file with the model's outputs by name.
    Answered {
        files: Vec<FileOut>,
    },
    Report(Report),
    Timing(Timing),
    /// `data`: f32, `rows` x `cols`, row by row. Cells hold the mean of what they cover.
    Heat {
        param: u32,
        kind: HeatKind,
        rows: u32,
        cols: u32,
        data: BlobId,
    },
    /// Two cuts of one parameter. `data`: u8, `rows` x `cols` cells row by row, for each three shares, 0 to 255: of its
    /// entries that both cuts remove, that only the first one does, and that only the second one does.
    Contrasted {
        contrast: Contrasted,
        rows: u32,
        cols: u32,
        data: BlobId,
    },
    Exported {
        files: Vec<FileOut>,
        report: Report,
    },
    Compared(Comparison),
    /// How a training goes: the mean loss of the latest steps, and steps a second.
    Learning {
        step: u64,
        steps: u64,
        loss: f64,
        rate: f64,
        /// Other numbers that change: how much of a budget is met, a multiplier.
        #[serde(default)]
        curves: Vec<Score>,
    },
    /// The gates that a method learns, as they stand. `open`: u8 for each unit of each row, 0 closed to 255 open.
    Gates {
        step: u64,
        rows: Vec<GateRow>,
        open: BlobId,
    },
    /// A checkpoint, and in the end, when all steps are done, the trained model. `files`: the model in its checkpoint's
    /// layout and, before the end, `training.safetensors`, from which [`crate::Command::Train`] can go on.
    Trained {
        files: Vec<FileOut>,
        log: TrainLog,
    },
    Bandwidth(Bandwidth),
    Products(Products),
    Done,
    Cancelled,
    /// The job is over and the session is as it was before it.
    Failed {
        error: String,
    },
    /// The device is gone: the host should start a fresh engine and send the session's recipe again.
    DeviceLost {
        error: String,
    },
}

/// Gates of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRow {
    /// Its place in the graph's list of groups.
    pub group: u32,
    pub units: u32,
}

/// The device in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adapter {
    pub gpu: bool,
    /// As the driver says it, e.g. "NVIDIA H100" or "CPU (flex, SIMD)".
    pub name: String,
    /// A software rasteriser stands behind the GPU interface.
    pub software: bool,
    /// Why this one, in a sentence for the user.
    pub why: String,
}

/// A model that ships with the playground.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BuiltIn {
    pub id: String,
    pub title: String,
    pub sentence: String,
    /// What lies beside its model.safetensors and config.json, e.g. `tokenizer.json`.
    #[serde(default)]
    pub files: Vec<String>,
    /// Another built-in model of the same shapes that it counts as fine-tuned from.
    #[serde(default)]
    pub base: Option<String>,
}

/// What progress counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Bytes,
    Layers,
    Samples,
    Steps,
    Tokens,
}

/// An opened model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loaded {
    /// `builtin:digits-vit`, or the name of the file it came from.
    pub model: String,
    pub family: String,
    /// One sentence: family, size, where the sizes were read from.
    pub verdict: String,
    pub graph: Graph,
    /// What its tokens write, and which must stay; empty for a model that reads no texts.
    #[serde(default)]
    pub vocabulary: Vocabulary,
    /// Size of the weights' file in bytes.
    pub bytes: u64,
    /// Class names by index.
    pub labels: Vec<String>,
    /// Its architecture is known: it gives answers. Others can be looked at and cut.
    pub runs: bool,
    /// It can be asked what a picture shows: [`crate::Command::Predict`] works.
    pub classifies_pictures: bool,
    /// It goes on with a text and its tokenizer is there: [`crate::Command::Generate`] and
    /// [`crate::Command::EvaluateText`] work.
    pub writes: bool,
    /// It draws pictures: [`crate::Command::Draw`] works.
    pub draws: bool,
}

/// What is left of a model's quality without some units of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swept {
    /// The group's place in [`Graph::groups`].
    pub group: u32,
    /// How many of its units were gone.
    pub gone: u32,
    pub of: u32,
    /// As in a [`Report`].
    pub metric_name: String,
    pub metric: f64,
}

/// Who can open an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub format: Format,
    /// For each reader a sentence: that it opens the files, or why not.
    pub readers: Vec<Reader>,
}

/// Software that opens an export, or does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reader {
    /// `transformers`, `onnxruntime`, `Secateur` ...
    pub name: String,
    pub opens: bool,
    pub why: String,
}

/// The state of the masks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// None: the dense model.
    pub recipe: Option<Recipe>,
    /// Every prunable parameter, in graph order.
    pub layers: Vec<LayerLevel>,
    /// Units that are gone as a whole; the model is smaller then.
    pub removed: Vec<Gone>,
    /// How many steps undo and redo can go.
    pub undo: u32,
    pub redo: u32,
    /// What the user should know about this cut, e.g. columns left over by N:M.
    pub notes: Vec<String>,
    /// FNV-1a over all masks' bits: equal masks, equal digest.
    pub digest: String,
}

/// Units of one group that are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The group's place in [`Graph::groups`].
    pub group: u32,
    pub units: Vec<u32>,
}

/// Kept entries of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerLevel {
    pub param: u32,
    pub kept: u64,
    pub of: u64,
}

impl Level {
    /// A model of which nothing is cut.
    pub fn dense(graph: &Graph) -> Self {
        let whole = |id: ParamId| {
            let of = graph.param(id).len() as u64;
            LayerLevel { param: id.0, kept: of, of }
        };
        let (layers, digest) = (graph.prunable().map(whole).collect(), masks_digest(graph, &Masks::default()));
        Self { recipe: None, layers, removed: Vec::new(), undo: 0, redo: 0, notes: Vec::new(), digest }
    }

    /// Names the model that is left: a method may change weights under the same masks.
    pub fn model(&self) -> String {
        named(&self.digest, self.recipe.as_ref().map(|recipe| recipe.id().to_string()).as_deref())
    }

    /// Removed entries of all prunable weights.
    pub fn zeros(&self) -> u64 {
        self.layers.iter().map(|layer| layer.of - layer.kept).sum()
    }

    /// Entries of all prunable weights.
    pub fn prunable(&self) -> u64 {
        self.layers.iter().map(|layer| layer.of).sum()
    }

    /// Removed fraction of the prunable weights, 0 to 1.
    pub fn sparsity(&self) -> f64 {
        self.zeros() as f64 / (self.prunable() as f64).max(1.0)
    }
}

/// Entries of one parameter that two cuts remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contrasted {
    pub param: u32,
    pub both: u64,
    pub only_a: u64,
    pub only_b: u64,
    pub of: u64,
}

/// One picture through both models; probabilities by class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Index in the test split and its true class; None for a drawn digit.
    pub test: Option<(u32, u8)>,
    pub dense: Vec<f32>,
    pub pruned: Vec<f32>,
}

/// One of the user's pictures; the likeliest classes of each model with their probabilities, best first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classified {
    pub name: String,
    pub dense: Vec<(u32, f32)>,
    pub pruned: Vec<(u32, f32)>,
}

/// How both models went on with a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    pub prompt: Vec<Token>,
    pub dense: Vec<Token>,
    pub pruned: Vec<Token>,
    /// New tokens a second of the dense model alone, the prompt's reading included.
    pub tokens_per_second: f64,
    /// What the user should know, e.g. that the model's context is full.
    pub notes: Vec<String>,
    pub device: String,
}

/// A token in a text, and what both models thought of it after the same beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    pub id: u32,
    /// What it adds to the text; empty while a character is incomplete.
    pub text: String,
    /// Natural logarithms of its probability; none for the first token of a text.
    pub dense: Option<f32>,
    pub pruned: Option<f32>,
}

/// Questions of one kind about stories, put to the dense and the pruned model: a question is known where the story is more
/// probable as it is than with any of the wrong words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What it takes to know them: `name recall`, `object recall`, `number agreement`, `grammar`.
    pub about: String,
    pub questions: u32,
    /// The share that each model knows, 0 to 1.
    pub dense: f64,
    pub pruned: f64,
}

/// What `report.json` and `--json` say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub model: String,
    pub family: String,
    /// None: nothing pruned.
    pub method: Option<String>,
    pub recipe_id: Option<String>,
    pub params_total: u64,
    pub prunable_total: u64,
    pub prunable_zero: u64,
    /// Parameters of the pruned model: fewer where whole units went.
    pub params_left: u64,
    /// Multiply-accumulates for one sample, dense and as it is left.
    pub macs_dense: u64,
    pub macs_left: u64,
    /// prunable_zero / prunable_total
    pub sparsity_prunable: f64,
    pub bytes_dense: u64,
    /// Size of the written weights; 0 where none were written.
    pub bytes_out: u64,
    /// After an export: how far the answers of the written model, opened again, are from those of the pruned one, relative to
    /// the largest.
    pub reopened: Option<f64>,
    /// "perplexity" on a text (the lower the better; samples are tokens), "accuracy" where the true classes are known,
    /// "agreement" with the dense model's top class for other classifiers of pictures, "similarity" to the dense model's
    /// answers on inputs that mean nothing for others that run; "none" and NaN for a model of unknown architecture. What
    /// is no number is null in JSON.
    pub metric_name: String,
    pub metric_dense: f64,
    pub metric_pruned: f64,
    /// Samples behind the metric.
    pub metric_samples: u64,
    pub seconds: f64,
    pub device: String,
    pub masks_digest: String,
}

impl Report {
    /// Names the model that was measured, as [`Level::model`] does.
    pub fn model_left(&self) -> String {
        named(&self.masks_digest, self.recipe_id.as_deref())
    }
}

fn named(digest: &str, recipe: Option<&str>) -> String {
    recipe.map_or_else(|| digest.to_string(), |recipe| format!("{digest} {recipe}"))
}

/// A file to save.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileOut {
    pub name: String,
    pub data: BlobId,
}

/// Two models of the same shapes, side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub a: String,
    pub b: String,
    /// Every parameter, in graph order.
    pub params: Vec<ParamDiff>,
    /// Test pictures that both models saw.
    pub samples: u64,
    /// Largest difference between the two models' logits.
    pub max_logit_diff: f64,
    /// Fraction of pictures on which both name the same class.
    pub agreement: f64,
}

/// One parameter in two models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParamDiff {
    pub name: String,
    pub entries: u64,
    /// Entries that are not equal.
    pub differ: u64,
    pub max_abs_diff: f64,
    pub zeros_a: u64,
    pub zeros_b: u64,
}

/// How a model was trained: `train.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainLog {
    pub model: String,
    pub seed: u64,
    pub params_total: u64,
    /// Steps done, of how many.
    pub step: u64,
    pub steps: u64,
    pub marks: Vec<Mark>,
    /// Of the trained model on data that nothing else looks at; empty before the end.
    pub scores: Vec<Score>,
    pub seconds: f64,
    pub device: String,
}

/// How far a training was after some step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub step: u64,
    /// Mean training loss since the mark before.
    pub loss: f64,
    /// On the calibration split, which is not trained on.
    pub scores: Vec<Score>,
}

/// One figure about a model, e.g. its accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub name: String,
    pub value: f64,
}
