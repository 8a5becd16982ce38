//! Short stories for small language models, told by a grammar: a plot, the way each of its beats is told, and who and
//! what it is about are drawn. Nothing in them is copied from anywhere.
//!
//! A story knows where a reader who has followed it can say what comes next. Put to a model, these places measure
//! [`Capability`]s.

mod cast;
mod plots;
#[cfg(test)]
mod tests;
mod words;

use cast::{Cast, Words};
use plots::PLOTS;

/// 60 to 200 words in one paragraph, ASCII only, and what can be asked about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    pub text: String,
    /// In the order of the text.
    pub questions: Vec<Question>,
}

/// What a model of language can be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Which of the people it was.
    NameRecall,
    /// Which thing it was.
    ObjectRecall,
    /// One or several: `three plums`, `the plums were`.
    NumberAgreement,
    /// `an owl`, `did not find`, `Lily and her mother`.
    Grammar,
}

impl Capability {
    pub const ALL: [Self; 4] = [Self::NameRecall, Self::ObjectRecall, Self::NumberAgreement, Self::Grammar];

    /// For tables and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::NameRecall => "name recall",
            Self::ObjectRecall => "object recall",
            Self::NumberAgreement => "number agreement",
            Self::Grammar => "grammar",
        }
    }
}

/// A place in a text and what comes next there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub capability: Capability,
    /// The text up to here.
    pub prompt: String,
    /// How the text goes on: the words asked for and what follows them, so that neither is a beginning of the other.
    pub right: String,
    /// How it does not go on.
    pub wrong: Vec<String>,
}

/// A story. `below(n)` gives an even whole number from 0 to n - 1; there is no other randomness.
pub fn story(below: &mut dyn FnMut(usize) -> usize) -> Story {
    let plot = PLOTS[below(PLOTS.len())];
    let mut teller = Teller { cast: Cast::draw(below), text: String::new(), asked: Vec::new() };
    for beat in plot {
        let told = either(beat[below(beat.len())], below);
        teller.tell(&told);
    }
    teller.story()
}

/// `count` questions about one capability, one from a story each; stories that ask nothing about it are passed over.
pub fn questions(capability: Capability, count: usize, below: &mut dyn FnMut(usize) -> usize) -> Vec<Question> {
    let mut questions = Vec::with_capacity(count);
    while questions.len() < count {
        let mut about = story(below).questions;
        about.retain(|question| question.capability == capability);
        if !about.is_empty() {
            questions.push(about.swap_remove(below(about.len())));
        }
    }
    questions
}

/// The template with one of the words in each `(a|b|c)`.
fn either(template: &str, below: &mut dyn FnMut(usize) -> usize) -> String {
    let mut told = String::new();
    let mut rest = template;
    while let Some((before, (choice, after))) = rest.split_once('(').and_then(|(a, b)| Some((a, b.split_once(')')?))) {
        let words: Vec<_> = choice.split('|').collect();
        told += before;
        told += words[below(words.len())];
        rest = after;
    }
    told + rest
}

/// Writes a story down and notes what can be asked.
struct Teller {
    cast: Cast,
    text: String,
    asked: Vec<Asked>,
}

/// A question whose answer stands in the text, which goes on.
struct Asked {
    capability: Capability,
    /// Where prompt and answer end.
    prompt: usize,
    answer: usize,
    wrong: Vec<String>,
}

impl Teller {
    /// Adds a template without choices.
    fn tell(&mut self, template: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let mut rest = template;
        while let Some((before, found)) = rest.find(['{', '<']).map(|at| rest.split_at(at)) {
            self.text += before;
            let end = found.find(['}', '>']).unwrap_or(found.len() - 1);
            let slot = &found[1..end];
            if found.starts_with('{') {
                self.slot(slot)
            } else {
                self.pair(slot)
            }
            rest = &found[end + 1..];
        }
        self.text += rest;
    }

    /// `hero`, `thing?`, `a? thing` ...
    fn slot(&mut self, slot: &str) {
        let meant = slot.replace('?', "");
        let Words { before, word, wrong } = self.cast.words(&meant);
        if !before.is_empty() {
            self.text += &before;
            self.text.push(' ');
        }
        match slot.contains('?') {
            true => self.ask(capability(&meant), &word, wrong),
            false => self.text += &word,
        }
    }

    /// `n:were|was` or `g:find|found`.
    fn pair(&mut self, pair: &str) {
        let (kind, words) = pair.split_once(':').unwrap_or(("g", pair));
        let (right, wrong) = words.split_once('|').unwrap_or((words, ""));
        let capability = if kind == "n" { Capability::NumberAgreement } else { Capability::Grammar };
        self.ask(capability, right, vec![wrong.to_string()]);
    }

    /// Adds a word and notes that it can be asked for.
    fn ask(&mut self, capability: Capability, word: &str, wrong: Vec<String>) {
        // A space belongs to the word after it, as byte-level tokenizers have it.
        let prompt = self.text.trim_end().len();
        self.text += word;
        self.asked.push(Asked { capability, prompt, answer: self.text.len(), wrong });
    }

    fn story(self) -> Story {
        let text = self.text;
        let questions = self.asked.into_iter().map(|asked| asked.question(&text)).collect();
        Story { text, questions }
    }
}

/// What is asked about a slot.
fn capability(slot: &str) -> Capability {
    match slot.split_once(' ') {
        Some(("a", _)) => Capability::Grammar,
        Some(_) => Capability::NumberAgreement,
        None => match slot {
            "foods" | "animals" => Capability::NumberAgreement,
            "hero" | "friend" | "other" | "pet" => Capability::NameRecall,
            _ if slot.starts_with("thing") || matches!(slot, "food" | "animal" | "tool") => Capability::ObjectRecall,
            _ => Capability::Grammar,
        },
    }
}

impl Asked {
    fn question(self, text: &str) -> Question {
        let (prompt, rest) = text.split_at(self.prompt);
        let (right, after) = rest.split_at(self.answer - self.prompt);
        let space = if right.starts_with(' ') { " " } else { "" };
        let tail = tail(after);
        Question {
            capability: self.capability,
            prompt: prompt.into(),
            right: format!("{right}{tail}"),
            wrong: self.wrong.iter().map(|wrong| format!("{space}{wrong}{tail}")).collect(),
        }
    }
}

/// The next word with the space before it, or the next sign.
fn tail(after: &str) -> &str {
    let word = after.strip_prefix(' ').unwrap_or(after);
    let length = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
    &after[..after.len() - word.len() + length.max(1).min(word.len())]
}
