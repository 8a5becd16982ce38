//! What the panels for texts and pictures ask for: their settings, as a command and as words in a link.

use secateur_protocol::{Choice, Draw, Generate, Sampler};

/// The numbers that a field takes; a whole step means whole numbers only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub min: f64,
    pub max: f64,
    pub step: f64,
}

impl Range {
    const fn new(min: f64, max: f64, step: f64) -> Self {
        Self { min, max, step }
    }

    /// The number that a text names; none when it is no number or out of range.
    pub fn read(&self, text: &str) -> Option<f64> {
        let number: f64 = text.trim().parse().ok()?;
        ((self.min..=self.max).contains(&number) && !(self.is_whole() && number.fract() != 0.0)).then_some(number)
    }

    /// "a whole number from 1 to 16"
    pub fn words(&self) -> String {
        let kind = if self.is_whole() { "whole number" } else { "number" };
        format!("a {kind} from {} to {}", self.min, self.max)
    }

    fn is_whole(&self) -> bool {
        self.step.fract() == 0.0
    }

    /// Takes a number from a link in.
    fn take(&self, word: &str, number: &mut f64) {
        *number = self.read(word).unwrap_or(*number);
    }

    fn take_whole(&self, word: &str, number: &mut u32) {
        *number = self.read(word).map_or(*number, |read| read as u32);
    }
}

pub const SEED: Range = Range::new(0.0, u32::MAX as f64, 1.0);
pub const LENGTH: Range = Range::new(1.0, 1000.0, 1.0);
pub const TEMPERATURE: Range = Range::new(0.05, 5.0, 0.05);
pub const TOP_K: Range = Range::new(0.0, 1000.0, 1.0);
pub const TOP_P: Range = Range::new(0.01, 1.0, 0.01);
pub const COUNT: Range = Range::new(1.0, 16.0, 1.0);
pub const STEPS: Range = Range::new(1.0, 1000.0, 1.0);
pub const GUIDANCE: Range = Range::new(0.0, 20.0, 0.5);

/// Characters of a prompt that a link may bring.
const MOST_CHARS: usize = 4000;

/// Settings that a link carries, each under a key of its own.
pub trait Linked: Default {
    const KEYS: &'static [&'static str];

    /// The settings as words, in the keys' order.
    fn words(&self) -> Vec<String>;

    /// Takes one setting in; a word that means nothing changes nothing.
    fn read(&mut self, key: &str, word: &str);
}

/// A text to go on with.
#[derive(Clone, Debug, PartialEq)]
pub struct Writing {
    pub prompt: String,
    /// New tokens, at most.
    pub length: u32,
    /// Always the likeliest token; the next three do not matter then.
    pub greedy: bool,
    pub temperature: f64,
    /// 0: all.
    pub top_k: u32,
    pub top_p: f64,
    pub seed: u32,
}

/// Beginnings to try.
pub const EXAMPLES: [&str; 3] = [
    "One sunny morning, Mia went to the park with her red kite.",
    "Tom picked three plums in the garden.",
    "There was once a kind boy named Leo who loved his old drum.",
];

impl Default for Writing {
    fn default() -> Self {
        let prompt = EXAMPLES[0].to_string();
        Self { prompt, length: 60, greedy: false, temperature: 0.8, top_k: 0, top_p: 0.95, seed: 0 }
    }
}

impl Writing {
    pub fn command(&self) -> Generate {
        let choice = match self.greedy {
            true => Choice::Greedy,
            false => {
                Choice::Drawn { temperature: self.temperature as f32, top_k: self.top_k, top_p: self.top_p as f32 }
            }
        };
        Generate { prompt: self.prompt.clone(), max_tokens: self.length, choice, seed: self.seed.into() }
    }
}

impl Linked for Writing {
    const KEYS: &'static [&'static str] =
        &["text", "text-length", "text-greedy", "text-temperature", "text-top-k", "text-top-p", "text-seed"];

    fn words(&self) -> Vec<String> {
        let Self { prompt, length, greedy, temperature, top_k, top_p, seed } = self;
        let greedy = if *greedy { "yes" } else { "no" };
        [prompt.clone(), length.to_string(), greedy.into()]
            .into_iter()
            .chain([temperature.to_string(), top_k.to_string(), top_p.to_string(), seed.to_string()])
            .collect()
    }

    fn read(&mut self, key: &str, word: &str) {
        match key {
            "text" => self.prompt = word.chars().take(MOST_CHARS).collect(),
            "text-length" => LENGTH.take_whole(word, &mut self.length),
            "text-greedy" => self.greedy = word == "yes",
            "text-temperature" => TEMPERATURE.take(word, &mut self.temperature),
            "text-top-k" => TOP_K.take_whole(word, &mut self.top_k),
            "text-top-p" => TOP_P.take(word, &mut self.top_p),
            "text-seed" => SEED.take_whole(word, &mut self.seed),
            _ => {}
        }
    }
}

/// Pictures to draw from noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    /// None: no class.
    pub label: Option<u32>,
    pub count: u32,
    pub steps: u32,
    pub guidance: f64,
    pub sampler: Sampler,
    pub seed: u32,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { label: Some(3), count: 4, steps: 20, guidance: 1.0, sampler: Sampler::default(), seed: 0 }
    }
}

