//! The messages of ONNX's `onnx.proto` (IR version 10) that a model without training, sparse or quantised parts uses.
//! Names and field numbers are the specification's; fields that are left out here are skipped in files.
//!
//! They are [`prost::Message`]s, listed by macros of our own instead of prost's derive: that one would have burn's whole tree
//! compiled once more, with the features it asks of `itertools`.

mod field;

use bytes::Bytes;

use field::{enumerations, messages};

messages! {
    /// A file.
    pub struct ModelProto {
        1 => ir_version: i64,
        2 => producer_name: String,
        3 => producer_version: String,
        7 => graph: Option<GraphProto>,
        8 => opset_import: Vec<OperatorSetIdProto>,
        14 => metadata_props: Vec<StringStringEntryProto>,
    }

    /// Which version of the operators of a domain the nodes mean; the domain of ONNX itself is the empty one.
    pub struct OperatorSetIdProto {
        1 => domain: String,
        2 => version: i64,
    }

    pub struct StringStringEntryProto {
        1 => key: String,
        2 => value: String,
    }

    pub struct GraphProto {
        /// Each reads values of earlier ones, of inputs and of initializers.
        1 => node: Vec<NodeProto>,
        2 => name: String,
        5 => initializer: Vec<TensorProto>,
        /// Those that are initializers as well have that value where none is given.
        11 => input: Vec<ValueInfoProto>,
        12 => output: Vec<ValueInfoProto>,
    }

    pub struct NodeProto {
        /// Empty for an optional input that is not given.
        1 => input: Vec<String>,
        2 => output: Vec<String>,
        3 => name: String,
        4 => op_type: String,
        5 => attribute: Vec<AttributeProto>,
        7 => domain: String,
        /// PyTorch's exporter notes the module here.
        9 => metadata_props: Vec<StringStringEntryProto>,
    }

    /// A setting of a node; `kind` says which field holds it.
    pub struct AttributeProto {
        1 => name: String,
        2 => f: f32,
        3 => i: i64,
        4 => s: Bytes,
        5 => t: Option<TensorProto>,
        7 => floats: Vec<f32>,
        8 => ints: Vec<i64>,
        9 => strings: Vec<Bytes>,
        20 => r#type: i32,
    }

    /// A tensor's entries stand in `raw_data`, little-endian and row by row, or in the list for its element type, or in
    /// another file. [`super::Tensor`] reads all of them.
    pub struct TensorProto {
        1 => dims: Vec<i64>,
        2 => data_type: i32,
        4 => float_data: Vec<f32>,
        /// Types of up to 32 bits, 16-bit floats as their bits.
        5 => int32_data: Vec<i32>,
        7 => int64_data: Vec<i64>,
        8 => name: String,
        9 => raw_data: Bytes,
        10 => double_data: Vec<f64>,
        /// `location`, a path beside the model's file, and `offset` and `length` in bytes.
        13 => external_data: Vec<StringStringEntryProto>,
        14 => data_location: i32,
    }

    /// An input or output of the model.
    pub struct ValueInfoProto {
        1 => name: String,
        2 => r#type: Option<TypeProto>,
    }

    /// Sequences, maps and the like are left out: their `tensor_type` is none.
    pub struct TypeProto {
        1 => tensor_type: Option<TensorType>,
    }

    pub struct TensorType {
        1 => elem_type: i32,
        2 => shape: Option<TensorShapeProto>,
    }

    pub struct TensorShapeProto {
        1 => dim: Vec<Dimension>,
    }
}

enumerations! {
    pub enum AttributeType {
        Undefined = 0,
        Float = 1,
        Int = 2,
        String = 3,
        Tensor = 4,
        Floats = 6,
        Ints = 7,
        Strings = 8,
    }

    pub enum DataType {
        Undefined = 0,
        Float = 1,
        Uint8 = 2,
        Int8 = 3,
        Int32 = 6,
        Int64 = 7,
        Bool = 9,
        Float16 = 10,
        Double = 11,
        Bfloat16 = 16,
    }

    pub enum DataLocation {
        Default = 0,
        External = 1,
    }
}

pub use dimension::Dimension;

/// A size of a value.
pub mod dimension {
    use bytes::{Buf, BufMut};
    use prost::encoding::{DecodeContext, WireType, int64, skip_field, string};
    use prost::{DecodeError, Message};

    use super::field::repeated;

    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Dimension {
        pub value: Option<Value>,
    }

    #[derive(Clone, Debug, PartialEq)]
    pub enum Value {
        DimValue(i64),
        /// A size that is known only when the model runs, e.g. `batch`.
        DimParam(String),
    }

    impl Message for Dimension {
        fn encode_raw(&self, buf: &mut impl BufMut) {
            match &self.value {
                Some(Value::DimValue(size)) => int64::encode(1, size, buf),
                Some(Value::DimParam(name)) => string::encode(2, name, buf),
                None => {}
            }
        }

        fn merge_field(
            &mut self,
            tag: u32,
            wire_type: WireType,
            buf: &mut impl Buf,
            context: DecodeContext,
        ) -> Result<(), DecodeError> {
            match tag {
                1 => {
                    let mut size = 0;
                    int64::merge(wire_type, &mut size, buf, context)?;
                    self.value = Some(Value::DimValue(size));
                }
                2 => {
                    let mut name = String::new();
                    string::merge(wire_type, &mut name, buf, context)?;
                    self.value = Some(Value::DimParam(name));
                }
                _ => skip_field(wire_type, tag, buf, context)?,
            }
            Ok(())
        }

        fn encoded_len(&self) -> usize {
            match &self.value {
                Some(Value::DimValue(size)) => int64::encoded_len(1, size),
                Some(Value::DimParam(name)) => string::encoded_len(2, name),
                None => 0,
            }
        }

        fn clear(&mut self) {
            self.value = None;
        }
    }

    repeated!(Dimension: message);
}
