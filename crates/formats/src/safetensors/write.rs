use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use safetensors::tensor::TensorInfo;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Dtype, FormatError};
use crate::{clip, quote};

/// A tensor to be written.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Its entries row by row, little-endian.
    pub bytes: Cow<'a, [u8]>,
}

/// A whole file. Tensors stand in the order that the reference library writes, largest element type first and then
/// by name, so equal contents are equal files; its own writer puts the metadata in random order.
pub fn write<'a>(
    tensors: impl IntoIterator<Item = Tensor<'a>>,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, FormatError> {
    let mut tensors: Vec<Tensor<'a>> = tensors.into_iter().collect();
    tensors.sort_by(|a, b| b.dtype.cmp(&a.dtype).then_with(|| a.name.cmp(&b.name)));
    check(&tensors)?;
    let mut header = serde_json::to_vec(&HeaderOut { tensors: &tensors, metadata }).expect("strings and numbers");
    header.resize(header.len().next_multiple_of(8), b' '); // so that the data is aligned

    let total: usize = tensors.iter().map(|tensor| tensor.bytes.len()).sum();
    let mut file = Vec::with_capacity(8 + header.len() + total);
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header);
    for tensor in &tensors {
        file.extend_from_slice(&tensor.bytes);
    }
    Ok(file)
}

fn check(tensors: &[Tensor<'_>]) -> Result<(), FormatError> {
    let mut names = BTreeSet::new();
    for tensor in tensors {
        if !names.insert(&tensor.name) {
            return Err(FormatError::Duplicate { name: quote(&tensor.name) });
        }
        let entries = tensor.shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size as u64));
        let bits = entries.and_then(|entries| entries.checked_mul(tensor.dtype.bitsize() as u64));
        if bits != Some(tensor.bytes.len() as u64 * 8) {
            let shape = clip(&format!("{:?}", tensor.shape));
            let (name, got) = (quote(&tensor.name), tensor.bytes.len());
            return Err(FormatError::WriteSize { name, dtype: tensor.dtype, shape, got });
        }
    }
    Ok(())
}

/// The header in the reference library's own words, entries in file order.
struct HeaderOut<'a> {
    tensors: &'a [Tensor<'a>],
    metadata: &'a BTreeMap<String, String>,
}

impl Serialize for HeaderOut<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        if !self.metadata.is_empty() {
            map.serialize_entry("__metadata__", self.metadata)?;
        }
        let mut start = 0;
        for Tensor { name, dtype, shape, bytes } in self.tensors {
            let data_offsets = (start, start + bytes.len());
            map.serialize_entry(name, &TensorInfo { dtype: *dtype, shape: shape.clone(), data_offsets })?;
            start = data_offsets.1;
        }
        map.end()
    }
}
