use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Card, Field, Kind, fnv1a};

/// One setting's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Number(f64),
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Settings by key, sorted.
pub type Values = BTreeMap<String, Value>;

/// All it takes to repeat a run: method, settings that differ from the defaults, seed.
///
/// Made through [`Recipe::new`], which checks the settings against the method's [`Card`] and leaves
/// defaults out, so equal runs are equal recipes and have equal ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    pub method: String,
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub values: Values,
    #[serde(default)]
    pub seed: u64,
}

/// Names a recipe: a hash of its canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecipeId(pub u64);

impl fmt::Display for RecipeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecipeError {
    #[error("the recipe is for method {got}, not {want}")]
    Method { want: String, got: String },
    #[error("{method} has no setting {key:?}; it has {known}")]
    Unknown { method: String, key: String, known: String },
    #[error("{key} = {got}: wanted {want}")]
    Value { key: String, got: String, want: String },
    #[error("not a recipe: {0}")]
    Form(String),
}

impl Recipe {
    /// Checks every value against the card, puts it into its one written form and drops defaults.
    pub fn new(card: &Card, values: Values, seed: u64) -> Result<Self, RecipeError> {
        let mut kept = Values::new();
        for (key, value) in values {
            let field = card.field(&key).ok_or_else(|| RecipeError::Unknown {
                method: card.id.to_string(),
                known: card.fields.iter().map(|field| field.key.as_ref()).collect::<Vec<_>>().join(", "),
                key: key.clone(),
            })?;
            let value = field.check(value)?;
            if value != field.default() {
                kept.insert(key, value);
            }
        }
        Ok(Self { method: card.id.to_string(), values: kept, seed })
    }

    /// The same recipe checked against its card; for recipes that came from a file or a URL.
    pub fn checked(self, card: &Card) -> Result<Self, RecipeError> {
        if self.method != card.id {
            return Err(RecipeError::Method { want: card.id.to_string(), got: self.method });
        }
        Self::new(card, self.values, self.seed)
    }

    /// A value, or the card's default for it. `key` is one of the card's fields.
    pub fn value(&self, card: &Card, key: &str) -> Option<Value> {
        self.values.get(key).cloned().or_else(|| card.field(key).map(Field::default))
    }

    /// One line that two equal runs share: keys sorted, defaults left out.
    pub fn canonical(&self) -> String {
        let mut line = format!("method={}&seed={}", encode(&self.method), self.seed);
        for (key, value) in &self.values {
            line.push_str(&format!("&{}={}", encode(key), encode(&value.to_string())));
        }
        line
    }

    pub fn id(&self) -> RecipeId {
        RecipeId(fnv1a(self.canonical().as_bytes()))
    }

    /// Reads [`Recipe::canonical`] back; keys in `skip` belong to somebody else (the page's view state).
    pub fn from_canonical(line: &str, skip: &[&str]) -> Result<Self, RecipeError> {
        let mut recipe = Self { method: String::new(), values: Values::new(), seed: 0 };
        for pair in line.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| RecipeError::Form(format!("{pair:?} has no '='")))?;
            let (key, value) = (decode(key)?, decode(value)?);
            match key.as_str() {
                "method" => recipe.method = value,
                "seed" => {
                    recipe.seed =
                        value.parse().map_err(|_| RecipeError::Form(format!("seed {value:?} is not a whole number")))?
                }
                key if skip.contains(&key) => {}
                _ => {
                    let value = value.parse().map_or(Value::Text(value), Value::Number);
                    recipe.values.insert(key, value);
                }
            }
        }
        if recipe.method.is_empty() {
            return Err(RecipeError::Form("no method named".into()));
        }
        Ok(recipe)
    }
}

impl Field {
    pub fn default(&self) -> Value {
        match &self.kind {
            Kind::Number { default, .. } => Value::Number(*default),
            Kind::Whole { default, .. } => Value::Number(*default as f64),
            Kind::Choice { default, .. } => Value::Text(default.to_string()),
            Kind::Words => Value::Text(String::new()),
        }
    }

