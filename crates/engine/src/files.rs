//! Which files a model comes in, and where they lie.

use secateur_protocol::{BuiltIn, FileRef, Source};

use crate::checkpoint::{built_in, read_json};
use crate::stop::Stop;
use crate::{Asset, Host};

const ONNX: &str = ".onnx";

/// The files of one model.
pub(crate) enum Files<'a> {
    BuiltIn {
        id: &'a str,
        /// Below `public/`; the weights first.
        paths: Vec<String>,
    },
    User(&'a [FileRef]),
}

/// The models that ship with the playground.
pub(crate) async fn built_in_models<H: Host>(host: &H) -> Result<Vec<BuiltIn>, Stop> {
    let list = read_json(host, Asset::BuiltIn("models/index.json")).await?;
    serde_json::from_value(list).map_err(|error| Stop::because(format!("models/index.json: {error}")))
}

impl<'a> Files<'a> {
    pub async fn of<H: Host>(host: &H, source: &'a Source) -> Result<Self, Stop> {
        let id = match source {
            Source::Files { files } => return Ok(Self::User(files)),
            Source::BuiltIn { id } => id,
        };
        let listed = built_in_models(host).await?.into_iter().find(|model| model.id == *id);
        let more = listed.map(|model| model.files).unwrap_or_default();
        let usual = ["model.safetensors", "config.json"].map(String::from);
        let paths = usual.iter().chain(&more).map(|file| built_in(id, file)).collect();
        Ok(Self::BuiltIn { id, paths })
    }

    /// What the model is called: `builtin:digits-vit`, or its weights' first file.
    pub fn name(&self) -> Result<String, Stop> {
        match self {
            Self::BuiltIn { id, .. } => Ok(format!("builtin:{id}")),
            Self::User(_) if self.onnx().is_some() => Ok(self.onnx().map_or("", |asset| asset.name()).to_string()),
            Self::User(files) => Ok(weights_among(files)?[0].name.clone()),
        }
    }

    /// The one file of weights, or all shards of one model in their order.
    pub fn weights(&self) -> Result<Vec<Asset<'_>>, Stop> {
        match self {
            Self::BuiltIn { paths, .. } => Ok(vec![Asset::BuiltIn(&paths[0])]),
            Self::User(files) => Ok(weights_among(files)?.iter().map(|file| Asset::User(&file.name)).collect()),
        }
    }

    /// The ONNX file, where the model comes as one.
    pub fn onnx(&self) -> Option<Asset<'_>> {
        match self {
            Self::BuiltIn { .. } => None,
            Self::User(files) => {
                files.iter().find(|file| file.name.ends_with(ONNX)).map(|file| Asset::User(&file.name))
            }
        }
    }

    /// The file of this name, whatever folder it lies in.
    pub fn named(&self, name: &str) -> Option<Asset<'_>> {
        match self {
            Self::BuiltIn { paths, .. } => {
                paths.iter().find(|path| is_named(path, name)).map(|path| Asset::BuiltIn(path))
            }
            Self::User(files) => {
                files.iter().find(|file| is_named(&file.name, name)).map(|file| Asset::User(&file.name))
            }
        }
    }
}

fn is_named(path: &str, name: &str) -> bool {
    path.rsplit(['/', '\\']).next() == Some(name)
}

/// The weights among the user's files: the one file, or the shards of one model in their order.
fn weights_among(files: &[FileRef]) -> Result<Vec<&FileRef>, Stop> {
    let mut weights: Vec<&FileRef> = files.iter().filter(|file| file.name.ends_with(".safetensors")).collect();
    weights.sort_by(|a, b| a.name.cmp(&b.name));
    match weights.as_slice() {
        [] => {
            let names = files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
            let got = if names.is_empty() { "nothing" } else { &names };
            Err(Stop::because(format!(
                "wanted a .safetensors or .onnx file with weights, got {got}; drop the model's weights"
            )))
        }
        [first, ..] => match shard(&first.name) {
            Some((stem, of)) => complete(&weights, stem, of).map(|()| weights.clone()),
            None if weights.len() == 1 => Ok(weights),
            None => Err(Stop::because(format!(
                "wanted one .safetensors file or all shards of one model, got {} and {}; choose one",
                first.name, weights[1].name
            ))),
        },
    }
}

/// The name without `-00001-of-00003.safetensors`, and the number of shards.
fn shard(name: &str) -> Option<(&str, usize)> {
    let (rest, of) = name.strip_suffix(".safetensors")?.rsplit_once("-of-")?;
    let (stem, at) = rest.rsplit_once('-')?;
    (at.parse::<usize>().is_ok()).then_some((stem, of.parse().ok()?))
}

/// Whether these are all shards of one model and nothing else.
fn complete(weights: &[&FileRef], stem: &str, of: usize) -> Result<(), Stop> {
    if let Some(other) = weights.iter().find(|file| shard(&file.name) != Some((stem, of))) {
        let what = format!("wanted the {of} shards of {stem} and nothing else, got {} as well", other.name);
        return Err(Stop::because(format!("{what}; choose one model")));
    }
    if weights.len() != of {
        let names = weights.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Stop::because(format!("{stem} comes in {of} shards, got {}: {names}; choose all", weights.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_apart_by_their_whole_name() {
        assert!(is_named("config.json", "config.json"));
        assert!(is_named("vit/config.json", "config.json") && is_named(r"C:\vit\config.json", "config.json"));
        assert!(!is_named("vit/preprocessor_config.json", "config.json"));
    }

    #[test]
    fn shards_come_together_or_not_at_all() {
        let found = |names: &[&str]| {
            let files: Vec<_> = names.iter().map(|name| FileRef { name: name.to_string(), bytes: 0 }).collect();
            let weights = weights_among(&files);
            weights.map(|files| files.iter().map(|file| file.name.clone()).collect::<Vec<_>>())
        };
        let said = |names: &[&str]| match found(names) {
            Err(Stop::Failed(error)) => error,
            other => panic!("{other:?}"),
        };
        let (a, b) = ("m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors");
        assert_eq!(found(&[b, "config.json", a]).unwrap(), [a, b]);
        assert_eq!(found(&["model.safetensors"]).unwrap(), ["model.safetensors"]);
        assert!(said(&[b]).contains("m comes in 2 shards, got 1: m-00002-of-00002.safetensors; choose all"));
        assert!(said(&[a, "x.safetensors"]).contains("nothing else, got x.safetensors as well"));
        assert!(said(&["x.safetensors", "y.safetensors"]).contains("got x.safetensors and y.safetensors; choose one"));
        assert!(said(&["config.json"]).contains("got config.json"));
    }
}
