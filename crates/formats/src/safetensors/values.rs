use half::{bf16, f16};

use super::{Dtype, FormatError, TensorInfo};
use crate::read_at::read_exactly;
use crate::{ReadAt, quote};

/// Read at a time, so that a tensor is never in memory twice. A multiple of every element size.
const CHUNK_BYTES: u64 = 4 << 20;

/// A tensor's entries, row by row, widened to f32. NaN and infinity are refused.
pub async fn read_f32(file: &impl ReadAt, info: &TensorInfo) -> Result<Vec<f32>, FormatError> {
    read(file, info, widen).await
}

/// [`read_f32`] that takes whole numbers as well, e.g. token ids. Those above 2^24 are rounded.
pub async fn read_numbers(file: &impl ReadAt, info: &TensorInfo) -> Result<Vec<f32>, FormatError> {
    read(file, info, |info, bytes, values| {
        match info.dtype {
            Dtype::U8 => values.extend(bytes.iter().map(|entry| f32::from(*entry))),
            Dtype::I32 => values.extend(bytes.as_chunks().0.iter().map(|entry| i32::from_le_bytes(*entry) as f32)),
            Dtype::I64 => values.extend(bytes.as_chunks().0.iter().map(|entry| i64::from_le_bytes(*entry) as f32)),
            _ => return widen(info, bytes, values),
        }
        Ok(())
    })
    .await
}

async fn read(
    file: &impl ReadAt,
    info: &TensorInfo,
    widen: impl Fn(&TensorInfo, &[u8], &mut Vec<f32>) -> Result<(), FormatError>,
) -> Result<Vec<f32>, FormatError> {
    let mut values = Vec::with_capacity(info.len());
    let mut start = info.range.start;
    while start < info.range.end {
        let end = info.range.end.min(start + CHUNK_BYTES);
        let bytes = read_exactly(file, start..end).await?;
        widen(info, &bytes, &mut values)?;
        start = end;
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(not_finite(info, at, values[at])),
        None => Ok(values),
    }
}

fn widen(info: &TensorInfo, bytes: &[u8], values: &mut Vec<f32>) -> Result<(), FormatError> {
    match info.dtype {
        Dtype::F32 => values.extend(bytes.as_chunks().0.iter().map(|entry| f32::from_le_bytes(*entry))),
        Dtype::F16 => values.extend(bytes.as_chunks().0.iter().map(|entry| f16::from_le_bytes(*entry).to_f32())),
        Dtype::BF16 => values.extend(bytes.as_chunks().0.iter().map(|entry| bf16::from_le_bytes(*entry).to_f32())),
        dtype => return Err(FormatError::NotWeights { name: quote(&info.name), dtype }),
    }
    Ok(())
}

/// Entries as a tensor's bytes in its own element type, rounded to it.
///
/// # Errors
/// For whole numbers, and values too large for the type.
pub fn narrow(info: &TensorInfo, values: &[f32]) -> Result<Vec<u8>, FormatError> {
    let bytes: Vec<u8> = match info.dtype {
        Dtype::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
        dtype => return Err(FormatError::NotWeights { name: quote(&info.name), dtype }),
    };
    let mut read = Vec::with_capacity(values.len());
    widen(info, &bytes, &mut read)?;
    match read.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(not_finite(info, at, values[at])),
        None => Ok(bytes),
    }
}

/// What is left of entries that are stored in an element type and read again. Those too large for it stay as they are, as
/// all do with whole numbers: [`narrow`] refuses them.
pub fn rounded(dtype: Dtype, mut values: Vec<f32>) -> Vec<f32> {
    let round = match dtype {
        Dtype::F16 => |value: f32| f16::from_f32(value).to_f32(),
        Dtype::BF16 => |value: f32| bf16::from_f32(value).to_f32(),
        _ => return values,
    };
    values
        .iter_mut()
        .for_each(|value| *value = Some(round(*value)).filter(|round| round.is_finite()).unwrap_or(*value));
    values
}

fn not_finite(info: &TensorInfo, at: usize, value: f32) -> FormatError {
    let position = format!("{:?}", position(&info.shape, at));
    FormatError::NotFinite { name: quote(&info.name), position, value }
}

/// Index along each axis of the entry at flat index `at`.
fn position(shape: &[usize], mut at: usize) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|size| {
            let along = at % size;
            at /= size;
            along
        })
        .collect();
    index.reverse();
    index
}
