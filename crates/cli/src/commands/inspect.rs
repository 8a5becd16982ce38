use std::path::Path;

use secateur_formats::ReadAt;
use secateur_formats::safetensors::{Header, Shards, TensorInfo};
use serde_json::{Value, json};

use crate::host::AnyFile;
use crate::model::weights;
use crate::{Answer, Result};

/// Reads a file's header and says what is in it; the tensors' bytes stay on the disk.
pub fn run(path: &Path) -> Result<Answer> {
    let paths = weights(path)?;
    let path = &paths[0];
    let files =
        paths.iter().map(|path| AnyFile::open(&path.to_string_lossy())).collect::<std::result::Result<_, _>>()?;
    let opened = pollster::block_on(Shards::open(files)).map_err(|error| format!("{}: {error}", path.display()))?;
    let (file, header) = opened;
    let family = family(path, &header);
    let entries: u64 = header.tensors.iter().map(|tensor| tensor.len() as u64).sum();
    let json = json!({
        "file": path.display().to_string(),
        "bytes": file.len(),
        "family": family.as_ref().ok().map(|(family, _)| family),
        "verdict": family.as_ref().map_or_else(|error| error.clone(), |(_, verdict)| verdict.clone()),
        "entries": entries,
        "metadata": header.metadata,
        "tensors": header.tensors.iter().map(entry).collect::<Vec<_>>(),
    });
    let mut text =
        format!("{}: {} bytes, {} tensors, {entries} entries\n", path.display(), file.len(), header.tensors.len());
    text += &format!("{}\n\n", json["verdict"].as_str().unwrap_or_default());
    let widest = header.tensors.iter().map(|tensor| tensor.name.len()).max().unwrap_or(0);
    for TensorInfo { name, dtype, shape, .. } in &header.tensors {
        text += &format!("{name:<widest$}  {dtype:<5}  {shape:?}\n", dtype = dtype.to_string());
    }
    Ok(Answer { text, json })
}

/// (family, verdict), or why the file is none that can be pruned here.
fn family(path: &Path, header: &Header) -> std::result::Result<(String, String), String> {
    let config = match std::fs::read(path.with_file_name("config.json")) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| format!("config.json is not JSON: {error}"))?),
        Err(_) => None,
    };
    let model = secateur_models::detect(header, config.as_ref()).map_err(|error| error.to_string())?;
    Ok((model.family.to_string(), model.verdict))
}

fn entry(tensor: &TensorInfo) -> Value {
    json!({ "name": tensor.name, "dtype": tensor.dtype.to_string(), "shape": tensor.shape,
            "bytes": tensor.bytes() })
}