pub const SAMPLERS: [(Sampler, &str); 2] = [(Sampler::Ddim, "ddim"), (Sampler::Ddpm, "ddpm")];

fn sampler_of(word: &str) -> Option<Sampler> {
    SAMPLERS.iter().find(|(_, other)| *other == word).map(|(sampler, _)| *sampler)
}

impl Sketch {
    /// The class that is drawn, for a model with so many; others draw without one.
    pub fn label(&self, classes: u32) -> Option<u32> {
        self.label.filter(|label| *label < classes)
    }

    pub fn command(&self, classes: u32) -> Draw {
        let &Self { count, steps, guidance, sampler, seed, .. } = self;
        let guidance = if classes > 0 { guidance as f32 } else { 1.0 };
        Draw { label: self.label(classes), count, sampler, steps, guidance, seed: seed.into() }
    }

    pub fn choose_sampler(&mut self, word: &str) {
        self.sampler = sampler_of(word).unwrap_or(self.sampler);
    }
}

impl Linked for Sketch {
    const KEYS: &'static [&'static str] =
        &["draw-class", "draw-count", "draw-steps", "draw-guidance", "draw-sampler", "draw-seed"];

    fn words(&self) -> Vec<String> {
        let Self { label, count, steps, guidance, sampler, seed } = self;
        let label = label.map_or("none".to_string(), |label| label.to_string());
        let sampler = SAMPLERS.iter().find(|(other, _)| other == sampler).map_or("", |(_, word)| word);
        [label, count.to_string(), steps.to_string()]
            .into_iter()
            .chain([guidance.to_string(), sampler.to_string(), seed.to_string()])
            .collect()
    }

    fn read(&mut self, key: &str, word: &str) {
        match key {
            "draw-class" if word == "none" => self.label = None,
            "draw-class" => self.label = word.parse().ok().or(self.label),
            "draw-count" => COUNT.take_whole(word, &mut self.count),
            "draw-steps" => STEPS.take_whole(word, &mut self.steps),
            "draw-guidance" => GUIDANCE.take(word, &mut self.guidance),
            "draw-sampler" => self.choose_sampler(word),
            "draw-seed" => SEED.take_whole(word, &mut self.seed),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every setting differs from the usual one, so that a forgotten key shows.
    fn writing() -> Writing {
        let prompt = "A fox,\n50 % sly & quick = ☕".to_string();
        Writing { prompt, length: 7, greedy: true, temperature: 1.3, top_k: 40, top_p: 0.5, seed: 9 }
    }

    fn sketch() -> Sketch {
        Sketch { label: None, count: 2, steps: 5, guidance: 2.5, sampler: Sampler::Ddpm, seed: 8 }
    }

    fn read_back<S: Linked>(settings: &S) -> S {
        let mut read = S::default();
        S::KEYS.iter().zip(settings.words()).for_each(|(key, word)| read.read(key, &word));
        read
    }

    fn all_differ<S: Linked>(settings: &S) -> bool {
        let (words, usual) = (settings.words(), S::default().words());
        words.len() == S::KEYS.len() && words.iter().zip(&usual).all(|(word, usual)| word != usual)
    }

    #[test]
    fn every_setting_has_a_key_and_reads_back() {
        assert!(all_differ(&writing()) && all_differ(&sketch()));
        assert_eq!(read_back(&writing()), writing());
        assert_eq!(read_back(&sketch()), sketch());
    }

    #[test]
    fn odd_words_change_nothing() {
        let (mut writing, mut sketch) = (Writing::default(), Sketch::default());
        for word in ["", "many", "-1", "NaN", "1e99", "0.0001"] {
            Writing::KEYS[1..].iter().for_each(|key| writing.read(key, word));
            Sketch::KEYS.iter().for_each(|key| sketch.read(key, word));
        }
        assert_eq!((writing, sketch), (Writing::default(), Sketch { guidance: 0.0001, ..Sketch::default() }));
    }

    #[test]
    fn whole_numbers_are_whole() {
        assert_eq!([" 3 ", "3.5", "17", "x"].map(|text| COUNT.read(text)), [Some(3.0), None, None, None]);
        assert_eq!(GUIDANCE.read("3.7"), Some(3.7), "a step is how far the arrows go, not what may be typed");
        assert_eq!(COUNT.words(), "a whole number from 1 to 16");
    }

    #[test]
    fn a_class_that_the_model_lacks_is_none() {
        let sketch = Sketch { guidance: 4.0, ..Sketch::default() };
        assert_eq!([10, 4, 3, 0].map(|classes| sketch.command(classes).label), [Some(3), Some(3), None, None]);
        assert_eq!([10, 0].map(|classes| sketch.command(classes).guidance), [4.0, 1.0]);
    }

    #[test]
    fn greedy_leaves_chance_out() {
        assert_eq!(writing().command().choice, Choice::Greedy);
        let drawn = Choice::Drawn { temperature: 0.8, top_k: 0, top_p: 0.95 };
        assert_eq!(Writing::default().command().choice, drawn);
    }
}
