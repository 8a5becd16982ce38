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

/// Pictures side by side, at most.
const COLUMNS: usize = 8;

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

/// The dense model's pictures on one sheet, in rows from left to right; places that are left over stay black.
fn sheet((event, blobs): Message) -> Option<Picture> {
    let Event::Drawn { count, height, width, channels, pixels, .. } = event.body else { return None };
    let [count, height, width, channels] = [count, height, width, channels].map(|size| size as usize);
    let (columns, rows) = (count.min(COLUMNS), count.div_ceil(COLUMNS));
    let line = width * channels;
    let mut values = vec![0; rows * height * columns * line];
    let lines = blobs.get(pixels.0 as usize)?.chunks_exact(line).take(count * height);
    for (at, from) in lines.enumerate() {
        let (picture, row) = (at / height, at % height);
        let start = ((picture / COLUMNS * height + row) * columns + picture % COLUMNS) * line;
        values[start..start + line].copy_from_slice(from);
    }
    Some(Picture { height: rows * height, width: columns * width, channels, values })
}

#[cfg(test)]
mod tests {
    use secateur_protocol::{BlobId, Envelope};

    use super::*;

    #[test]
    fn pictures_stand_in_rows() {
        let (count, height, width, channels) = (10, 2, 1, 1);
        let body = Event::Drawn { step: 1, steps: 1, count, height, width, channels, pixels: BlobId(0) };
        let sheet = sheet((Envelope { id: 1, body }, vec![(1..=40).collect()])).unwrap();
        assert_eq!((sheet.height, sheet.width), (4, 8));
        let rows: Vec<&[u8]> = sheet.values.chunks(8).collect();
        assert_eq!(rows[..2], [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]);
        assert_eq!(rows[2..], [[17, 19, 0, 0, 0, 0, 0, 0], [18, 20, 0, 0, 0, 0, 0, 0]]);
    }
}
