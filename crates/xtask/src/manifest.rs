//! public/manifest.json: every shipped file with its size, hash, licence and how it came about.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::shell::{Result, root};

/// All of `public/` together may weigh this much.
const LIMIT_BYTES: u64 = 25_000_000;
const NAME: &str = "manifest.json";

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// By path.
    files: Vec<Entry>,
}

/// One shipped file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Below `public/`, with forward slashes.
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
    /// SPDX expression.
    pub licence: String,
    /// Where it or what it was made from comes from.
    pub source: String,
    /// The command that makes it, or `hand`.
    pub made_by: String,
    /// Key of every random draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What the command wrote while making it, below `public/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// Measures the listed files anew and lists new ones, whose licence and source are then to be filled in.
pub fn refresh() -> Result {
    let mut manifest = load()?;
    let shipped = shipped()?;
    manifest.files.retain(|entry| shipped.contains(&entry.path));
    for path in &shipped {
        if !manifest.files.iter().any(|entry| entry.path == *path) {
            manifest.files.push(Entry { path: path.clone(), ..Entry::default() });
        }
    }
    for entry in &mut manifest.files {
        let bytes = fs::read(public().join(&entry.path))?;
        (entry.bytes, entry.sha256) = (bytes.len() as u64, sha256(&bytes));
    }
    save(manifest)?;
    check()
}

/// Adds an entry or replaces the one of the same path. Size and hash are [`refresh`]'s to fill in.
pub fn put(entry: Entry) -> Result {
    let mut manifest = load()?;
    manifest.files.retain(|other| other.path != entry.path);
    manifest.files.push(entry);
    save(manifest)
}

/// In hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The manifest lists what is there, rightly, and all of it together is light enough.
fn check() -> Result {
    let manifest = load()?;
    let mut wrong = Vec::new();
    for path in shipped()? {
        match manifest.files.iter().find(|entry| entry.path == path) {
            Some(entry) => wrong.extend(faults(entry, &fs::read(public().join(&path))?)),
            None => wrong.push(format!("{path} is not listed")),
        }
    }
    let gone = manifest.files.iter().filter(|entry| !public().join(&entry.path).is_file());
    wrong.extend(gone.map(|entry| format!("{} is listed but not there", entry.path)));
    let total: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
    if total > LIMIT_BYTES {
        wrong.push(format!("the files weigh {total} bytes together, more than {LIMIT_BYTES}"));
    }
    if wrong.is_empty() {
        println!("public/: {} files, {total} bytes of {LIMIT_BYTES}", manifest.files.len());
        return Ok(());
    }
    Err(format!("public/{NAME}: {}; mend the entries and run `cargo xtask manifest`", wrong.join("; ")).into())
}

fn faults(entry: &Entry, bytes: &[u8]) -> Vec<String> {
    let Entry { path, licence, source, made_by, .. } = entry;
    let mut faults = Vec::new();
    if entry.bytes != bytes.len() as u64 || entry.sha256 != sha256(bytes) {
        faults.push(format!("{path} has changed"));
    }
    for (key, text) in [("licence", licence), ("source", source), ("made_by", made_by)] {
        if text.is_empty() {
            faults.push(format!("{path} has no {key}"));
        }
    }
    faults
}

fn public() -> PathBuf {
    root().join("public")
}

fn load() -> Result<Manifest> {
    match fs::read(public().join(NAME)) {
        Ok(json) => Ok(serde_json::from_slice(&json).map_err(|error| format!("public/{NAME}: {error}"))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(error) => Err(format!("public/{NAME}: {error}").into()),
    }
}

fn save(mut manifest: Manifest) -> Result {
    manifest.files.sort_by(|a, b| a.path.cmp(&b.path));
    let json = serde_json::to_string_pretty(&manifest)?;
    Ok(fs::write(public().join(NAME), json + "\n")?)
}

/// Paths of all files below `public/` but the manifest, with forward slashes.
fn shipped() -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect(&public(), &mut files)?;
    let relative = |file: PathBuf| {
        let below = file.strip_prefix(public()).expect("found below it").to_owned();
        below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    Ok(files.into_iter().map(relative).filter(|path| path != NAME).collect())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_file_is_listed_rightly() {
        if let Err(error) = check() {
            panic!("{error}");
        }
    }

    #[test]
    fn a_changed_or_unlicensed_file_is_a_fault() {
        let text = || "x".to_string();
        let right = Entry {
            path: text(),
            bytes: 2,
            sha256: sha256(b"ab"),
            licence: text(),
            source: text(),
            made_by: text(),
            ..Entry::default()
        };
        assert_eq!(faults(&right, b"ab"), [""; 0]);
        assert_eq!(faults(&right, b"ac"), ["x has changed"]);
        assert_eq!(faults(&Entry { licence: String::new(), ..right }, b"ab"), ["x has no licence"]);
    }

    #[test]
    fn the_hash_is_sha_256() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