    /// The value in its one written form, or what was wanted instead.
    pub fn check(&self, value: Value) -> Result<Value, RecipeError> {
        let wrong = |want: String| RecipeError::Value { key: self.key.to_string(), got: value.to_string(), want };
        match (&self.kind, &value) {
            (Kind::Choice { options, .. }, _) => {
                let text = value.to_string();
                if options.iter().any(|option| *option == text) {
                    Ok(Value::Text(text))
                } else {
                    Err(wrong(format!("one of {}", options.join(", "))))
                }
            }
            (Kind::Words, _) => Ok(Value::Text(value.to_string())),
            (Kind::Number { min, max, .. }, _) => match number(&value) {
                Some(number) if (*min..=*max).contains(&number) => Ok(Value::Number(number)),
                _ => Err(wrong(format!("a number from {min} to {max}"))),
            },
            (Kind::Whole { min, max, .. }, _) => match number(&value) {
                Some(number) if number.fract() == 0.0 && (*min as f64..=*max as f64).contains(&number) => {
                    Ok(Value::Number(number))
                }
                _ => Err(wrong(format!("a whole number from {min} to {max}"))),
            },
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
    }
}

/// Percent-encoding for a URL fragment (RFC 3986 §2.1): all but unreserved characters and ':'.
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn decode(text: &str) -> Result<String, RecipeError> {
    let wrong = || RecipeError::Form(format!("{text:?} is not percent-encoded text"));
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let hex = [bytes.next().ok_or_else(wrong)?, bytes.next().ok_or_else(wrong)?];
        let hex = std::str::from_utf8(&hex).map_err(|_| wrong())?;
        out.push(u8::from_str_radix(hex, 16).map_err(|_| wrong())?);
    }
    String::from_utf8(out).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::Filing;

    fn card() -> Card {
        let text = Cow::Borrowed;
        Card {
            id: text("toy"),
            name: text(""),
            paper: text(""),
            authors: text(""),
            year: 2026,
            arxiv: text(""),
            sentence: text(""),
            when: text(""),
            formula: text(""),
            differs: text(""),
            needs: Vec::new(),
            filing: Filing::plain(),
            fields: vec![
                Field::number("sparsity", 0.5, 0.0, 1.0, ""),
                Field::whole("m", 4, 2, 16, ""),
                Field::choice("pattern", "unstructured", &["unstructured", "n:m"], ""),
            ],
        }
    }

    fn recipe(values: &[(&str, Value)]) -> Result<Recipe, RecipeError> {
        Recipe::new(&card(), values.iter().map(|(key, value)| (key.to_string(), value.clone())).collect(), 7)
    }

    #[test]
    fn defaults_do_not_change_the_id() {
        let spelled_out = recipe(&[("sparsity", Value::Text("0.50".into())), ("m", Value::Number(4.0))]).unwrap();
        assert_eq!(spelled_out, recipe(&[]).unwrap());
        assert_ne!(spelled_out.id(), recipe(&[("sparsity", Value::Number(0.6))]).unwrap().id());
    }

    #[test]
    fn ids_never_move() {
        assert_eq!(recipe(&[("sparsity", Value::Number(0.8))]).unwrap().canonical(), "method=toy&seed=7&sparsity=0.8");
        assert_eq!(recipe(&[("sparsity", Value::Number(0.8))]).unwrap().id().to_string(), "6c47ec7109336816");
    }

    #[test]
    fn the_url_form_reads_back() {
        let asked = recipe(&[("pattern", Value::Text("n:m".into())), ("sparsity", Value::Number(0.25))]).unwrap();
        let line = format!("{}&layer=3", asked.canonical());
        assert_eq!(Recipe::from_canonical(&line, &["layer"]).unwrap().checked(&card()).unwrap(), asked);
    }

    #[test]
    fn wrong_settings_are_named() {
        let said = |values: &[(&str, Value)]| recipe(values).unwrap_err().to_string();
        assert_eq!(said(&[("sparsity", Value::Number(1.5))]), "sparsity = 1.5: wanted a number from 0 to 1");
        assert_eq!(said(&[("m", Value::Number(4.5))]), "m = 4.5: wanted a whole number from 2 to 16");
        assert_eq!(
            said(&[("sparsty", Value::Number(0.5))]),
            "toy has no setting \"sparsty\"; it has sparsity, m, pattern"
        );
        assert!(Recipe::from_canonical("method=a&b=%zz", &[]).is_err());
    }
}
