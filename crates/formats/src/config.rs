//! Reads `config.json` and its like: settings by key, with errors that name the key, what was wanted and what came.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::read_at::read_exactly;
use crate::{ReadAt, ReadError, clip};

/// No real configuration comes near; a larger file is something else.
const LIMIT_BYTES: u64 = 16 << 20;

/// Why a configuration could not be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(
        "wanted a JSON object with the model's settings, got {got}; choose the config.json that belongs to the model"
    )]
    NotSettings { got: String },
    #[error("the config lacks {key:?} ({want}); add it, or leave the config out to go by names and shapes")]
    Missing { key: &'static str, want: &'static str },
    #[error(
        "the config's {key:?} should be {want}, got {got}; correct it, or leave the config out to go by names and shapes"
    )]
    Wrong { key: &'static str, want: &'static str, got: String },
}

/// The settings in a JSON file.
pub async fn read(file: &impl ReadAt) -> Result<Value, ConfigError> {
    if file.len() > LIMIT_BYTES {
        return Err(ConfigError::NotSettings { got: format!("a file of {} bytes", file.len()) });
    }
    parse(&read_exactly(file, 0..file.len()).await?)
}

/// The settings in a JSON text.
pub fn parse(json: &[u8]) -> Result<Value, ConfigError> {
    match serde_json::from_slice(json) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(other) => Err(ConfigError::NotSettings { got: describe(&other) }),
        Err(error) => Err(ConfigError::NotSettings { got: format!("no JSON: {}", clip(&error.to_string())) }),
    }
}

/// A setting that must be there.
pub fn need<T: Setting>(config: &Value, key: &'static str) -> Result<T, ConfigError> {
    optional(config, key)?.ok_or(ConfigError::Missing { key, want: T::WANT })
}

/// A setting that may be absent or null; a wrong one is still an error.
pub fn optional<T: Setting>(config: &Value, key: &'static str) -> Result<Option<T>, ConfigError> {
    match config.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match T::from_json(value) {
            Some(setting) => Ok(Some(setting)),
            None => Err(ConfigError::Wrong { key, want: T::WANT, got: describe(value) }),
        },
    }
}

/// The value as it stands in the file, cut short.
fn describe(value: &Value) -> String {
    clip(&value.to_string())
}

/// What a setting can be.
pub trait Setting: Sized {
    /// In words, for error messages.
    const WANT: &'static str;
    fn from_json(value: &Value) -> Option<Self>;
}

impl Setting for usize {
    const WANT: &'static str = "a whole number";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }
}

impl Setting for f64 {
    const WANT: &'static str = "a number";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_f64()
    }
}

impl Setting for bool {
    const WANT: &'static str = "true or false";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Setting for String {
    const WANT: &'static str = "a text";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl Setting for Vec<usize> {
    const WANT: &'static str = "a list of whole numbers";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(usize::from_json).collect()
    }
}

impl Setting for Vec<f64> {
    const WANT: &'static str = "a list of numbers";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(f64::from_json).collect()
    }
}

impl Setting for Vec<String> {
    const WANT: &'static str = "a list of texts";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(String::from_json).collect()
    }
}

impl Setting for BTreeMap<String, String> {
    const WANT: &'static str = "an object of texts";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_object()?.iter().map(|(key, value)| Some((key.clone(), String::from_json(value)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said<T: Setting + std::fmt::Debug>(config: &Value) -> String {
        need::<T>(config, "it").unwrap_err().to_string()
    }

    #[test]
    fn settings_come_in_their_type() {
        let config = json!({ "hidden_size": 64, "layer_norm_eps": 1e-12, "qkv_bias": true, "image_mean": [0.5, 1],
                             "id2label": { "0": "cat" }, "architectures": ["ViT"], "image_size": null });
        assert_eq!(need(&config, "hidden_size"), Ok(64usize));
        assert_eq!(need(&config, "layer_norm_eps"), Ok(1e-12));
        assert_eq!(need(&config, "qkv_bias"), Ok(true));
        assert_eq!(need(&config, "image_mean"), Ok(vec![0.5, 1.0]));
        assert_eq!(need(&config, "architectures"), Ok(vec!["ViT".to_string()]));
        assert_eq!(need(&config, "id2label"), Ok(BTreeMap::from([("0".to_string(), "cat".to_string())])));
        assert_eq!(optional::<usize>(&config, "image_size"), Ok(None));
        assert_eq!(optional::<usize>(&config, "patch_size"), Ok(None));
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_was_wanted_and_what_came() {
        assert!(said::<usize>(&json!({})).contains("lacks \"it\" (a whole number)"));
        assert!(said::<usize>(&json!({ "it": -1 })).contains("\"it\" should be a whole number, got -1"));
        assert!(said::<usize>(&json!({ "it": 2.5 })).contains("got 2.5"));
        assert!(said::<Vec<usize>>(&json!({ "it": [1, "2"] })).contains("a list of whole numbers, got [1,\"2\"]"));
        assert!(said::<bool>(&json!({ "it": "x\n".repeat(9_000) })).len() < 300);
    }

    #[test]
    fn what_is_no_config_is_refused() {
        for (json, got) in [("[1]", "got [1]"), ("", "no JSON"), ("<html>", "no JSON"), ("{\"a\":", "no JSON")] {
            let error = parse(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("wanted a JSON object") && error.contains(got), "{error}");
        }
    }
}
