use secateur_formats::Picture;
use secateur_protocol::{Command, Draw, Event};
use serde_json::json;

use crate::args::SampleArgs;
use crate::client::talk;
use crate::host::Message;
use crate::model::source;
use crate::out_dir::write_file;
use crate::progress::Progress;
use crate::{Answer, Result};

/// Lets a diffusion model draw and writes a sheet with the pictures.
pub fn run(progress: Progress, args: SampleArgs) -> Result<Answer> {
    let SampleArgs { model, label, count, steps, sampler, guidance, seed, out, device } = args;
    let source = source(&model)?;
    let draw = Draw { label, count, sampler: sampler.into(), steps, guidance, seed };
    let told = talk(progress, async |client| {
        client.hello(device.into()).await?;
        client.load(source).await?;
        client.ask(Command::Draw(draw.clone())).await
    })?;
    let sheet = told.into_iter().rev().find_map(sheet).ok_or("the engine left out its answer; please report this")?;
    write_file(&out, &sheet.encode()?)?;
    let (out, (height, width)) = (out.display().to_string(), (sheet.height, sheet.width));
    let text = format!("drew {count} pictures in {steps} steps; wrote {out} ({width}×{height} pixels)");
    Ok(Answer { text, json: json!({ "model": model, "draw": draw, "out": out, "height": height, "width": width }) })
}

/// The dense model's pictures on one sheet.
fn sheet((event, blobs): Message) -> Option<Picture> {
    let Event::Drawn { count, height, width, channels, pixels, .. } = event.body else { return None };
    let [height, width, channels] = [height, width, channels].map(|size| size as usize);
    let dense = blobs.get(pixels.0 as usize)?.get(..count as usize * height * width * channels)?;
    Some(Picture::sheet(height, width, channels, dense))
}
