use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use secateur_formats::onnx::proto::TensorProto;
use secateur_formats::onnx::{Data, Element, OnnxError, Tensor};
use secateur_formats::safetensors::{Dtype, TensorInfo};
use secateur_formats::{ReadAt, quote};

use super::constant::{Change, Constant, Values};

/// Tensors of a file beside that are this small are read at once: sizes, tables and biases that others follow from.
const SMALL: u64 = 1 << 20;

/// A tensor, and where its bytes are if all files are read as one.
#[derive(Clone, Debug)]
pub struct Stored {
    pub tensor: Tensor,
    place: Option<Range<u64>>,
}

/// A file beside the model's, and where it begins if all are read as one.
pub struct Side<F> {
    pub name: String,
    pub start: u64,
    pub file: F,
}

impl Stored {
    /// Checks a tensor that is in the file `whole` or in one of those beside it.
    pub async fn read<F: ReadAt>(proto: &TensorProto, whole: &Bytes, sides: &[Side<F>]) -> Result<Self, OnnxError> {
        let mut tensor = Tensor::read(proto)?;
        let place = match &tensor.data {
            Data::Here(bytes) => within(whole, bytes),
            Data::Beside(place) => {
                let (name, location) = (quote(&tensor.name), quote(&place.location));
                let Some(side) = sides.iter().find(|side| side.name == place.location) else {
                    return Err(OnnxError::Missing { name, location });
                };
                let (range, len) = (place.range.clone(), side.file.len());
                if range.end > len {
                    return Err(OnnxError::CutShort { name, location, begin: range.start, end: range.end, len });
                }
                if range.end - range.start <= SMALL {
                    tensor.data = Data::Here(side.file.read(range.clone()).await?.into());
                }
                Some(range.start + side.start..range.end + side.start)
            }
        };
        Ok(Self { tensor, place })
    }

    /// A tensor in an attribute.
    pub fn here(proto: &TensorProto) -> Result<Self, OnnxError> {
        Ok(Self { tensor: Tensor::read(proto)?, place: None })
    }

    fn dtype(&self) -> Option<Dtype> {
        match self.tensor.element {
            Element::F32 => Some(Dtype::F32),
            Element::F16 => Some(Dtype::F16),
            Element::BF16 => Some(Dtype::BF16),
            _ => None,
        }
    }
}

/// Where the bytes of a part are in the whole.
fn within(whole: &Bytes, part: &Bytes) -> Option<Range<u64>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (start + part.len() <= whole.len()).then(|| start as u64..(start + part.len()) as u64)
}

/// The tensors that a graph's parameters are, as if they stood in one safetensors file; those that had to be worked out
/// stand behind all files.
pub struct Listing {
    pub tensors: Vec<TensorInfo>,
    pub made: Vec<u8>,
    start: u64,
}

impl Listing {
    /// `start`: bytes of all files.
    pub fn new(start: u64) -> Self {
        Self { tensors: Vec::new(), made: Vec::new(), start }
    }

    /// Adds a tensor with these values, which are as many as its shape needs.
    pub fn push(&mut self, name: &str, shape: Vec<usize>, values: &Values) -> Result<(), String> {
        let name = name.to_string();
        if let Values::Stored(stored, Change::Same | Change::Transposed) = values
            && let (Some(dtype), Some(range)) = (stored.dtype(), stored.place.clone())
        {
            self.tensors.push(TensorInfo { name, dtype, shape, range });
            return Ok(());
        }
        let constant = Constant { shape: shape.clone(), values: values.clone(), name: None };
        let begin = self.start + self.made.len() as u64;
        self.made.extend(constant.all()?.iter().flat_map(|number| (*number as f32).to_le_bytes()));
        let range = begin..self.start + self.made.len() as u64;
        self.tensors.push(TensorInfo { name, dtype: Dtype::F32, shape, range });
        Ok(())
    }
}

/// The file's tensors by name.
pub async fn constants<F: ReadAt>(
    initializers: &[TensorProto],
    whole: &Bytes,
    sides: &[Side<F>],
) -> Result<BTreeMap<String, Constant>, OnnxError> {
    let mut all = BTreeMap::new();
    for proto in initializers {
        let stored = Stored::read(proto, whole, sides).await?;
        all.insert(proto.name.clone(), Constant::stored(Rc::new(stored)));
    }
    Ok(all)
}
