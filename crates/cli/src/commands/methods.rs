use secateur_protocol::{AXES, Card, Command, DeviceChoice, Event, Field, Kind, VERSION, spelled_out};
use serde_json::json;

use crate::args::Show;
use crate::client::talk;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress, show: Option<Show>) -> Result<Answer> {
    let hello = Command::Hello { version: VERSION, device: DeviceChoice::Cpu };
    let listed = |event| match event {
        Event::Ready { methods, .. } => Some(methods),
        _ => None,
    };
    let (cards, _) = talk(progress, async |client| client.ask_for(hello, listed).await)?;
    let Some(Show::Show { id }) = show else {
        let text = cards.iter().map(|card| format!("{:<12} {}\n", card.id, card.sentence)).collect();
        return Ok(Answer { text, json: json!({ "methods": cards }) });
    };
    let known = || cards.iter().map(|card| card.id.as_ref()).collect::<Vec<_>>().join(", ");
    let card = cards.iter().find(|card| card.id == id);
    let card = card.ok_or_else(|| format!("there is no method {id:?}; there are {}", known()))?;
    Ok(Answer { text: text(card), json: json!(card) })
}

/// A card for people.
fn text(card: &Card) -> String {
    let mut text = format!("{}\n{}\n{}\n\n  score: {}\n", card.name, card.sentence, card.when, card.formula);
    text += &format!("  paper: {} ({}, {})\n", card.paper, card.authors, card.year);
    if !card.arxiv.is_empty() {
        text += &format!("  https://arxiv.org/abs/{}\n", card.arxiv);
    }
    if !card.differs.is_empty() {
        text += &format!("  here:  {}\n", card.differs);
    }
    let needs: Vec<&str> = card.needs.iter().map(|need| need.told()).collect();
    text += &format!("  needs: {}\n", if needs.is_empty() { "only the weights".into() } else { needs.join(", ") });
    for (axis, words) in AXES.iter().zip(card.filing.words()) {
        let words: Vec<String> = words.into_iter().map(in_full).collect();
        text += &format!("  {}: {}\n", axis.name, words.join(", "));
    }
    text += "\nsettings (--set key=value):\n";
    card.fields.iter().fold(text, |text, field| text + &setting(field))
}

/// A word of an axis, and what it is short for.
fn in_full(word: &str) -> String {
    spelled_out(word).map_or(word.into(), |long| format!("{word} ({long})"))
}

fn setting(field: &Field) -> String {
    let range = match &field.kind {
        Kind::Number { min, max, .. } => format!("{min} to {max}"),
        Kind::Whole { min, max, .. } => format!("{min} to {max}, whole"),
        Kind::Choice { options, .. } => options.join(" | "),
        Kind::Words => "any words".into(),
    };
    let only = |(key, values): &(_, Vec<_>)| format!(" (only with {key}={})", values.join(" or "));
    let only = field.only_if.as_ref().map_or(String::new(), only);
    format!("  {} = {}   [{range}]{only}\n      {}\n", field.key, field.default(), field.help)
}
