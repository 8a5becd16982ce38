//! Settings that several families have under names of their own.

use secateur_formats::config::Setting;
use secateur_formats::quote;
use secateur_graph::ops::Activation;
use serde_json::{Value, json};

use crate::ModelError;
use crate::source::{Source, Witness, bounded};

/// What to do where the tensors do not show a size.
pub const ASK: &str = "put the model's config.json beside it";

/// A bound for arithmetic and memory, far above real models.
const MOST_LAYERS: usize = 1000;

/// Elementwise functions as Hugging Face names them; the first word of each is the one we write.
const ACTIVATIONS: &[(&str, Activation)] = &[
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_accurate", Activation::GeluTanh),
    ("gelu_tanh", Activation::GeluTanh),
    ("quick_gelu", Activation::QuickGelu),
    ("relu", Activation::Relu),
    ("relu6", Activation::Relu6),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("tanh", Activation::Tanh),
    ("sigmoid", Activation::Sigmoid),
];

/// The number of layers, whose tensors' names start with `before` and their number. Layers missing from the file are
/// named one by one later, so here the configuration has the word.
pub fn layers(source: &Source, key: &'static str, before: &str) -> Result<usize, ModelError> {
    let shown = source.tensors.map(|tensors| tensors.numbered(before));
    bounded(key, source.setting(key)?.or(shown).unwrap_or(0), MOST_LAYERS)
}

/// The number of heads that share `features`, which the config calls `width`. Weights do not show it: without a
/// configuration it is `size` features to a head, if published models leave no doubt.
pub fn heads(
    source: &Source,
    key: &'static str,
    (width, features): (&str, usize),
    size: Option<usize>,
    assumed: &mut Vec<String>,
) -> Result<usize, ModelError> {
    if let Some(heads) = source.setting(key)? {
        let want = || format!("a divisor of {width} = {features}");
        let fits = features.checked_rem(heads) == Some(0);
        return fits.then_some(heads).ok_or_else(|| ModelError::setting(key, want(), heads));
    }
    let Some(size) = size.filter(|size| features.is_multiple_of(*size)) else {
        let what = format!("the tensors do not show how many attention heads share the {features} features");
        return Err(ModelError::unsupported(what, ASK));
    };
    assumed.push(format!("{} heads of {size} features", features / size));
    Ok(features / size)
}

/// The elementwise function under `key`, else `usual`, which is said.
pub fn activation(
    source: &Source,
    key: &'static str,
    usual: Activation,
    assumed: &mut Vec<String>,
) -> Result<Activation, ModelError> {
    let Some(word) = source.setting::<String>(key)? else {
        assumed.push(secateur_graph::OpRule::title(&usual));
        return Ok(usual);
    };
    let found = ACTIVATIONS.iter().find(|(known, _)| *known == word);
    found.map(|(_, activation)| *activation).ok_or_else(|| {
        let known: Vec<_> = ACTIVATIONS.iter().map(|(known, _)| *known).collect();
        ModelError::setting(key, format!("one of {}, which are supported", known.join(", ")), quote(&word))
    })
}

/// What Hugging Face calls it.
pub fn activation_word(activation: Activation) -> &'static str {
    let same = |entry: &&(&str, Activation)| entry.1 == activation;
    ACTIVATIONS.iter().find(same).map_or("none", |(word, _)| *word)
}

/// What a norm adds to the variance, else `usual`, which is said.
pub fn eps(source: &Source, key: &'static str, usual: f64, assumed: &mut Vec<String>) -> Result<f64, ModelError> {
    let said: Option<f64> = source.setting(key)?;
    if said.is_none() {
        assumed.push(format!("norm ε = {usual:e}"));
    }
    let eps = said.unwrap_or(usual);
    let fits = (0.0..1.0).contains(&eps);
    fits.then_some(eps).ok_or_else(|| ModelError::setting(key, "a number from 0 to 1", eps))
}

/// Whether modules have a bias (or another part that some of a family's models lack): as the config says, else as
/// `tensor` shows, else `usual`.
pub fn present(source: &Source, key: &'static str, tensor: &str, usual: bool) -> Result<bool, ModelError> {
    let shown = source.tensors.map_or(usual, |tensors| tensors.has(tensor));
    Ok(source.setting(key)?.unwrap_or(shown))
}

/// A switch that changes the numbers and is supported in one position only.
pub fn only(source: &Source, key: &'static str, want: bool) -> Result<(), ModelError> {
    match source.setting::<bool>(key)? {
        Some(got) if got != want => Err(ModelError::setting(key, format!("{want}, which is what is supported"), got)),
        _ => Ok(()),
    }
}

/// A size that is written as one number or as a pair [height, width].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair(pub usize, pub usize);

impl Setting for Pair {
    const WANT: &'static str = "a whole number or a list of two";

    fn from_json(value: &Value) -> Option<Self> {
        match usize::from_json(value) {
            Some(side) => Some(Self(side, side)),
            None => match Vec::from_json(value)?.as_slice() {
                [height, width] => Some(Self(*height, *width)),
                _ => None,
            },
        }
    }
}

impl Pair {
    /// As configurations have it.
    pub fn json(self) -> Value {
        let Self(height, width) = self;
        if height == width { json!(height) } else { json!([height, width]) }
    }
}

/// A size for each of the named tensors: a list under `key`, an axis of each tensor.
pub fn sizes(
    source: &Source,
    key: &'static str,
    tensors: &[String],
    (axis, axes): (usize, usize),
) -> Result<Vec<usize>, ModelError> {
    let said: Option<Vec<usize>> = source.setting(key)?;
    if let Some(list) = said.as_ref().filter(|list| list.len() != tensors.len()) {
        let want = format!("a list of {} sizes", tensors.len());
        return Err(ModelError::setting(key, want, format!("{} of them", list.len())));
    }
    let size = |(at, tensor): (usize, &String)| {
        source.agreed(key, said.as_ref().map(|list| list[at]), Witness { tensor, axis, axes })
    };
    tensors.iter().enumerate().map(size).collect()
}

/// One of several words under `key`, else `shown`.
pub fn word(
    source: &Source,
    key: &'static str,
    words: &[&'static str],
    shown: &'static str,
) -> Result<&'static str, ModelError> {
    let Some(said) = source.setting::<String>(key)? else { return Ok(shown) };
    words.iter().find(|word| **word == said).copied().ok_or_else(|| {
        let want = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" or ");
        ModelError::setting(key, want, quote(&said))
    })
}

/// The settings under `key`, for configurations that hold others.
pub fn under<'a>(source: &Source<'a>, key: &'static str) -> Result<Source<'a>, ModelError> {
    let config = source.config.and_then(|config| config.get(key)).filter(|value| !value.is_null());
    match config.filter(|config| !config.is_object()) {
        Some(other) => Err(ModelError::setting(key, "an object of settings", quote(&other.to_string()))),
        None => Ok(Source { config, tensors: source.tensors }),
    }
}
