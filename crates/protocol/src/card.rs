use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Filing;

type Text = Cow<'static, str>;

/// What is known about a method. One table feeds the page, the command line and the docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The word used in recipes, URLs and on the command line.
    pub id: Text,
    pub name: Text,
    /// Title of the paper.
    pub paper: Text,
    pub authors: Text,
    pub year: u16,
    /// arXiv number, empty when there is none.
    pub arxiv: Text,
    /// One sentence for someone who has never pruned anything.
    pub sentence: Text,
    /// When to reach for it, and when not to; a sentence or two.
    pub when: Text,
    /// The score as a formula in plain text.
    pub formula: Text,
    /// How the authors' code differs from the paper and what is done here; empty when it does not.
    pub differs: Text,
    /// What it has to be given besides the weights.
    pub needs: Vec<Need>,
    pub filing: Filing,
    pub fields: Vec<Field>,
}

/// What a method has to be given besides the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// Calibration samples to run through the model.
    Samples,
    /// Samples of which it is known what the model should answer.
    Answers,
    /// Those, and time to train.
    Training,
    /// A second checkpoint of the same architecture.
    Checkpoint,
}

impl Need {
    /// What the method asks of the model's user, in a word or two.
    pub fn told(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Answers => "answered samples",
            Self::Training => "training",
            Self::Checkpoint => "a second checkpoint",
        }
    }
}

impl Card {
    pub fn needs(&self, need: Need) -> bool {
        self.needs.contains(&need)
    }

    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }
}

/// One setting of a method: form control, command line flag, URL key and help text at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    pub key: Text,
    pub kind: Kind,
    pub help: Text,
    /// The field matters only while another one has one of these values: (key, values).
    pub only_if: Option<(Text, Vec<Text>)>,
}

/// What a field may hold, and its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    Number {
        default: f64,
        min: f64,
        max: f64,
    },
    Whole {
        default: u64,
        min: u64,
        max: u64,
    },
    Choice {
        default: Text,
        options: Vec<Text>,
    },
    /// Any words; empty unless given.
    Words,
}

impl Field {
    pub fn number(key: &'static str, default: f64, min: f64, max: f64, help: &'static str) -> Self {
        Self::new(key, Kind::Number { default, min, max }, help)
    }

    pub fn whole(key: &'static str, default: u64, min: u64, max: u64, help: &'static str) -> Self {
        Self::new(key, Kind::Whole { default, min, max }, help)
    }

    pub fn choice(key: &'static str, default: &'static str, options: &[&'static str], help: &'static str) -> Self {
        Self::new(key, Kind::Choice { default: default.into(), options: texts(options) }, help)
    }

    pub fn words(key: &'static str, help: &'static str) -> Self {
        Self::new(key, Kind::Words, help)
    }

    /// Shown and used only while `key` is one of `values`.
    pub fn only_if(self, key: &'static str, values: &[&'static str]) -> Self {
        Self { only_if: Some((key.into(), texts(values))), ..self }
    }

    fn new(key: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { key: key.into(), kind, help: help.into(), only_if: None }
    }
}

fn texts(words: &[&'static str]) -> Vec<Text> {
    words.iter().copied().map(Text::Borrowed).collect()
}
