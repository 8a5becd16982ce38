//! The catalogue on the page: cards filed by an axis, words that narrow it, a fitting demo for each. Pure functions.

use std::collections::BTreeSet;

use secateur_protocol::{AXES, BuiltIn, Card, Kind, Need, Value, Values};

use crate::wishes::Linked;

/// How the gallery is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Browse {
    /// The axis that cards are grouped by; a place in [`AXES`].
    pub axis: usize,
    /// Words that a card has to share: one of each axis that has some here.
    pub words: BTreeSet<(usize, String)>,
    pub search: String,
    /// Cards that are laid side by side, at most two, by id.
    pub beside: Vec<String>,
}

/// Cards side by side.
const BESIDE: usize = 2;

impl Browse {
    /// Adds a word, or takes it away again.
    pub fn turn(&mut self, axis: usize, word: &str) {
        let word = (axis, word.to_string());
        if !self.words.remove(&word) {
            self.words.insert(word);
        }
    }

    /// Lays a card beside the other one, or takes it away again; a third one takes the first one's place.
    pub fn turn_beside(&mut self, id: &str) {
        match self.beside.iter().position(|other| other == id) {
            Some(at) => drop(self.beside.remove(at)),
            None => {
                self.beside.push(id.into());
                let over = self.beside.len().saturating_sub(BESIDE);
                self.beside.drain(..over);
            }
        }
    }

    /// Not everything is looked for.
    pub fn is_narrowed(&self) -> bool {
        !self.words.is_empty() || !self.search.trim().is_empty()
    }

    /// Shares a word of each axis with words, and has all that is searched for.
    pub fn fits(&self, card: &Card) -> bool {
        let filed = card.filing.words();
        let shares = |axis: usize| {
            let mut wanted = self.words.iter().filter(|(of, _)| *of == axis).peekable();
            wanted.peek().is_none() || wanted.any(|(_, word)| filed[axis].contains(&word.as_str()))
        };
        (0..AXES.len()).all(shares) && self.finds(card)
    }

    fn finds(&self, card: &Card) -> bool {
        let Card { id, name, paper, authors, year, sentence, when, .. } = card;
        let text = format!("{id} {name} {paper} {authors} {year} {sentence} {when}").to_lowercase();
        self.search.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

impl Linked for Browse {
    const KEYS: &'static [&'static str] = &["gallery-axis", "gallery-words", "gallery-search", "gallery-beside"];

    fn words(&self) -> Vec<String> {
        let words: Vec<String> = self.words.iter().map(|(axis, word)| format!("{}.{word}", AXES[*axis].name)).collect();
        vec![AXES[self.axis].name.into(), words.join(","), self.search.clone(), self.beside.join(",")]
    }

    fn read(&mut self, key: &str, word: &str) {
        let axis = |name: &str| AXES.iter().position(|axis| axis.name == name);
        match key {
            "gallery-axis" => self.axis = axis(word).unwrap_or(self.axis),
            "gallery-words" => {
                let words = word.split(',').filter_map(|pair| pair.split_once('.'));
                let known = words.filter_map(|(name, word)| {
                    axis(name).filter(|at| AXES[*at].words.contains(&word)).map(|at| (at, word.to_string()))
                });
                self.words = known.collect();
            }
            "gallery-search" => self.search = word.chars().take(100).collect(),
            "gallery-beside" => {
                self.beside = word.split(',').filter(|id| !id.is_empty()).take(BESIDE).map(String::from).collect();
            }
            _ => {}
        }
    }
}

/// The words of an axis that some card has, each with the places of its cards, in the axis' order.
pub fn groups(cards: &[Card], axis: usize) -> Vec<(&'static str, Vec<usize>)> {
    let of = |word: &'static str| {
        let has = |card: &Card| card.filing.words()[axis].contains(&word);
        (word, (0..cards.len()).filter(|at| has(&cards[*at])).collect::<Vec<_>>())
    };
    AXES[axis].words.iter().copied().map(of).filter(|(_, cards)| !cards.is_empty()).collect()
}

/// A small run that shows what a method does.
#[derive(Clone, Debug, PartialEq)]
pub struct Demo {
    /// A built-in model's id.
    pub model: String,
    pub values: Values,
}

/// Built-in models for the families that papers prune, the most telling first.
const MODELS: [(&str, &str); 6] = [
    ("diffusion", "digits-unet"),
    ("ViT", "digits-vit"),
    ("LM", "story-lm"),
    ("RNN", "chars-gru"),
    ("CNN", "digits-cnn"),
    ("MLP", "digits-cnn"),
];

/// Settings of which a demo takes no more than this, by what their names begin with: seconds instead of minutes.
const SMALL: [(&str, u64); 13] = [
    ("samples", 16),
    ("steps", 40),
    ("batch", 8),
    ("length", 32),
    ("rounds", 2),
    ("generations", 3),
    ("offspring", 4),
    ("train", 40),
    ("tune", 20),
    ("every", 10),
    ("grid", 5),
    ("times", 4),
    ("pairs", 8),
];

