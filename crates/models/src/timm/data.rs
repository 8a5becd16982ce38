//! The pictures that a timm model takes and the classes that it knows.

use std::collections::BTreeMap;

use secateur_formats::config::Setting;
use secateur_formats::quote;
use serde_json::Value;

use crate::preprocessor::{by_channel, share_of};
use crate::settings::{Pair, under};
use crate::source::{Source, Witness};
use crate::vit::{Keys, Patches};
use crate::{Filter, InputSpec, ModelError};

const KEYS: Keys = Keys { channels: "in_chans", features: "embed_dim", patch: "patch_size", image: "img_size" };

/// And whether positions are added to patches only; `special` tokens come before these.
pub fn patches(
    source: &Source,
    args: &Source,
    special: usize,
    assumed: &mut Vec<String>,
) -> Result<(Patches, bool), ModelError> {
    let said: Option<Pair> = match args.setting("img_size")? {
        Some(pair) => Some(pair),
        None => input_size(source)?,
    };
    let rows = args.tensors.and_then(|tensors| tensors.shape("pos_embed")?.get(1).copied());
    let square = |patches: usize| patches.isqrt().pow(2) == patches;
    let guess = rows.is_some_and(|rows| square(rows) && !square(rows.saturating_sub(special)));
    let flag = args.setting("no_embed_class")?;
    let apart = if flag.unwrap_or(guess) { 0 } else { special };
    let positions = (Witness { tensor: "pos_embed", axis: 1, axes: 3 }, apart);
    let sized = said.is_some();
    let patches = Patches::read(args, &KEYS, "patch_embed.proj", said, positions, assumed)?;
    let shown = if sized { rows.is_some_and(|rows| special > 0 && rows == patches.count()) } else { guess };
    Ok((patches, flag.unwrap_or(shown)))
}

/// (height, width) of the pictures it was trained on.
fn input_size(source: &Source) -> Result<Option<Pair>, ModelError> {
    match under(source, "pretrained_cfg")?.setting::<Vec<usize>>("input_size")?.as_deref() {
        None => Ok(None),
        Some(&[_, height, width]) => Ok(Some(Pair(height, width))),
        Some(other) => {
            Err(ModelError::setting("input_size", "channels, height and width", quote(&format!("{other:?}"))))
        }
    }
}

/// What timm's transformers look at of a picture's side, unless their configuration says otherwise.
const SHARE: f64 = 0.9;

/// How pictures are resized, cut and normalised.
pub fn pictures(source: &Source, patches: &Patches, assumed: &mut Vec<String>) -> Result<InputSpec, ModelError> {
    let pretrained = under(source, "pretrained_cfg")?;
    let plain = resized(&pretrained, InputSpec::new(patches.channels, patches.height, patches.width))?;
    let read = |key| by_channel(&pretrained, key, patches.channels);
    let (Some(mean), Some(std)) = (read("mean")?, read("std")?) else {
        assumed.push("pixels from -1 to 1".into());
        return Ok(plain);
    };
    match std.iter().find(|std| **std <= 0.0) {
        Some(std) => Err(ModelError::setting("std", "above 0", std)),
        None => Ok(InputSpec { mean, std, ..plain }),
    }
}

/// timm has more filters and ways to cut than are supported here; these pictures are resized bicubically and stretched.
fn resized(pretrained: &Source, stretched: InputSpec) -> Result<InputSpec, ModelError> {
    let filter: Option<String> = pretrained.setting("interpolation")?;
    let bilinear = filter.is_some_and(|filter| filter == "bilinear");
    let pictures = InputSpec { filter: if bilinear { Filter::Bilinear } else { Filter::Bicubic }, ..stretched };
    let cut: Option<String> = pretrained.setting("crop_mode")?;
    let share = share_of(pretrained.setting("crop_pct")?.unwrap_or(SHARE))?;
    Ok(if cut.is_none_or(|cut| cut == "center") { pictures.cut(share) } else { pictures })
}

/// The classifier.
const HEAD: &str = "head.weight";

fn classes(source: &Source) -> Result<Option<usize>, ModelError> {
    source.setting("num_classes")
}

/// Whether there is a classifier: where classes are said, one that is lost is missed.
pub fn classifies(source: &Source) -> Result<bool, ModelError> {
    Ok(classes(source)?.map_or(source.has(HEAD), |classes| classes > 0))
}

/// Class names, one for each row of the classifier.
pub fn labels(source: &Source) -> Result<Vec<String>, ModelError> {
    let rows = source.agreed("num_classes", classes(source)?, Witness { tensor: HEAD, axis: 0, axes: 2 })?;
    let given = source.setting::<BTreeMap<String, String>>("id2label")?.is_some();
    let labels = match source.setting("label_names")? {
        _ if given => source.labels(HEAD)?,
        Some(Labels(names)) => names,
        None => (0..rows).map(|at| format!("LABEL_{at}")).collect(),
    };
    let want = || format!("as many as \"num_classes\", {rows}");
    let key = if given { "id2label" } else { "label_names" };
    if labels.len() == rows { Ok(labels) } else { Err(ModelError::setting(key, want(), labels.len())) }
}

/// Class names as a list, or as an object by number.
struct Labels(Vec<String>);

impl Setting for Labels {
    const WANT: &'static str = "a list of texts";

    fn from_json(value: &Value) -> Option<Self> {
        if let Some(list) = Vec::from_json(value) {
            return Some(Self(list));
        }
        let by_number = BTreeMap::from_json(value)?;
        (0..by_number.len()).map(|at| by_number.get(&at.to_string()).cloned()).collect::<Option<_>>().map(Self)
    }
}
