use std::fs;
use std::path::{Path, PathBuf};

use secateur_protocol::{FileRef, Source};

use crate::Result;

/// What is used beside the weights.
const SETTINGS: [&str; 4] = ["config.json", "tokenizer.json", "preprocessor_config.json", "scheduler_config.json"];

/// What the weights of one model are called, by diffusers and by everybody else.
const USUAL: [&str; 2] = ["model.safetensors", "diffusion_pytorch_model.safetensors"];

/// What MODEL stands for: `builtin:ID`, a .safetensors file or a folder with one in it, and the settings beside it.
pub fn source(model: &str) -> Result<Source> {
    if let Some(id) = model.strip_prefix("builtin:") {
        return Ok(Source::BuiltIn { id: id.to_string() });
    }
    if model.ends_with(".onnx") {
        return onnx(Path::new(model));
    }
    let weights = weights(Path::new(model))?;
    let settings = SETTINGS.map(|name| weights[0].with_file_name(name));
    let there = settings.iter().filter(|path| path.is_file());
    let files = weights.iter().chain(there).map(|path| file_ref(path)).collect::<Result<_>>()?;
    Ok(Source::Files { files })
}

/// An ONNX file, and those beside it that may hold its weights.
fn onnx(path: &Path) -> Result<Source> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut files = vec![file_ref(path).map_err(|error| format!("{}: {error}", path.display()))?];
    let mut beside: Vec<PathBuf> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    beside.retain(|other| other.is_file() && other.to_string_lossy().ends_with("data"));
    beside.sort();
    for other in beside {
        files.push(file_ref(&other)?);
    }
    let settings = SETTINGS.map(|name| path.with_file_name(name));
    for other in settings.iter().filter(|path| path.is_file()) {
        files.push(file_ref(other)?);
    }
    Ok(Source::Files { files })
}

/// The weights' files: the path itself, what an index.json beside its shards stands for, or those in the folder.
pub fn weights(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.exists() {
        return Err(
            format!("there is no {}; MODEL is builtin:ID, a .safetensors file or a folder", path.display()).into()
        );
    }
    if path.to_string_lossy().ends_with(".safetensors.index.json") {
        return in_folder(path.parent().unwrap_or(Path::new("")));
    }
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let usual = USUAL.map(|name| path.join(name)).into_iter().find(|file| file.is_file());
    usual.map_or_else(|| in_folder(path), |file| Ok(vec![file]))
}

/// All .safetensors files there, sorted; whether they belong together is seen when they are opened.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut found = Vec::new();
    for entry in fs::read_dir(here)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "safetensors") {
            found.push(file);
        }
    }
    found.sort();
    if found.is_empty() { Err(format!("{} holds no .safetensors file", here.display()).into()) } else { Ok(found) }
}

/// A file as the engine asks for it.
pub fn file_ref(path: &Path) -> Result<FileRef> {
    let name = path.to_str().ok_or_else(|| format!("{}: the name is not valid Unicode", path.display()))?;
    Ok(FileRef { name: name.to_string(), bytes: fs::metadata(path)?.len() })
}
