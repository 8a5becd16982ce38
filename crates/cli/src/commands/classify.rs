use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use secateur_protocol::{Classified, Command, Event};
use serde_json::{Value, json};

use crate::args::EvalArgs;
use crate::client::talk;
use crate::model::{file_ref, source};
use crate::progress::Progress;
use crate::{Answer, Result};

/// Endings of the files that a folder of pictures is read for.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// Says what the model sees in pictures.
pub fn run(progress: Progress, args: EvalArgs) -> Result<Answer> {
    let source = source(&args.model)?;
    let files = pictures(args.images)?.iter().map(|path| file_ref(path)).collect::<Result<Vec<_>>>()?;
    let (labels, items) = talk(progress, async |client| {
        client.hello(args.device.into()).await?;
        let labels = client.load(source).await?.labels;
        Ok((labels, client.ask_for(Command::Classify { pictures: files }, seen).await?.0))
    })?;
    let label = |class: u32| labels.get(class as usize).map_or("", String::as_str);
    let line = |(class, share): &(u32, f32)| format!("  {:>6.2} %  {}\n", 100.0 * share, label(*class));
    let table = |item: &Classified| format!("{}\n{}", item.name, item.dense.iter().map(line).collect::<String>());
    let list = |best: &[(u32, f32)]| best.iter().map(|(class, share)| json!([class, label(*class), share])).collect();
    let entry = |item: &Classified| {
        let [dense, pruned]: [Value; 2] = [&item.dense, &item.pruned].map(|best| list(best));
        json!({ "name": item.name, "dense": dense, "pruned": pruned })
    };
    let json = json!({ "model": args.model, "pictures": items.iter().map(entry).collect::<Vec<_>>() });
    Ok(Answer { text: items.iter().map(table).collect(), json })
}

/// The files themselves, and the pictures in folders in the order of their names.
fn pictures(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() {
            all.push(path);
            continue;
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(&path).map_err(|error| format!("could not read {}: {error}", path.display()))? {
            let file = entry?.path();
            let ending = file.extension().and_then(OsStr::to_str).map(str::to_lowercase);
            if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(format!("{} holds no {} file; name another folder", path.display(), ENDINGS.join(", ")).into());
        }
        found.sort();
        all.extend(found);
    }
    Ok(all)
}

fn seen(event: Event) -> Option<Vec<Classified>> {
    match event {
        Event::Classified { items } => Some(items),
        _ => None,
    }
}
