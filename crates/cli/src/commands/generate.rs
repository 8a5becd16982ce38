use secateur_protocol::{Choice, Command, Event, Generate, Written};
use serde_json::json;

use crate::args::GenerateArgs;
use crate::client::talk;
use crate::model::source;
use crate::progress::Progress;
use crate::{Answer, Result};

/// Lets a language model go on with a text.
pub fn run(progress: Progress, args: GenerateArgs) -> Result<Answer> {
    let GenerateArgs { model, prompt, max_tokens, greedy, temperature, top_k, top_p, seed, device } = args;
    let source = source(&model)?;
    let choice = if greedy { Choice::Greedy } else { Choice::Drawn { temperature, top_k, top_p } };
    let generate = Command::Generate(Generate { prompt: prompt.clone(), max_tokens, choice, seed });
    let written = talk(progress, async |client| {
        client.hello(device.into()).await?;
        client.load(source).await?;
        Ok(client.ask_for(generate, written).await?.0)
    })?;
    let new = &written.dense;
    let text: String = new.iter().map(|token| token.text.as_str()).collect();
    let json = json!({
        "model": model,
        "prompt": prompt,
        "text": text,
        "ids": new.iter().map(|token| token.id).collect::<Vec<_>>(),
        "log_probabilities": new.iter().map(|token| token.dense).collect::<Vec<_>>(),
        "tokens_per_second": written.tokens_per_second,
        "notes": written.notes,
        "device": written.device,
    });
    let rate = format!("{} tokens, {:.1} a second on {}", new.len(), written.tokens_per_second, written.device);
    let notes: String = written.notes.iter().map(|note| format!("note: {note}\n")).collect();
    Ok(Answer { text: format!("{prompt}{text}\n\n{rate}\n{notes}"), json })
}

fn written(event: Event) -> Option<Written> {
    match event {
        Event::Written(written) => Some(*written),
        _ => None,
    }
}
