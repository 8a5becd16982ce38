use std::fmt;

use secateur_formats::onnx::OnnxError;
use secateur_formats::{ConfigError, quote};
use secateur_graph::GraphError;

/// Why no model could be made of a file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    #[error(
        "wanted a model of a known family ({known}), but {got}; save one of these with its upstream names, and put its \
         config.json beside it"
    )]
    Unknown { known: String, got: String },
    #[error("{what}; {next}")]
    Unsupported { what: String, next: &'static str },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the config's {key:?} should be {want}, got {got}; choose the config.json that belongs to the model")]
    Setting { key: &'static str, want: String, got: String },
    #[error(
        "the config's {key:?} is {config}, but axis {axis} of {tensor} {shape:?} says {size}; choose the config.json \
         that belongs to the model, or leave it out"
    )]
    Disagree { key: &'static str, config: usize, tensor: String, axis: usize, shape: Vec<usize>, size: usize },
    #[error(transparent)]
    Misfit(Box<Misfit>),
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    #[error("{0}; these layers do not fit together, check the config's sizes")]
    Graph(#[from] GraphError),
}

impl ModelError {
    pub(crate) fn setting(key: &'static str, want: impl Into<String>, got: impl ToString) -> Self {
        Self::Setting { key, want: want.into(), got: got.to_string() }
    }

    pub(crate) fn unsupported(what: impl Into<String>, next: &'static str) -> Self {
        Self::Unsupported { what: what.into(), next }
    }
}

/// How a file's tensors differ from those the model needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Misfit {
    /// The model they were compared with, in words.
    pub model: String,
    /// Name and shape of each tensor that the model needs and the file lacks.
    pub missing: Vec<(String, Vec<usize>)>,
    pub wrong: Vec<WrongTensor>,
    /// Tensors that the model has no use for.
    pub extra: Vec<String>,
}

/// A tensor of the right name that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct WrongTensor {
    pub name: String,
    /// Shape, or element types.
    pub want: String,
    pub got: String,
}

impl Misfit {
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.wrong.is_empty() && self.extra.is_empty()
    }
}

impl std::error::Error for Misfit {}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file's tensors are not those of a {}: ", self.model)?;
        let missing = |(name, shape): &(String, Vec<usize>)| format!("{} {shape:?}", quote(name));
        let wrong = |WrongTensor { name, want, got }: &WrongTensor| format!("{} is {got}, not {want}", quote(name));
        let parts = [
            listed("missing ", &self.missing, missing),
            listed("", &self.wrong, wrong),
            listed("not part of it ", &self.extra, |name| quote(name)),
        ];
        write!(f, "{}; ", parts.into_iter().flatten().collect::<Vec<_>>().join("; "))?;
        f.write_str("choose the complete file and the config.json that belongs to it")
    }
}

/// The first few items in words, and how many more there are.
pub fn listed<T>(before: &str, items: &[T], word: impl Fn(&T) -> String) -> Option<String> {
    const SHOWN: usize = 6;
    let words: Vec<String> = items.iter().take(SHOWN).map(word).collect();
    let more = match items.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!items.is_empty()).then(|| format!("{before}{}{more}", words.join(", ")))
}
