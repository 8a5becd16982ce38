//! Two masks files side by side.

use std::path::Path;

use secateur_formats::ReadAt;
use secateur_formats::safetensors::{Dtype, Header, TensorInfo, read_header};
use serde::Serialize;

use crate::Result;
use crate::host::AnyFile;

/// Indexes listed for each tensor, at most; the count is always whole.
const LISTED: usize = 20;

/// One tensor that is not the same in both files.
#[derive(Serialize)]
pub struct Differing {
    pub name: String,
    pub count: usize,
    /// The first of them, counted through the tensor row by row.
    pub indexes: Vec<usize>,
}

/// A safetensors file that holds 0/1 bytes only.
pub fn is_masks(path: &Path) -> bool {
    let header =
        AnyFile::open(&path.to_string_lossy()).ok().and_then(|file| pollster::block_on(read_header(&file)).ok());
    header.is_some_and(|header| !header.tensors.is_empty() && header.tensors.iter().all(|t| t.dtype == Dtype::U8))
}

/// Tensors whose masks differ. Both files must list the same names and shapes.
pub fn compare(a: &Path, b: &Path) -> Result<Vec<Differing>> {
    let (a_file, a_header) = open(a)?;
    let (b_file, b_header) = open(b)?;
    let mut differing = Vec::new();
    for tensor in &a_header.tensors {
        let other = b_header.tensor(&tensor.name).filter(|other| other.shape == tensor.shape);
        let other =
            other.ok_or_else(|| format!("{} has no mask for {} {:?}", b.display(), tensor.name, tensor.shape))?;
        let (ours, theirs) = (bytes(&a_file, tensor)?, bytes(&b_file, other)?);
        let indexes: Vec<usize> = (0..ours.len()).filter(|at| ours[*at] != theirs[*at]).collect();
        if !indexes.is_empty() {
            let (name, count) = (tensor.name.clone(), indexes.len());
            differing.push(Differing { name, count, indexes: indexes.into_iter().take(LISTED).collect() });
        }
    }
    if let Some(extra) = b_header.tensors.iter().find(|tensor| a_header.tensor(&tensor.name).is_none()) {
        return Err(format!("{} has no mask for {}", a.display(), extra.name).into());
    }
    Ok(differing)
}

fn open(path: &Path) -> Result<(AnyFile, Header)> {
    let file = AnyFile::open(&path.to_string_lossy())?;
    let header = pollster::block_on(read_header(&file)).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((file, header))
}

fn bytes(file: &AnyFile, tensor: &TensorInfo) -> Result<Vec<u8>> {
    Ok(pollster::block_on(file.read(tensor.range.clone()))?)
}
