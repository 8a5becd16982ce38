//! The whole state in a link: `#method=wanda&seed=0&sparsity=0.8&model=builtin:digits-vit&view=mask`.
//!
//! The recipe comes first in its canonical form; the page's own keys follow, defaults left out.

use secateur_protocol::{DeviceChoice, HeatKind, Recipe, RecipeError};

use crate::gallery::Browse;
use crate::wishes::{Linked, Sketch, Writing};

/// Keys that are the page's, not the recipe's; those of [`Linked`] settings come on top.
const PAGE_KEYS: &[&str] = &["model", "view", "matrix", "digits", "device"];

/// What a link carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    pub recipe: Recipe,
    pub page: Page,
}

/// The part of a link that is about looking.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub model: String,
    pub view: HeatKind,
    /// The enlarged matrix, by its parameter's name.
    pub matrix: Option<String>,
    /// First of the test digits shown.
    pub digits: u32,
    pub device: DeviceChoice,
    pub writing: Writing,
    pub sketch: Sketch,
    pub browse: Browse,
}

/// The model that is opened when the link names none.
pub const FIRST_MODEL: &str = "builtin:digits-vit";

impl Default for Page {
    fn default() -> Self {
        let (view, device) = (HeatKind::Importance, DeviceChoice::Auto);
        let (writing, sketch, browse) = Default::default();
        Self { model: FIRST_MODEL.into(), view, matrix: None, digits: 0, device, writing, sketch, browse }
    }
}

/// The fragment without '#'.
pub fn fragment(recipe: &Recipe, page: &Page) -> String {
    let usual = Page::default();
    let mut line = format!("{}&model={}", recipe.canonical(), escape(&page.model));
    let mut add = |key: &str, value: &str| line.push_str(&format!("&{key}={}", escape(value)));
    if page.view != usual.view {
        add("view", view_word(page.view));
    }
    if let Some(matrix) = &page.matrix {
        add("matrix", matrix);
    }
    if page.digits != usual.digits {
        add("digits", &page.digits.to_string());
    }
    if page.device != usual.device {
        add("device", device_word(page.device));
    }
    let settings = changed(&page.writing).chain(changed(&page.sketch)).chain(changed(&page.browse));
    settings.for_each(|(key, word)| add(key, &word));
    line
}

/// The settings that are not the usual ones.
fn changed<S: Linked>(settings: &S) -> impl Iterator<Item = (&'static str, String)> + use<S> {
    let words = settings.words().into_iter().zip(S::default().words());
    let pairs = S::KEYS.iter().copied().zip(words);
    pairs.filter(|(_, (word, usual))| word != usual).map(|(key, (word, _))| (key, word))
}

fn read<S: Linked>(find: impl Fn(&str) -> Option<String>) -> S {
    let mut settings = S::default();
    for key in S::KEYS {
        if let Some(word) = find(key) {
            settings.read(key, &word);
        }
    }
    settings
}

/// Reads a fragment; none when there is nothing in it. Unknown words of the page's own keys mean the default.
pub fn parse(fragment: &str) -> Result<Option<Shared>, RecipeError> {
    let line = fragment.trim_start_matches('#');
    if line.is_empty() {
        return Ok(None);
    }
    let recipe = Recipe::from_canonical(line, &[PAGE_KEYS, Writing::KEYS, Sketch::KEYS, Browse::KEYS].concat())?;
    let find = |key: &str| line.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('=')).map(unescape);
    let usual = Page::default();
    let page = Page {
        model: find("model").unwrap_or(usual.model),
        view: find("view").and_then(|word| view_of(&word)).unwrap_or(usual.view),
        matrix: find("matrix"),
        digits: find("digits").and_then(|n| n.parse().ok()).unwrap_or(0),
        device: find("device").and_then(|word| device_of(&word)).unwrap_or_default(),
        writing: read(find),
        sketch: read(find),
        browse: read(find),
    };
    Ok(Some(Shared { recipe, page }))
}

pub const VIEWS: [(HeatKind, &str); 3] =
    [(HeatKind::Importance, "importance"), (HeatKind::Weight, "weights"), (HeatKind::Mask, "mask")];

pub const DEVICES: [(DeviceChoice, &str); 3] =
    [(DeviceChoice::Auto, "auto"), (DeviceChoice::Gpu, "gpu"), (DeviceChoice::Cpu, "cpu")];

pub fn view_of(word: &str) -> Option<HeatKind> {
    VIEWS.iter().find(|(_, other)| *other == word).map(|(view, _)| *view)
}

pub fn view_word(view: HeatKind) -> &'static str {
    VIEWS.iter().find(|(other, _)| *other == view).map_or("importance", |(_, word)| word)
}

pub fn device_of(word: &str) -> Option<DeviceChoice> {
    DEVICES.iter().find(|(_, other)| *other == word).map(|(device, _)| *device)
}

pub fn device_word(device: DeviceChoice) -> &'static str {
    DEVICES.iter().find(|(other, _)| *other == device).map_or("auto", |(_, word)| word)
}

/// Percent-encodes what would end a key or a value (RFC 3986 §2.1).
fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use secateur_protocol::Value;

    use super::*;

    fn recipe() -> Recipe {
        let values = [("sparsity".to_string(), Value::Number(0.8)), ("pattern".into(), Value::Text("n:m".into()))];
        Recipe { method: "wanda".into(), values: values.into(), seed: 3 }
    }

    #[test]
    fn a_link_reads_back() {
        let page = Page {
            model: "my vit & co.safetensors".into(),
            view: HeatKind::Mask,
            matrix: Some("vit.encoder.layer.0.output.dense.weight".into()),
            digits: 24,
            device: DeviceChoice::Cpu,
            writing: Writing { prompt: "Two & two = four,\nhe said.".into(), greedy: true, ..Writing::default() },
            sketch: Sketch { label: None, steps: 7, ..Sketch::default() },
            browse: Browse { search: "heads & gates".into(), ..Browse::default() },
        };
        let line = fragment(&recipe(), &page);
        assert_eq!(parse(&format!("#{line}")).unwrap().unwrap(), Shared { recipe: recipe(), page });
    }

    #[test]
    fn defaults_stay_out_of_the_link() {
        let line = fragment(&recipe(), &Page::default());
        assert_eq!(line, "method=wanda&seed=3&pattern=n:m&sparsity=0.8&model=builtin:digits-vit");
    }

    #[test]
    fn broken_links_say_so_and_empty_ones_are_nothing() {
        assert_eq!(parse("#").unwrap(), None);
        assert!(parse("#sparsity=0.5").is_err());
        assert!(parse("#method=a&b=%zz").is_err());
        let odd = parse("#method=a&view=upside-down&digits=many").unwrap().unwrap();
        assert_eq!((odd.page.view, odd.page.digits), (HeatKind::Importance, 0));
    }
}
