use secateur_data::stories::Capability;
use secateur_exec::text::{Windows, perplexity};
use secateur_exec::train::{Course, Texts, TrainSpec};
use secateur_exec::{Compute, Meter, Params, Silent};
use secateur_formats::{Tokenizer, learn_bpe};
use secateur_models::Model;
use secateur_protocol::{Length, Score, Unit};

use super::lessons::{Lessons, score};
use crate::jobs::text::Asker;
use crate::stop::Stop;
use crate::texts::{END, Purpose, stories, told};

/// Texts that the tokenizer is learned from.
const LEARNED: usize = 5_000;
/// Tokens to learn from, at least.
pub(super) const TOKENS: usize = 6_000_000;
/// Pieces of text a step.
const BATCH: usize = 8;
/// Tokens of a short look and of the judgement.
const GLANCE: usize = 2_048;
const JUDGED: usize = 16_384;
/// Stories that are enough for both.
const STORIES: usize = 200;
/// About each capability.
const QUESTIONS: usize = 100;

/// For models that tell the next token: stories, and a tokenizer learned from them.
pub(super) struct Stories<'a> {
    compute: &'a Compute,
    model: &'a Model,
    /// Tokens that the model sees at once.
    length: usize,
    tokenizer: Tokenizer,
    /// The same as a file.
    json: Vec<u8>,
    end: u32,
    shown: Vec<u32>,
}

impl<'a> Stories<'a> {
    pub async fn new(compute: &'a Compute, model: &'a Model, tokens: usize, meter: &dyn Meter) -> Result<Self, Stop> {
        let length = model.graph.inputs().next().map_or(1, |node| node.shape.iter().product());
        let vocabulary = model.graph.node(model.graph.output()).shape.last().copied().unwrap_or(0);
        let learned: Vec<String> = texts().take(LEARNED).collect();
        let json = learn_bpe(&learned, vocabulary, &[END]).map_err(Stop::because)?;
        let tokenizer = Tokenizer::parse(&json).map_err(Stop::because)?;
        let end = tokenizer.id_of(END).ok_or_else(|| Stop::because(format!("the tokenizer has no {END}")))?;
        let mut lessons = Self { compute, model, length, tokenizer, json, end, shown: Vec::new() };
        lessons.shown = lessons.tokens(tokens, meter).await?;
        Ok(lessons)
    }

    /// At least so many tokens to learn from, [`END`] behind each text.
    async fn tokens(&self, count: usize, meter: &dyn Meter) -> Result<Vec<u32>, Stop> {
        let mut tokens = Vec::with_capacity(count);
        for text in texts() {
            meter.tick(tokens.len().min(count) as u64, count as u64, Unit::Tokens).await?;
            if tokens.len() >= count {
                break;
            }
            tokens.extend(self.tokenizer.encode(&text).map_err(Stop::because)?);
            tokens.push(self.end);
        }
        Ok(tokens)
    }

    /// On the first `count` tokens of a built-in text.
    async fn perplexity(
        &self,
        params: &Params,
        purpose: Purpose,
        count: usize,
        meter: &dyn Meter,
    ) -> Result<Score, Stop> {
        let mut tokens = self.tokenizer.encode(&stories(purpose, STORIES)).map_err(Stop::because)?;
        tokens.truncate(count);
        let windows = Windows { window: self.length, stride: self.length };
        let got = perplexity(self.compute, &self.model.graph, params, &tokens, windows, meter).await?;
        Ok(score("perplexity", got.value))
    }
}

/// Texts to learn from: of one story or, now and then, of several with an empty line between them.
fn texts() -> impl Iterator<Item = String> {
    let mut stories = (0..).map(|at| {
        let (story, mut rng) = told(Purpose::Training, at);
        (story, rng.below(4) == 0)
    });
    std::iter::from_fn(move || {
        let mut text = String::new();
        loop {
            let (story, more) = stories.next()?;
            text += &story;
            if !more {
                return Some(text);
            }
            text += "\n\n";
        }
    })
}

impl Lessons for Stories<'_> {
    fn usual(&self) -> Length {
        Length::Steps(5_000)
    }

    fn epoch(&self) -> u64 {
        (self.shown.len() / (BATCH * self.length).max(1)) as u64
    }

    fn spec(&self, steps: u64) -> TrainSpec {
        TrainSpec { steps, lr: 2e-3, warmup: 0.05, weight_decay: 0.1, ..TrainSpec::default() }
    }

    fn course(&self, seed: u64) -> Box<dyn Course + '_> {
        Box::new(Texts { tokens: &self.shown, batch: BATCH, seed })
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        vec![("tokenizer.json".into(), self.json.clone())]
    }

    async fn look(&self, params: &Params) -> Result<Vec<Score>, Stop> {
        Ok(vec![self.perplexity(params, Purpose::Calibration, GLANCE, &Silent).await?])
    }

    async fn judge(&self, params: &Params, meter: &dyn Meter) -> Result<Vec<Score>, Stop> {
        let mut scores = vec![self.perplexity(params, Purpose::Test, JUDGED, meter).await?];
        let asker = Asker::new(self.compute, self.model, params, &self.tokenizer);
        for capability in Capability::ALL {
            scores.push(score(capability.name(), asker.share(capability, QUESTIONS, meter).await?));
        }
        Ok(scores)
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use serde_json::json;

    use super::*;

    const VOCABULARY: usize = 300;

    #[test]
    fn a_small_model_is_taught_and_judged() {
        let config = json!({
            "model_type": "recurrent", "task": "next-token", "cell": "gru", "vocab_size": VOCABULARY, "embedding_size": 4,
            "hidden_size": 4, "num_hidden_layers": 1, "max_length": 32, "embedding_name": "encoder",
            "recurrent_name": "rnn", "head_name": "decoder",
        });
        let model = secateur_models::initial(&config).unwrap();
        let compute = Compute::cpu("a test".into());
        let params = Params::init(&compute, &model.graph, 0).unwrap();
        let lessons = block_on(Stories::new(&compute, &model, 5_000, &Silent)).unwrap();
        assert_eq!((lessons.tokenizer.size(), lessons.end), (VOCABULARY, 0));
        assert!((5_000..6_000).contains(&lessons.shown.len()));
        let text = lessons.tokenizer.decode(&lessons.shown[..300]).unwrap();
        assert!(texts().next().unwrap().starts_with(&text[..100]), "{text}");
        lessons.course(0).batch(&compute, &model.graph, 0).unwrap();

        let [perplexity] = &block_on(lessons.look(&params)).unwrap()[..] else { panic!("one figure") };
        assert_eq!(perplexity.name, "perplexity");
        assert!((200.0..450.0).contains(&perplexity.value), "it knows nothing yet: {}", perplexity.value);
    }
}
