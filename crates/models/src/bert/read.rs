//! Such a model's kind, head and sizes from its configuration and its tensors.

use secateur_formats::quote;
use secateur_graph::ops::Activation;

use super::words::{ALL, BERT, DISTILBERT, ROBERTA, Words};
use super::{Head, Sizes};
use crate::source::{Source, Witness};
use crate::{ModelError, Tensors, settings};

/// BERT's own; RoBERTa's published models have another.
const EPS: f64 = 1e-12;
const ROBERTA_EPS: f64 = 1e-5;

/// RoBERTa's padding token, after which positions are counted.
const PADDING: usize = 1;

impl Sizes {
    /// What is neither in the configuration nor in the tensors is assumed, and said so.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let words = words(source, assumed)?;
        only_encoders(source)?;
        let head = Head::read(source, words)?;
        if head == Head::Masked {
            settings::only(source, "tie_word_embeddings", true)?;
        }
        let prefix = prefix(source, words, head);
        let keys = &words.settings;
        let table = |part: &str| format!("{prefix}embeddings.{part}_embeddings.weight");
        let (tokens, positions, types) = (table("word"), table("position"), table("token_type"));
        let rows = |tensor| Witness { tensor, axis: 0, axes: 2 };
        let features = source.size(keys.features, Witness { tensor: &tokens, axis: 1, axes: 2 })?;
        let layers = format!("{prefix}{}.", words.layer.list);
        let up = format!("{layers}0.{}.weight", words.layer.up);
        Ok(Self {
            words,
            variant: variant(source, words)?,
            head,
            prefix,
            vocabulary: source.size("vocab_size", rows(&tokens))?,
            positions: source.size("max_position_embeddings", rows(&positions))?,
            first: first(source, words, assumed)?,
            types: keys.types.map(|key| source.size(key, rows(&types))).transpose()?,
            features,
            layers: settings::layers(source, keys.layers, &layers)?,
            heads: settings::heads(source, keys.heads, (keys.features, features), head_size(features), assumed)?,
            hidden: source.size(keys.hidden, rows(&up))?,
            activation: settings::activation(source, keys.activation, Activation::Gelu, assumed)?,
            eps: eps(source, words, assumed)?,
        })
    }
}

/// The relative: as the config's `model_type` says, else as the tensors' names show.
fn words(source: &Source, assumed: &mut Vec<String>) -> Result<&'static Words, ModelError> {
    let word: Option<String> = source.setting("model_type")?;
    let said = word.and_then(|word| ALL.into_iter().find(|words| words.model_types.contains(&word.as_str())));
    let starts = |tensors: &Tensors, start| tensors.names().any(|name| name.starts_with(start));
    let shown = |tensors| ALL.into_iter().find(|words| starts(tensors, words.prefix));
    match said.or(source.tensors.and_then(shown)) {
        Some(words) => Ok(words),
        None if source.has("transformer.layer.0.attention.q_lin.weight") => Ok(&DISTILBERT),
        None => bare(source, assumed),
    }
}

/// Which of the names for the same relative the config has.
fn variant(source: &Source, words: &Words) -> Result<usize, ModelError> {
    let word: Option<String> = source.setting("model_type")?;
    let same = |word: String| words.model_types.iter().position(|known| *known == word);
    Ok(word.and_then(same).unwrap_or(0))
}

/// Bare BERTs and RoBERTas have the same names; published BERTs have two kinds of segments.
fn bare(source: &Source, assumed: &mut Vec<String>) -> Result<&'static Words, ModelError> {
    let table = "embeddings.token_type_embeddings.weight";
    if source.tensors.and_then(|tensors| tensors.shape(table)?.first().copied()) != Some(2) {
        let what = "the tensors do not show whether this is a BERT or a RoBERTa, which count positions differently";
        return Err(ModelError::unsupported(what, settings::ASK));
    }
    assumed.push("BERT".into());
    Ok(&BERT)
}

/// Settings that make another model of it.
fn only_encoders(source: &Source) -> Result<(), ModelError> {
    settings::only(source, "is_decoder", false)?;
    settings::only(source, "add_cross_attention", false)?;
    let key = "position_embedding_type";
    match source.setting::<String>(key)? {
        Some(word) if word != "absolute" => {
            Err(ModelError::setting(key, "\"absolute\", which is what is supported", quote(&word)))
        }
        _ => Ok(()),
    }
}

impl Head {
    /// As the tensors show; without tensors, as the config's class says. Another class could use the same tensors in
    /// another way, so it is refused in both cases.
    fn read(source: &Source, words: &Words) -> Result<Self, ModelError> {
        let classes: Option<Vec<String>> = source.setting("architectures")?;
        let said = match classes.unwrap_or_default().first() {
            Some(class) => Some(Self::of_class(class, words)?),
            None => None,
        };
        let shown = |tensors: &Tensors| {
            let starts = |start: &str| tensors.names().any(|name| name.starts_with(start));
            if starts(words.masked.start) {
                Self::Masked
            } else if starts("classifier.") || starts("pre_classifier.") {
                Self::Classes
            } else {
                Self::Bare
            }
        };
        Ok(source.tensors.map(shown).or(said).unwrap_or(Self::Bare))
    }

    fn of_class(class: &str, words: &Words) -> Result<Self, ModelError> {
        let rest = words.classes.iter().find_map(|start| class.strip_prefix(start));
        match rest {
            Some("Model") => Ok(Self::Bare),
            Some("ForMaskedLM" | "ForPreTraining") => Ok(Self::Masked),
            Some("ForSequenceClassification") => Ok(Self::Classes),
            _ => {
                let start = words.classes[0];
                let want = format!("{start}Model, {start}ForMaskedLM or {start}ForSequenceClassification");
                Err(ModelError::setting("architectures", want, quote(class)))
            }
        }
    }

    /// What Hugging Face calls a model with it, after the relative's name.
    pub fn class(self) -> &'static str {
        match self {
            Self::Bare => "Model",
            Self::Masked => "ForMaskedLM",
            Self::Classes => "ForSequenceClassification",
        }
    }
}

/// What the tensors' names start with: nothing, as in bare models, or the relative's word.
fn prefix(source: &Source, words: &'static Words, head: Head) -> &'static str {
    let tensor = "embeddings.word_embeddings.weight";
    let bare = source.has(tensor) || (head == Head::Bare && !source.has(&format!("{}{tensor}", words.prefix)));
    if bare { "" } else { words.prefix }
}

/// The first token's row in the table of positions.
fn first(source: &Source, words: &Words, assumed: &mut Vec<String>) -> Result<usize, ModelError> {
    let Some(key) = words.settings.padding else { return Ok(0) };
    let said: Option<usize> = source.setting(key)?;
    if said.is_none() {
        assumed.push(format!("padding token {PADDING}"));
    }
    Ok(said.unwrap_or(PADDING).saturating_add(1))
}

/// Features to a head in published models. With 256 features there are models of 4 heads and of 8.
fn head_size(features: usize) -> Option<usize> {
    match features {
        256 => None,
        384 => Some(32),
        _ => Some(64),
    }
}

fn eps(source: &Source, words: &Words, assumed: &mut Vec<String>) -> Result<f64, ModelError> {
    let published = source.config.is_none() && words.title == ROBERTA.title;
    let usual = if published { ROBERTA_EPS } else { EPS };
    match words.settings.eps {
        Some(key) => settings::eps(source, key, usual, assumed),
        None => Ok(EPS),
    }
}
