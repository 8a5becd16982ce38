//! The recorded run: real events of the real engine, shown before the live one is up.
//!
//! `demo/run.json` holds the frames in order, `demo/run.bin` their buffers. Between two [`Event::Level`]s lies
//! everything that was measured on the first one's masks, so a slider can already move between recorded levels.

use leptos::prelude::*;
use secateur_protocol::{Envelope, Event, HeatKind, Recipe};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::facts::Facts;

/// `run.json`.
#[derive(Deserialize)]
struct Run {
    frames: Vec<Frame>,
}

/// One event and where its buffers lie in `run.bin`: (offset, length).
#[derive(Clone, Deserialize)]
struct Frame {
    event: Envelope<Event>,
    #[serde(default)]
    blobs: Vec<(u64, u64)>,
}

/// A run cut into scenes, one for each state of the masks.
pub struct Recording {
    bytes: Vec<u8>,
    /// Engine and model.
    opening: Vec<Frame>,
    scenes: Vec<Scene>,
    /// Pictures of a method's scores, told once and true for all its scenes.
    scores: Vec<(String, Frame)>,
}

struct Scene {
    recipe: Option<Recipe>,
    sparsity: f64,
    frames: Vec<Frame>,
}

impl Recording {
    /// Fetches the run that ships with the page.
    pub async fn fetch() -> Result<Self, String> {
        let text = JsFuture::from(get("demo/run.json").await?.text().map_err(said)?).await.map_err(said)?;
        let json = js_sys::JSON::parse(&text.as_string().unwrap_or_default()).map_err(said)?;
        let run: Run = serde_wasm_bindgen::from_value(json).map_err(|error| error.to_string())?;
        let buffer = JsFuture::from(get("demo/run.bin").await?.array_buffer().map_err(said)?).await.map_err(said)?;
        Ok(Self::new(run.frames, js_sys::Uint8Array::new(&buffer).to_vec()))
    }

    fn new(frames: Vec<Frame>, bytes: Vec<u8>) -> Self {
        let (mut opening, mut scenes, mut scores) = (Vec::new(), Vec::<Scene>::new(), Vec::new());
        for frame in frames {
            if let Event::Level(level) = &frame.event.body {
                let (recipe, sparsity) = (level.recipe.clone(), level.sparsity());
                scenes.push(Scene { recipe, sparsity, frames: Vec::new() });
            }
            let is_score = matches!(frame.event.body, Event::Heat { kind: HeatKind::Importance, .. });
            match scenes.last_mut() {
                Some(Scene { recipe: Some(recipe), .. }) if is_score => scores.push((recipe.method.clone(), frame)),
                Some(scene) => scene.frames.push(frame),
                None => opening.push(frame),
            }
        }
        Self { bytes, opening, scenes, scores }
    }

    /// Puts engine and model on stage.
    pub fn open(&self, facts: &Facts) {
        self.play(self.opening.iter(), facts);
    }

    /// Shows the recorded masks nearest to what is asked for.
    pub fn show_nearest(&self, method: &str, sparsity: f64, facts: &Facts) {
        if let Some(scene) = self.nearest(method, sparsity).map(|at| &self.scenes[at]) {
            let method = scene.recipe.as_ref().map(|recipe| &recipe.method);
            let scores = self.scores.iter().filter(|(of, _)| Some(of) == method).map(|(_, frame)| frame);
            self.play(scene.frames.iter().chain(scores), facts);
        }
    }

    fn nearest(&self, method: &str, sparsity: f64) -> Option<usize> {
        let distance = |scene: &Scene| {
            let other_method = scene.recipe.as_ref().is_some_and(|recipe| recipe.method != method);
            (scene.sparsity - sparsity).abs() + if other_method { 2.0 } else { 0.0 }
        };
        (0..self.scenes.len()).min_by(|a, b| distance(&self.scenes[*a]).total_cmp(&distance(&self.scenes[*b])))
    }

    fn play<'a>(&self, frames: impl Iterator<Item = &'a Frame>, facts: &Facts) {
        for frame in frames {
            let slice = |&(at, len): &(u64, u64)| {
                let end = at.checked_add(len)?;
                self.bytes.get(at as usize..end as usize).map(<[u8]>::to_vec)
            };
            // A frame whose buffers are missing is a broken recording: what else it has is still worth showing.
            if let Some(blobs) = frame.blobs.iter().map(slice).collect::<Option<Vec<_>>>() {
                let _ = facts.apply(frame.event.body.clone(), &blobs);
            }
        }
    }
}

async fn get(url: &str) -> Result<web_sys::Response, String> {
    let response = JsFuture::from(window().fetch_with_str(url)).await.map_err(said)?;
    let response: web_sys::Response = response.dyn_into().map_err(said)?;
    if response.ok() { Ok(response) } else { Err(format!("{url}: {}", response.status())) }
}

fn said(error: JsValue) -> String {
    error.as_string().unwrap_or_else(|| format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use secateur_protocol::{LayerLevel, Level};

    use super::*;

    fn level(method: Option<&str>, kept: u64) -> Frame {
        let recipe = method.map(|m| Recipe { method: m.into(), values: Default::default(), seed: 0 });
        let layers = vec![LayerLevel { param: 0, kept, of: 100 }];
        let level =
            Level { recipe, layers, removed: vec![], undo: 0, redo: 0, notes: vec![], digest: kept.to_string() };
        Frame { event: Envelope { id: 1, body: Event::Level(Box::new(level)) }, blobs: vec![] }
    }

    #[test]
    fn the_nearest_scene_of_the_method_is_shown() {
        let frames =
            vec![level(None, 100), level(Some("wanda"), 50), level(Some("wanda"), 20), level(Some("random"), 40)];
        let run = Recording::new(frames, vec![]);
        let shown = |method, sparsity| {
            let facts = Facts::new();
            run.show_nearest(method, sparsity, &facts);
            facts.level.get_untracked().map_or(String::new(), |level| level.digest.clone())
        };
        assert_eq!([shown("wanda", 0.6), shown("wanda", 0.7), shown("wanda", 0.1)], ["50", "20", "100"]);
        assert_eq!(shown("random", 0.6), "40");
    }

    #[test]
    fn buffers_outside_the_file_do_not_panic() {
        let mut frame = level(None, 1);
        frame.blobs = vec![(u64::MAX, 2), (5, 1)];
        let facts = Facts::new();
        Recording::new(vec![frame], vec![0; 3]).show_nearest("x", 0.0, &facts);
        assert_eq!(facts.cut(), "");
    }
}
