use super::Dtype;
use crate::ReadError;

/// Why a safetensors file could not be read or written. Names are quoted and shortened already.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FormatError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("wanted a safetensors file, but this file is empty; download or export it again")]
    Empty,
    #[error("wanted a safetensors file, got {what}; {next}")]
    Other { what: &'static str, next: &'static str },
    #[error(
        "wanted a safetensors file, but the first 8 bytes announce a header of {header} bytes and at most \
         {limit} are accepted; check that this is the right file"
    )]
    HeaderLimit { header: u64, limit: u64 },
    #[error(
        "wanted at least {want} bytes for the header, but the file has only {got}; it was cut short or is no \
         safetensors file: download or export it again"
    )]
    HeaderCut { want: u64, got: u64 },
    #[error("the header is not what the safetensors format asks for: {reason}; download or export the file again")]
    HeaderJson { reason: String },
    #[error("the header lists {name} twice, so it is not clear which tensor is meant; export the file again")]
    Duplicate { name: String },
    #[error(
        "tensor {name} has the unknown element type {dtype}; convert it to F32, F16 or BF16 with the library that \
         wrote it"
    )]
    UnknownDtype { name: String, dtype: String },
    #[error(
        "tensor {name} has shape {shape}, more entries than can be counted; the header is damaged: export the file \
         again"
    )]
    TooManyEntries { name: String, shape: String },
    #[error(
        "tensor {name} of type {dtype} and shape {shape} needs {want}, but the header gives it bytes {begin}..{end}; \
         the header is damaged: export the file again"
    )]
    Size { name: String, dtype: Dtype, shape: String, want: String, begin: u64, end: u64 },
    #[error(
        "tensors {first} and {second} overlap at data byte {at}; every byte must belong to one tensor: export the \
         file again"
    )]
    Overlap { first: String, second: String, at: u64 },
    #[error("data bytes {begin}..{end} belong to no tensor; the header is damaged: export the file again")]
    Hole { begin: u64, end: u64 },
    #[error(
        "the tensors need a file of {want} bytes, but it has only {got}; it was cut short (tensor {name} is the last): \
         download or copy it again"
    )]
    Truncated { want: u64, got: u64, name: String },
    #[error("tensor {name} holds {value} at {position}; weights must be finite numbers: train or export it again")]
    NotFinite { name: String, position: String, value: f32 },
    #[error(
        "tensor {name} is {dtype}, but weights must be F32, F16 or BF16; convert it with the library that wrote it"
    )]
    NotWeights { name: String, dtype: Dtype },
    #[error(
        "tensor {name} of type {dtype} and shape {shape} cannot be written from {got} bytes; the shape must fit the data"
    )]
    WriteSize { name: String, dtype: Dtype, shape: String, got: usize },
}