/// The method's demo: on a model of a family that its paper prunes, or else on the first there is. A method that has to be given
/// a second checkpoint takes the first model that has a base.
pub fn demo(card: &Card, models: &[BuiltIn]) -> Option<Demo> {
    if card.needs(Need::Checkpoint) {
        let (model, base) = models.iter().find_map(|model| Some((model.id.clone(), model.base.as_ref()?)))?;
        let values = [("base".to_string(), Value::Text(format!("builtin:{base}")))].into();
        return Some(Demo { model, values });
    }
    let families = card.filing.words()[AXES.len() - 1].clone();
    let there = |id: &str| models.iter().any(|model| model.id == id);
    let of_family = MODELS.iter().find(|(family, id)| families.contains(family) && there(id));
    let model = of_family.map(|(_, id)| id.to_string()).or_else(|| models.first().map(|model| model.id.clone()))?;
    let small = |key: &str| SMALL.iter().find(|(begin, _)| key.starts_with(begin)).map(|(_, most)| *most);
    let values = card.fields.iter().filter_map(|field| match field.kind {
        Kind::Whole { default, min, .. } => {
            let most = small(&field.key)?.max(min);
            (default > most).then(|| (field.key.to_string(), Value::Number(most as f64)))
        }
        _ => None,
    });
    Some(Demo { model, values: values.collect() })
}

#[cfg(test)]
mod tests {
    use secateur_protocol::{Field, Filing};

    use super::*;

    fn card(id: &'static str, unit: &'static str, when: &'static str, family: &'static str) -> Card {
        Card {
            id: id.into(),
            name: id.to_uppercase().into(),
            paper: "On cutting".into(),
            authors: "Ada Lovelace".into(),
            year: 2020,
            arxiv: "".into(),
            sentence: "".into(),
            when: "".into(),
            formula: "".into(),
            differs: "".into(),
            needs: Vec::new(),
            filing: Filing { unit: unit.into(), when: when.into(), family: family.into(), ..Filing::plain() },
            fields: vec![Field::whole("steps", 500, 1, 9000, ""), Field::whole("samples", 8, 1, 9000, "")],
        }
    }

    fn cards() -> [Card; 3] {
        [card("a", "W,N:M", "after", "LM"), card("b", "H", "during", "ViT,LM"), card("c", "W", "during", "SR")]
    }

    fn fitting(browse: &Browse) -> Vec<String> {
        cards().iter().filter(|card| browse.fits(card)).map(|card| card.id.to_string()).collect()
    }

    #[test]
    fn words_of_one_axis_widen_and_of_another_narrow() {
        let mut browse = Browse::default();
        assert_eq!(fitting(&browse), ["a", "b", "c"]);
        assert!(!browse.is_narrowed());
        browse.turn(0, "W");
        assert_eq!(fitting(&browse), ["a", "c"]);
        browse.turn(0, "H");
        assert_eq!(fitting(&browse), ["a", "b", "c"]);
        browse.turn(2, "during");
        assert_eq!(fitting(&browse), ["b", "c"]);
        browse.turn(0, "W");
        assert_eq!((fitting(&browse), browse.is_narrowed()), (vec!["b".to_string()], true));
        let browse = Browse { search: "LOVELACE c".into(), ..Browse::default() };
        assert_eq!(fitting(&browse), ["a", "b", "c"], "every paper is about cutting");
        assert_eq!(fitting(&Browse { search: "2019".into(), ..browse }), [""; 0]);
    }

    #[test]
    fn cards_stand_under_each_of_their_words() {
        let told = groups(&cards(), 0);
        assert_eq!(told, [("W", vec![0, 2]), ("N:M", vec![0]), ("H", vec![1])]);
    }

    #[test]
    fn a_third_card_takes_the_first_ones_place() {
        let mut browse = Browse::default();
        ["a", "b", "c", "b"].iter().for_each(|id| browse.turn_beside(id));
        assert_eq!(browse.beside, ["c"]);
    }

    #[test]
    fn a_demo_is_small_and_on_a_model_of_the_family() {
        let model = |id: &str| BuiltIn { id: id.into(), ..BuiltIn::default() };
        let models = ["digits-cnn", "story-lm", "digits-vit"].map(model);
        let on = |at: usize| demo(&cards()[at], &models).unwrap().model;
        assert_eq!([on(0), on(1), on(2)], ["story-lm", "digits-vit", "digits-cnn"]);
        assert_eq!(demo(&cards()[0], &models).unwrap().values, [("steps".to_string(), Value::Number(40.0))].into());
        assert_eq!(demo(&cards()[0], &[]), None);
        let pair = Card { needs: vec![Need::Checkpoint], ..card("d", "W", "after", "LM") };
        assert_eq!(demo(&pair, &models), None);
        let models = models.map(|model| BuiltIn { base: (model.id == "digits-cnn").then(|| "older".into()), ..model });
        let on = demo(&pair, &models).unwrap();
        assert_eq!((on.model.as_str(), &on.values["base"]), ("digits-cnn", &Value::Text("builtin:older".into())));
    }

    #[test]
    fn a_link_brings_the_gallery_back() {
        let mut browse = Browse { axis: 8, search: "a b".into(), ..Browse::default() };
        browse.turn(4, "none");
        browse.turn(0, "N:M");
        browse.turn_beside("wanda");
        let mut read = Browse::default();
        Browse::KEYS.iter().zip(Linked::words(&browse)).for_each(|(key, word)| read.read(key, &word));
        assert_eq!(read, browse);
        Browse::KEYS.iter().for_each(|key| read.read(key, "unit.nonsense,x"));
        assert_eq!((read.axis, read.words.len()), (8, 0));
    }
}
