use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Dtype, FormatError, Header};
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
    let entries = tensors.iter().map(|Tensor { name, dtype, shape, bytes }| Entry {
        name,
        dtype: *dtype,
        shape,
        bytes: bytes.len() as u64,
    });
    let mut file = started(entries.collect(), metadata);
    file.reserve_exact(tensors.iter().map(|tensor| tensor.bytes.len()).sum());
    for tensor in &tensors {
        file.extend_from_slice(&tensor.bytes);
    }
    Ok(file)
}

/// What a file with the tensors of `header` starts with, up to their bytes, which follow in the same order without
/// gaps. The note `key` = `value` is added to the metadata unless there is one by that name already.
///
/// PyTorch libraries want to be told `format` = `pt`.
pub fn start(header: &Header, key: &str, value: &str) -> Vec<u8> {
    let mut metadata = header.metadata.clone();
    metadata.entry(key.to_string()).or_insert_with(|| value.to_string());
    let entries = header.tensors.iter().map(|tensor| Entry {
        name: &tensor.name,
        dtype: tensor.dtype,
        shape: &tensor.shape,
        bytes: tensor.bytes(),
    });
    started(entries.collect(), &metadata)
}

/// The header's length and the header.
fn started(entries: Vec<Entry<'_>>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut header = serde_json::to_vec(&HeaderOut { entries, metadata }).expect("strings and numbers");
    header.resize(header.len().next_multiple_of(8), b' '); // so that the data is aligned
    let mut start = (header.len() as u64).to_le_bytes().to_vec();
    start.extend(header);
    start
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
    entries: Vec<Entry<'a>>,
    metadata: &'a BTreeMap<String, String>,
}

/// A tensor as the header lists it. The reference's own type counts in `usize`, 4 GB in a browser.
#[derive(Serialize)]
struct EntryOut<'a> {
    dtype: Dtype,
    shape: &'a [usize],
    data_offsets: (u64, u64),
}

struct Entry<'a> {
    name: &'a str,
    dtype: Dtype,
    shape: &'a [usize],
    bytes: u64,
}

impl Serialize for HeaderOut<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        if !self.metadata.is_empty() {
            map.serialize_entry("__metadata__", self.metadata)?;
        }
        let mut start = 0;
        for Entry { name, dtype, shape, bytes } in &self.entries {
            map.serialize_entry(name, &EntryOut { dtype: *dtype, shape, data_offsets: (start, start + bytes) })?;
            start += bytes;
        }
        map.end()
    }
}
