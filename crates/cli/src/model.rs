use std::fs;
use std::path::{Path, PathBuf};

use secateur_protocol::{FileRef, Source};

use crate::Result;

/// What MODEL stands for: `builtin:ID`, a .safetensors file or a folder with one in it. A config.json and a
/// preprocessor_config.json beside the weights are used.
pub fn source(model: &str) -> Result<Source> {
    if let Some(id) = model.strip_prefix("builtin:") {
        return Ok(Source::BuiltIn { id: id.to_string() });
    }
    let weights = weights(Path::new(model))?;
    let settings = ["config.json", "preprocessor_config.json"].map(|name| weights.with_file_name(name));
    let there = settings.iter().filter(|path| path.is_file());
    let files = [&weights].into_iter().chain(there).map(|path| file_ref(path)).collect::<Result<_>>()?;
    Ok(Source::Files { files })
}

/// The weights' file: the path itself, or the one in the folder.
pub fn weights(path: &Path) -> Result<PathBuf> {
    if !path.exists() {
        return Err(
            format!("there is no {}; MODEL is builtin:ID, a .safetensors file or a folder", path.display()).into()
        );
    }
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let usual = path.join("model.safetensors");
    if usual.is_file() {
        return Ok(usual);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "safetensors") {
            found.push(file);
        }
    }
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(format!("{} holds no .safetensors file", path.display()).into()),
        _ => Err(format!("{} holds {} .safetensors files; name one of them", path.display(), found.len()).into()),
    }
}

fn file_ref(path: &Path) -> Result<FileRef> {
    let name = path.to_str().ok_or_else(|| format!("{}: the name is not valid Unicode", path.display()))?;
    Ok(FileRef { name: name.to_string(), bytes: fs::metadata(path)?.len() })
}
