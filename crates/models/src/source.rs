use std::collections::BTreeMap;

use secateur_formats::config::{Setting, optional};
use serde_json::Value;

use crate::{ModelError, Tensors};

/// Largest accepted size of one axis: a bound for arithmetic, far above real models.
const LARGEST: usize = 1 << 20;

/// Where a family reads its sizes: a configuration, a file's tensors, or both, which then must agree.
pub struct Source<'a> {
    pub config: Option<&'a Value>,
    pub tensors: Option<&'a Tensors<'a>>,
}

/// The tensor that shows a size: on its axis `axis` of `axes`.
pub struct Witness<'a> {
    pub tensor: &'a str,
    pub axis: usize,
    pub axes: usize,
}

impl Source<'_> {
    /// A setting; `None` without a configuration or where it is silent.
    pub fn setting<T: Setting>(&self, key: &'static str) -> Result<Option<T>, ModelError> {
        Ok(self.config.map_or(Ok(None), |config| optional(config, key))?)
    }

    pub fn has(&self, tensor: &str) -> bool {
        self.tensors.is_some_and(|tensors| tensors.has(tensor))
    }

    /// A size under the configuration's `key`, as a tensor shows it.
    pub fn size(&self, key: &'static str, witness: Witness<'_>) -> Result<usize, ModelError> {
        self.agreed(key, self.setting(key)?, witness)
    }

    /// The size that the configuration says (`said`, under `key`) and a tensor shows.
    pub fn agreed(&self, key: &'static str, said: Option<usize>, witness: Witness<'_>) -> Result<usize, ModelError> {
        let Witness { tensor, axis, axes } = witness;
        let shape = self.tensors.and_then(|tensors| tensors.shape(tensor));
        let shown = match shape {
            Some(shape) if shape.len() == axes => Some(shape[axis]),
            Some(shape) => {
                let what = format!("wanted {tensor} with {axes} axes, got {shape:?}");
                return Err(ModelError::unsupported(what, "save the model with its Hugging Face names and shapes"));
            }
            None => None,
        };
        match (said, shown) {
            (Some(config), Some(size)) if config != size => {
                let shape = shape.unwrap_or_default().to_vec();
                Err(ModelError::Disagree { key, config, tensor: tensor.to_string(), axis, shape, size })
            }
            (Some(size), _) | (None, Some(size)) => bounded(key, size, LARGEST),
            (None, None) => Err(self.silent(key, tensor)),
        }
    }

    /// Class names, one for each row of `classifier`. Without names they are called as Hugging Face calls them.
    pub fn labels(&self, classifier: &str) -> Result<Vec<String>, ModelError> {
        let names: Option<BTreeMap<String, String>> = self.setting("id2label")?;
        let (key, said) = match &names {
            Some(names) => ("id2label", Some(names.len())),
            None => ("num_labels", self.setting("num_labels")?),
        };
        let classes = self.agreed(key, said, Witness { tensor: classifier, axis: 0, axes: 2 })?;
        let name = |at: usize| match &names {
            None => Ok(format!("LABEL_{at}")),
            Some(names) => names.get(&at.to_string()).cloned().ok_or_else(|| {
                let want = format!("a name for each class from 0 to {}", classes - 1);
                ModelError::setting("id2label", want, format!("none for {at}"))
            }),
        };
        (0..classes).map(name).collect()
    }

    /// Neither a setting nor a tensor speaks.
    fn silent(&self, key: &'static str, tensor: &str) -> ModelError {
        match self.tensors {
            Some(_) => {
                let what = format!("there is no tensor {tensor} and no config that says {key:?}");
                ModelError::unsupported(what, "choose the complete file, or put its config.json beside it")
            }
            None => ModelError::setting(key, "there", "nothing"),
        }
    }
}

/// A size from 1 to `largest`.
pub fn bounded(key: &'static str, size: usize, largest: usize) -> Result<usize, ModelError> {
    let fits = (1..=largest).contains(&size);
    fits.then_some(size).ok_or_else(|| ModelError::setting(key, format!("from 1 to {largest}"), size))
}
