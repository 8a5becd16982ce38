use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::proto::{DataLocation, DataType, ModelProto, StringStringEntryProto, TensorProto};

/// Field numbers of onnx.proto.
const GRAPH: u32 = 7;
const INITIALIZER: u32 = 5;
const RAW_DATA: u32 = 9;

/// A tensor of f32 that becomes an initializer.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    pub name: String,
    pub shape: Vec<usize>,
}

/// A file around weights that nobody needs to hold all at once: `start`, then for each weight what stands before it and
/// its entries, f32, little-endian, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub start: Vec<u8>,
    pub before: Vec<Vec<u8>>,
}

impl Weight {
    /// In bytes.
    pub fn size(&self) -> u64 {
        self.shape.iter().fold(4, |product, size| product.saturating_mul(*size as u64))
    }

    fn proto(&self) -> TensorProto {
        let dims = self.shape.iter().map(|size| *size as i64).collect();
        TensorProto { name: self.name.clone(), dims, data_type: DataType::Float as i32, ..TensorProto::default() }
    }

    /// The message without its entries, and its length with them.
    fn started(&self) -> (Vec<u8>, u64) {
        let mut bytes = self.proto().encode_to_vec();
        encode_key(RAW_DATA, WireType::LengthDelimited, &mut bytes);
        encode_varint(self.size(), &mut bytes);
        let length = bytes.len() as u64 + self.size();
        (bytes, length)
    }
}

impl Layout {
    /// The file of `model` with weights added to its graph's initializers.
    pub fn inline(mut model: ModelProto, weights: &[Weight]) -> Self {
        let graph = model.graph.take().unwrap_or_default().encode_to_vec();
        let header = |length: u64| {
            let mut bytes = Vec::new();
            encode_key(INITIALIZER, WireType::LengthDelimited, &mut bytes);
            encode_varint(length, &mut bytes);
            bytes
        };
        let started: Vec<_> = weights.iter().map(Weight::started).collect();
        let field = |length: &u64| (key_len(INITIALIZER) + encoded_len_varint(*length)) as u64 + length;
        let length = graph.len() as u64 + started.iter().map(|(_, length)| field(length)).sum::<u64>();
        let mut start = model.encode_to_vec();
        encode_key(GRAPH, WireType::LengthDelimited, &mut start);
        encode_varint(length, &mut start);
        start.extend(graph);
        let before = started.into_iter().map(|(bytes, length)| [header(length), bytes].concat()).collect();
        Self { start, before }
    }

    /// The file of `model` where the weights are in a file of their own, one behind the other, beside it.
    pub fn beside(mut model: ModelProto, weights: &[Weight], location: &str) -> Self {
        let graph = model.graph.get_or_insert_default();
        let mut offset = 0;
        for weight in weights {
            let entry = |key: &str, value: String| StringStringEntryProto { key: key.into(), value };
            let external_data = vec![
                entry("location", location.into()),
                entry("offset", offset.to_string()),
                entry("length", weight.size().to_string()),
            ];
            let data_location = DataLocation::External as i32;
            graph.initializer.push(TensorProto { external_data, data_location, ..weight.proto() });
            offset += weight.size();
        }
        Self { start: model.encode_to_vec(), before: vec![Vec::new(); weights.len()] }
    }
}

impl TensorProto {
    /// Whole numbers with this shape.
    pub fn of_i64(name: &str, shape: &[usize], entries: &[i64]) -> Self {
        let raw_data: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let dims = shape.iter().map(|size| *size as i64).collect();
        let data_type = DataType::Int64 as i32;
        Self { name: name.into(), dims, data_type, raw_data: Bytes::from(raw_data), ..Self::default() }
    }

    /// Floats with this shape.
    pub fn of_f32(name: &str, shape: &[usize], entries: &[f32]) -> Self {
        let raw_data: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let weight = Weight { name: name.into(), shape: shape.into() };
        Self { raw_data: Bytes::from(raw_data), ..weight.proto() }
    }
}
