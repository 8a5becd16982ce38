use crate::{FormatError, ReadError};

/// Why an ONNX file could not be read. Names are quoted and shortened already.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OnnxError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("wanted an ONNX model, but the file cannot be decoded ({reason}); export or download it again")]
    NoModel { reason: String },
    #[error("the ONNX file holds no graph; choose the file of a whole model")]
    NoGraph,
    #[error(
        "tensor {name} of shape {shape} and element type {element} needs {want} bytes, got {got}; the file is damaged: \
         export it again"
    )]
    Size { name: String, shape: String, element: String, want: u128, got: u64 },
    #[error("tensor {name} has shape {shape}, more entries than can be counted; the file is damaged: export it again")]
    Uncountable { name: String, shape: String },
    #[error(
        "tensor {name} has element type {element} of onnx.proto's list, but numbers must be floats, whole numbers or \
         truth values of the usual kinds; export the model in f32"
    )]
    Element { name: String, element: i32 },
    #[error(
        "the place of tensor {name} outside the file is given as {got}, wanted a file's name, an offset and a length; \
         export the model again"
    )]
    Place { name: String, got: String },
    #[error(
        "the ONNX file keeps tensor {name} in {location}, which is not here; choose that file as well, it was written \
         beside the model"
    )]
    Missing { name: String, location: String },
    #[error(
        "tensor {name} lies at bytes {begin}..{end} of {location}, which has only {len}; the two files do not belong \
         together or one was cut short: copy both again"
    )]
    CutShort { name: String, location: String, begin: u64, end: u64, len: u64 },
    #[error(transparent)]
    Values(#[from] FormatError),
}
