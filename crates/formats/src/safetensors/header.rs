use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Error, IntoDeserializer, MapAccess, Visitor, value};
use serde::{Deserialize, Deserializer};

use super::recognise::other_format;
use super::{Dtype, FormatError, HEADER_LIMIT};
use crate::read_at::read_exactly;
use crate::{ReadAt, clip, quote};

/// Bytes of the header's length at the start of a file.
const LENGTH_BYTES: u64 = 8;
/// Read first: the length and enough to recognise other formats by.
const START_BYTES: u64 = 64;

/// What a safetensors file says it holds. Made by [`read_header`], so every range has been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// By position in the file.
    pub tensors: Vec<TensorInfo>,
    /// The file's own notes, empty when there are none.
    pub metadata: BTreeMap<String, String>,
}

/// One tensor: what it is and where its bytes are.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Its bytes, counted from the start of the file.
    pub range: Range<u64>,
}

impl Header {
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

impl TensorInfo {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size in the file.
    pub fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// Reads and checks the header; the tensors' bytes stay where they are.
pub async fn read_header(file: &impl ReadAt) -> Result<Header, FormatError> {
    let start = read_exactly(file, 0..file.len().min(START_BYTES)).await?;
    let data = data_start(&start, file.len())?;
    let json = read_exactly(file, LENGTH_BYTES..data).await?;
    let raw: RawHeader = serde_json::from_slice(&json).map_err(|error| {
        other_format(&start).unwrap_or_else(|| FormatError::HeaderJson { reason: clip(&error.to_string()) })
    })?;
    raw.check(data, file.len())
}

/// Where the header ends and the tensors begin, from the first bytes of a file of `len` bytes.
fn data_start(start: &[u8], len: u64) -> Result<u64, FormatError> {
    if start.is_empty() {
        return Err(FormatError::Empty);
    }
    let or_other = |error| other_format(start).unwrap_or(error);
    let Some(length) = start.first_chunk() else {
        return Err(or_other(FormatError::HeaderCut { want: LENGTH_BYTES, got: len }));
    };
    let header = u64::from_le_bytes(*length);
    if header > HEADER_LIMIT {
        return Err(or_other(FormatError::HeaderLimit { header, limit: HEADER_LIMIT }));
    }
    let data = LENGTH_BYTES + header;
    if data > len {
        return Err(or_other(FormatError::HeaderCut { want: data, got: len }));
    }
    Ok(data)
}

/// The header's JSON, entries in file order and duplicates kept.
struct RawHeader {
    tensors: Vec<(String, RawTensor)>,
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RawTensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = RawHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that maps tensor names to dtype, shape and data_offsets")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
        let mut tensors = Vec::new();
        let mut metadata = None;
        while let Some(name) = map.next_key::<String>()? {
            let explain = |error| A::Error::custom(format_args!("{}: {error}", quote(&name)));
            if name != "__metadata__" {
                let tensor = map.next_value().map_err(explain)?;
                tensors.push((name, tensor));
            } else if metadata.is_none() {
                metadata = Some(map.next_value::<Option<BTreeMap<_, _>>>().map_err(explain)?.unwrap_or_default());
            } else {
                return Err(A::Error::duplicate_field("__metadata__"));
            }
        }
        Ok(RawHeader { tensors, metadata: metadata.unwrap_or_default() })
    }
}

impl RawHeader {
    /// `data`: where the tensors' bytes begin, `len`: size of the file.
    fn check(mut self, data: u64, len: u64) -> Result<Header, FormatError> {
        self.no_duplicates()?;
        self.tensors.sort_by_key(|(_, tensor)| tensor.data_offsets);
        let checked = self.tensors.iter().map(|(name, raw)| raw.check(name, data));
        let tensors = checked.collect::<Result<Vec<_>, _>>()?;
        check_layout(&tensors, data, len)?;
        Ok(Header { tensors, metadata: self.metadata })
    }

    fn no_duplicates(&mut self) -> Result<(), FormatError> {
        self.tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        match self.tensors.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(FormatError::Duplicate { name: quote(&pair[0].0) }),
            None => Ok(()),
        }
    }
}

impl RawTensor {
    fn check(&self, name: &str, data: u64) -> Result<TensorInfo, FormatError> {
        let dtype = self.dtype(name)?;
        let (begin, end) = self.data_offsets;
        let shape = || clip(&format!("{:?}", self.shape));
        let uncountable = || FormatError::TooManyEntries { name: quote(name), shape: shape() };
        let sizes: Option<Vec<usize>> = self.shape.iter().map(|size| usize::try_from(*size).ok()).collect();
        let sizes = sizes.ok_or_else(uncountable)?;
        let entries = sizes.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
        let bits = entries.ok_or_else(uncountable)? as u128 * dtype.bitsize() as u128;
        let range = data.checked_add(begin).zip(data.checked_add(end));
        match range {
            Some((start, stop)) if begin <= end && bits == u128::from(end - begin) * 8 => {
                Ok(TensorInfo { name: name.to_owned(), dtype, shape: sizes, range: start..stop })
            }
            _ => Err(FormatError::Size { name: quote(name), dtype, shape: shape(), want: amount(bits), begin, end }),
        }
    }

    fn dtype(&self, name: &str) -> Result<Dtype, FormatError> {
        let from: value::StrDeserializer<'_, value::Error> = self.dtype.as_str().into_deserializer();
        Dtype::deserialize(from).map_err(|_| FormatError::UnknownDtype { name: quote(name), dtype: quote(&self.dtype) })
    }
}

/// Bytes, or bits where the elements are so small that they end within a byte.
fn amount(bits: u128) -> String {
    if bits.is_multiple_of(8) { format!("{} bytes", bits / 8) } else { format!("{bits} bits") }
}

/// The tensors, sorted by position, must cover the bytes from `data` to the end of the file once each.
fn check_layout(tensors: &[TensorInfo], data: u64, len: u64) -> Result<(), FormatError> {
    let mut covered = data;
    for (at, tensor) in tensors.iter().enumerate() {
        let start = tensor.range.start;
        if start > covered {
            return Err(FormatError::Hole { begin: covered - data, end: start - data });
        }
        if start < covered {
            let first = tensors[..at].iter().rfind(|other| other.range.end > start).unwrap_or(tensor);
            let (first, second) = (quote(&first.name), quote(&tensor.name));
            return Err(FormatError::Overlap { first, second, at: start - data });
        }
        covered = tensor.range.end;
    }
    if covered > len {
        let name = tensors.last().map_or_else(String::new, |tensor| quote(&tensor.name));
        return Err(FormatError::Truncated { want: covered, got: len, name });
    }
    if covered < len {
        return Err(FormatError::Hole { begin: covered - data, end: len - data });
    }
    Ok(())
}
