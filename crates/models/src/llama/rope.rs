//! How a configuration describes rotary positions: in one `rope_parameters`, or in `rope_theta` and `rope_scaling` as
//! before transformers 5.

use secateur_formats::config::Setting;
use secateur_formats::quote;
use secateur_graph::ops::RotaryScaling;
use serde_json::{Value, json};

use super::read::MOST_TOKENS;
use crate::source::{Source, bounded};
use crate::ModelError;

/// What configurations from before `rope_theta` mean.
const BASE: f64 = 10_000.0;

/// Far beyond all real bases, factors and lengths, and still arithmetic without surprises.
const NUMBERS: std::ops::RangeInclusive<f64> = 1e-6..=1e12;

/// A setting with settings of its own.
struct Table(Value);

impl Setting for Table {
    const WANT: &'static str = "an object of settings";

    fn from_json(value: &Value) -> Option<Self> {
        value.is_object().then(|| Self(value.clone()))
    }
}

/// The base of the angles and how they are changed for longer texts; `context` is the model's longest text.
pub fn read(
    source: &Source,
    context: usize,
    assumed: &mut Vec<String>,
) -> Result<(f64, RotaryScaling), ModelError> {
    let table = match source.setting("rope_scaling")? {
        Some(Table(table)) if table.as_object().is_some_and(|table| !table.is_empty()) => table,
        _ => source.setting("rope_parameters")?.map_or(Value::Null, |Table(table)| table),
    };
    let table = Source { config: Some(&table), tensors: None };
    whole_heads(source)?;
    whole_heads(&table)?;
    one_for_all(&table)?;
    let base = number(&table, "rope_theta")?.or(number(source, "rope_theta")?);
    if base.is_none() {
        assumed.push(format!("rotary positions of base {BASE}"));
    }
    let base = base.unwrap_or(BASE);
    if base < 1.0 {
        return Err(ModelError::setting("rope_theta", "at least 1", base));
    }
    Ok((base, scaling(source, &table, context)?))
}

fn scaling(source: &Source, table: &Source, context: usize) -> Result<RotaryScaling, ModelError> {
    let word: Option<String> = table.setting("rope_type")?.or(table.setting("type")?);
    match word.as_deref().unwrap_or("default") {
        "default" => Ok(RotaryScaling::None),
        "linear" => Ok(RotaryScaling::Linear { factor: needed(table, "factor")? }),
        "llama3" => {
            let key = "original_max_position_embeddings";
            let (factor, low) = (needed(table, "factor")?, needed(table, "low_freq_factor")?);
            let high = needed(table, "high_freq_factor")?;
            if low >= high {
                return Err(ModelError::setting("high_freq_factor", format!("above low_freq_factor = {low}"), high));
            }
            let tokens = source.setting(key)?.or(table.setting(key)?).unwrap_or(context);
            let original_tokens = bounded(key, tokens, MOST_TOKENS)? as f64;
            Ok(RotaryScaling::Llama3 { factor, low, high, original_tokens })
        }
        other => {
            let want = "\"default\", \"linear\" or \"llama3\", which are the supported ones";
            Err(ModelError::setting("rope_type", want, quote(other)))
        }
    }
}

/// Rotations of a part of each head are another model's.
fn whole_heads(settings: &Source) -> Result<(), ModelError> {
    let key = "partial_rotary_factor";
    match number(settings, key)? {
        Some(part) if part != 1.0 => Err(ModelError::setting(key, "1, which is what is supported", part)),
        _ => Ok(()),
    }
}

/// Other positions for each type of layer are another model's.
fn one_for_all(table: &Source) -> Result<(), ModelError> {
    for key in ["full_attention", "sliding_attention"] {
        if table.setting::<Table>(key)?.is_some() {
            let want = "positions for all layers alike, which is what is supported";
            return Err(ModelError::setting("rope_parameters", want, format!("some for {key}")));
        }
    }
    Ok(())
}

fn needed(table: &Source, key: &'static str) -> Result<f64, ModelError> {
    number(table, key)?.ok_or_else(|| ModelError::setting(key, "in the settings of the rotary positions", "nothing"))
}

fn number(settings: &Source, key: &'static str) -> Result<Option<f64>, ModelError> {
    match settings.setting(key)? {
        Some(got) if !NUMBERS.contains(&got) => {
            let want = format!("from {:e} to {:e}", NUMBERS.start(), NUMBERS.end());
            Err(ModelError::setting(key, want, got))
        }
        number => Ok(number),
    }
}

/// As transformers 5 writes it.
pub fn written(base: f64, scaling: RotaryScaling) -> Value {
    match scaling {
        RotaryScaling::None => json!({ "rope_type": "default", "rope_theta": base }),
        RotaryScaling::Linear { factor } => json!({ "rope_type": "linear", "rope_theta": base, "factor": factor }),
        RotaryScaling::Llama3 { factor, low, high, original_tokens } => json!({
            "rope_type": "llama3", "rope_theta": base, "factor": factor, "low_freq_factor": low,
            "high_freq_factor": high, "original_max_position_embeddings": original_tokens as u64,
        }),
    }
}
