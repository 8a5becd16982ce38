use serde_json::{Map, Value};

use super::{FormatError, Header};
use crate::read_at::read_exactly;
use crate::{ReadAt, quote};

/// What a copy of the file starts with, up to its first tensor's bytes: the file's own length and header, with the
/// note `key` = `value` added to the metadata unless there is one by that name already.
///
/// PyTorch libraries want to be told `format` = `pt`.
pub async fn annotated_start(
    file: &impl ReadAt,
    header: &Header,
    key: &str,
    value: &str,
) -> Result<Vec<u8>, FormatError> {
    let data = header.tensors.first().map_or(file.len(), |tensor| tensor.range.start);
    let start = read_exactly(file, 0..data).await?;
    if header.metadata.contains_key(key) {
        return Ok(start);
    }
    let wrong = |error: serde_json::Error| FormatError::HeaderJson { reason: quote(&error.to_string()) };
    let mut json: Map<String, Value> = serde_json::from_slice(&start[8..]).map_err(wrong)?;
    let mut metadata = header.metadata.clone();
    metadata.insert(key.to_string(), value.to_string());
    json.insert("__metadata__".to_string(), serde_json::to_value(metadata).map_err(wrong)?);
    let mut json = serde_json::to_vec(&json).map_err(wrong)?;
    json.resize(json.len().next_multiple_of(8), b' '); // so that the data is aligned
    let mut out = (json.len() as u64).to_le_bytes().to_vec();
    out.extend(json);
    Ok(out)
}
