use std::ops::Range;

use bytes::Bytes;
use half::{bf16, f16};

use super::OnnxError;
use super::proto::{DataLocation, DataType, TensorProto};
use crate::{clip, quote};

/// A tensor whose bytes are as many as its shape needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub name: String,
    pub element: Element,
    pub shape: Vec<usize>,
    pub data: Data,
}

/// Element types that numbers can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    F32,
    F16,
    BF16,
    F64,
    I64,
    I32,
    I8,
    U8,
    Bool,
}

/// Where a tensor's entries are, little-endian and row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Here(Bytes),
    /// In another file.
    Beside(Place),
}

/// Bytes of another file.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The file's path from where the model's file is.
    pub location: String,
    pub range: Range<u64>,
}

impl Element {
    fn of(data_type: i32) -> Option<Self> {
        Some(match DataType::try_from(data_type).ok()? {
            DataType::Float => Self::F32,
            DataType::Float16 => Self::F16,
            DataType::Bfloat16 => Self::BF16,
            DataType::Double => Self::F64,
            DataType::Int64 => Self::I64,
            DataType::Int32 => Self::I32,
            DataType::Int8 => Self::I8,
            DataType::Uint8 => Self::U8,
            DataType::Bool => Self::Bool,
            DataType::Undefined => return None,
        })
    }

    pub fn bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::BF16 | Self::F64)
    }
}

impl Tensor {
    /// Checks a message. Entries in lists become bytes; entries elsewhere are not looked for yet.
    pub fn read(proto: &TensorProto) -> Result<Self, OnnxError> {
        let name = || quote(&proto.name);
        let element = Element::of(proto.data_type)
            .ok_or_else(|| OnnxError::Element { name: name(), element: proto.data_type })?;
        let uncountable = || OnnxError::Uncountable { name: name(), shape: clip(&format!("{:?}", proto.dims)) };
        let shape: Option<Vec<usize>> = proto.dims.iter().map(|size| usize::try_from(*size).ok()).collect();
        let shape = shape.ok_or_else(uncountable)?;
        // Some of its axes are countable as well, whatever the others are.
        let entries = shape.iter().try_fold(1usize, |product, size| product.checked_mul((*size).max(1)));
        let entries = entries.ok_or_else(uncountable)?;
        let want = if shape.contains(&0) { 0 } else { entries as u128 * element.bytes() as u128 };
        let data = if proto.data_location == DataLocation::External as i32 {
            Data::Beside(place(proto, want)?)
        } else {
            Data::Here(here(proto, element))
        };
        let tensor = Self { name: proto.name.clone(), element, shape, data };
        let got = tensor.size();
        if u128::from(got) != want {
            let (shape, element) = (clip(&format!("{:?}", tensor.shape)), format!("{element:?}"));
            return Err(OnnxError::Size { name: name(), shape, element, want, got });
        }
        Ok(tensor)
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        match &self.data {
            Data::Here(bytes) => bytes.len() as u64,
            Data::Beside(place) => place.range.end - place.range.start,
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All entries, rounded to f32; none where they are in another file.
    pub fn numbers(&self) -> Option<Vec<f32>> {
        fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks().0.iter().map(|entry| number(*entry)).collect()
        }
        let Data::Here(bytes) = &self.data else { return None };
        Some(match self.element {
            Element::F32 => each(bytes, f32::from_le_bytes),
            Element::F16 => each(bytes, |entry| f16::from_le_bytes(entry).to_f32()),
            Element::BF16 => each(bytes, |entry| bf16::from_le_bytes(entry).to_f32()),
            Element::F64 => each(bytes, |entry| f64::from_le_bytes(entry) as f32),
            _ => self.whole_numbers()?.into_iter().map(|entry| entry as f32).collect(),
        })
    }

    /// All entries where they are whole numbers or truth values; none where they are floats or in another file.
    pub fn whole_numbers(&self) -> Option<Vec<i64>> {
        let Data::Here(bytes) = &self.data else { return None };
        Some(match self.element {
            Element::I64 => bytes.as_chunks().0.iter().map(|entry| i64::from_le_bytes(*entry)).collect(),
            Element::I32 => bytes.as_chunks().0.iter().map(|entry| i32::from_le_bytes(*entry).into()).collect(),
            Element::I8 => bytes.iter().map(|entry| i64::from(entry.cast_signed())).collect(),
            Element::U8 | Element::Bool => bytes.iter().map(|entry| i64::from(*entry)).collect(),
            Element::F32 | Element::F16 | Element::BF16 | Element::F64 => return None,
        })
    }
}

/// The bytes of a tensor that is in the file.
fn here(proto: &TensorProto, element: Element) -> Bytes {
    fn all<const N: usize>(entries: impl Iterator<Item = [u8; N]>) -> Bytes {
        entries.flatten().collect::<Vec<u8>>().into()
    }
    if !proto.raw_data.is_empty() {
        return proto.raw_data.clone();
    }
    let small = || proto.int32_data.iter();
    match element {
        Element::F32 => all(proto.float_data.iter().map(|entry| entry.to_le_bytes())),
        Element::F64 => all(proto.double_data.iter().map(|entry| entry.to_le_bytes())),
        Element::I64 => all(proto.int64_data.iter().map(|entry| entry.to_le_bytes())),
        Element::I32 => all(small().map(|entry| entry.to_le_bytes())),
        Element::F16 | Element::BF16 => all(small().map(|entry| (*entry as u16).to_le_bytes())),
        Element::I8 | Element::U8 | Element::Bool => all(small().map(|entry| [*entry as u8])),
    }
}

/// Where a tensor of `bytes` lies that is not in the file. It must not lead out of the model's folder.
fn place(proto: &TensorProto, bytes: u128) -> Result<Place, OnnxError> {
    let of = |key: &str| proto.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
    let number = |key: &str, usual: u64| of(key).map_or(Some(usual), |value| value.parse().ok());
    let inside = |path: &&str| !path.is_empty() && !path.starts_with('/') && !path.contains(['\\', ':']);
    let inside = |path: &&str| inside(path) && path.split('/').all(|part| part != "..");
    let length = u64::try_from(bytes).ok().and_then(|bytes| number("length", bytes));
    let range = number("offset", 0).zip(length).and_then(|(start, length)| Some(start..start.checked_add(length)?));
    match of("location").filter(inside).zip(range) {
        Some((location, range)) => Ok(Place { location: location.into(), range }),
        None => {
            let entries = proto.external_data.iter().map(|entry| format!("{} = {}", entry.key, entry.value));
            let got = quote(&entries.collect::<Vec<_>>().join(", "));
            Err(OnnxError::Place { name: quote(&proto.name), got })
        }
    }
}
