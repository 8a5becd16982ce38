//! What the families of the diffusers library share: how its settings are written and its smallest modules.

use secateur_formats::config::Setting;
use secateur_formats::quote;
use secateur_graph::ops::{Activation, Attention, Input, Linear, Timestep};
use secateur_graph::{Builder, GraphError, NodeId};
use serde_json::Value;

use crate::ModelError;
use crate::settings::Pair;
use crate::source::{Source, bounded};

/// A bound for arithmetic and memory, far above real models.
const LARGEST_SIDE: usize = 1 << 13;

/// One number for all, or a list with one for each.
pub enum Numbers {
    All(usize),
    Each(Vec<usize>),
}

impl Setting for Numbers {
    const WANT: &'static str = "a whole number or a list of them";

    fn from_json(value: &Value) -> Option<Self> {
        usize::from_json(value).map(Self::All).or_else(|| Vec::from_json(value).map(Self::Each))
    }
}

/// A setting that no tensor shows and that has no usual value.
pub fn need<T: Setting>(source: &Source, key: &'static str) -> Result<T, ModelError> {
    source.setting(key)?.ok_or_else(|| ModelError::setting(key, T::WANT, "nothing"))
}

/// `count` numbers, else `usual` for all.
pub fn numbers(source: &Source, key: &'static str, count: usize, usual: usize) -> Result<Vec<usize>, ModelError> {
    match source.setting(key)?.unwrap_or(Numbers::All(usual)) {
        Numbers::All(number) => Ok(vec![number; count]),
        Numbers::Each(list) if list.len() == count => Ok(list),
        Numbers::Each(list) => Err(ModelError::setting(
            key,
            format!("one number, or a list of {count}"),
            format!("a list of {}", list.len()),
        )),
    }
}

/// (height, width) of the pictures.
pub fn sample_size(source: &Source) -> Result<(usize, usize), ModelError> {
    let Pair(height, width) = need(source, "sample_size")?;
    Ok((bounded("sample_size", height, LARGEST_SIDE)?, bounded("sample_size", width, LARGEST_SIDE)?))
}

/// A setting that changes the numbers and is supported with one meaning only, which its absence has too.
pub fn fixed(source: &Source, key: &'static str, words: &[Value]) -> Result<(), ModelError> {
    let got = match source.config.and_then(|config| config.get(key)) {
        None | Some(Value::Null) => return Ok(()),
        Some(got) => got,
    };
    let same = |word: &Value| word == got || (word.is_number() && word.as_f64() == got.as_f64());
    if words.iter().any(same) {
        return Ok(());
    }
    let got = got.as_str().map_or_else(|| quote(&got.to_string()), quote);
    let words: Vec<String> = words.iter().map(Value::to_string).collect();
    Err(ModelError::setting(key, format!("{}, which is what is supported", words.join(" or ")), got))
}

/// `TimestepEmbedding`: [waves] -> [features]
pub fn embed_time(g: &mut Builder, name: &str, waves: NodeId, features: usize) -> Result<NodeId, GraphError> {
    let part = |part: &str| format!("{name}.{part}");
    let inputs = g.shape(waves)[0];
    let x = g.add(&part("linear_1"), Linear::new(inputs, features, true), &[waves])?;
    let x = g.add(&part("act"), Activation::Silu, &[x])?;
    g.add(&part("linear_2"), Linear::new(features, features, true), &[x])
}

/// The time step as sines and cosines.
pub fn waves(g: &mut Builder, waves: Timestep) -> Result<NodeId, GraphError> {
    let timestep = g.add("timestep", Input::new(&[]), &[])?;
    g.add("time_proj", waves, &[timestep])
}

/// `Attention`: how its matrices are called and its heads cut.
pub struct Heads {
    pub count: usize,
    pub size: usize,
    /// Of queries, keys and values; the output always has one.
    pub bias: bool,
    pub names: [&'static str; 4],
}

/// Queries, keys, values and the output.
pub const NAMES: [&str; 4] = ["to_q", "to_k", "to_v", "to_out.0"];

impl Heads {
    /// Tokens `x` [tokens, features] look at the tokens `at`, which may have other features -> the shape of `x`
    pub fn attend(&self, g: &mut Builder, name: &str, x: NodeId, at: NodeId) -> Result<NodeId, GraphError> {
        let inner = self.count.saturating_mul(self.size);
        let (features, seen) = (g.shape(x)[1], g.shape(at)[1]);
        let [q, k, v, out] = self.names.map(|part| format!("{name}.{part}"));
        let q = g.add(&q, Linear::new(features, inner, self.bias), &[x])?;
        let k = g.add(&k, Linear::new(seen, inner, self.bias), &[at])?;
        let v = g.add(&v, Linear::new(seen, inner, self.bias), &[at])?;
        let x = g.add(name, Attention::full(self.count, self.size), &[q, k, v])?;
        g.add(&out, Linear::new(inner, features, true), &[x])
    }
}
