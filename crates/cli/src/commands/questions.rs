use secateur_protocol::{Asked, Command, Event};
use serde_json::json;

use crate::args::EvalArgs;
use crate::client::talk;
use crate::model::source;
use crate::progress::Progress;
use crate::{Answer, Result};

/// Says how many questions of each kind a language model knows.
pub fn run(progress: Progress, args: EvalArgs) -> Result<Answer> {
    let source = source(&args.model)?;
    let items = talk(progress, async |client| {
        client.hello(args.device.into()).await?;
        client.load(source).await?;
        Ok(client.ask_for(Command::Ask, asked).await?.0)
    })?;
    let line =
        |item: &Asked| format!("  {:<18} {:>5.1} % of {} questions\n", item.about, 100.0 * item.dense, item.questions);
    let entry = |item: &Asked| json!({ "about": item.about, "questions": item.questions, "known": item.dense });
    let json = json!({ "model": args.model, "questions": items.iter().map(entry).collect::<Vec<_>>() });
    Ok(Answer { text: format!("{} knows\n{}", args.model, items.iter().map(line).collect::<String>()), json })
}

fn asked(event: Event) -> Option<Vec<Asked>> {
    match event {
        Event::Asked { items } => Some(items),
        _ => None,
    }
}
