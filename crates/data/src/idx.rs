use std::io::Read;

use flate2::read::GzDecoder;

/// No bundled data set comes near; a damaged or hostile file may not unpack to more.
const LIMIT_BYTES: u64 = 64 << 20;
/// The format's code for unsigned bytes.
const U8: u8 = 8;

/// Why a data set could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    #[error("{file}: could not unpack the gzip data: {reason}; download the file again")]
    Gzip { file: &'static str, reason: String },
    #[error(
        "{file}: wanted an IDX file of bytes with {want} axes, got one that starts with {got:02x?}; download the file again"
    )]
    Kind { file: &'static str, want: usize, got: Vec<u8> },
    #[error("{file}: the sizes {sizes:?} do not fit the {got} bytes of data that follow; download the file again")]
    Size { file: &'static str, sizes: [u32; 3], got: usize },
    #[error("{file}: wanted {want}, got {got}; it does not belong to this version of Secateur")]
    Content { file: &'static str, want: String, got: String },
}

/// An IDX file of unsigned bytes, the format MNIST is published in, gzipped.
///
/// Two zero bytes, the element type, the number of axes, each size as a big-endian u32, then the entries row by row.
/// Gives the sizes, 1 for each axis short of three, and the entries.
pub fn read_gz(file: &'static str, gz: &[u8], axes: usize) -> Result<([u32; 3], Vec<u8>), DataError> {
    let mut bytes = Vec::new();
    let unpacked = GzDecoder::new(gz).take(LIMIT_BYTES).read_to_end(&mut bytes);
    unpacked.map_err(|error| DataError::Gzip { file, reason: error.to_string() })?;

    let header = 4 + 4 * axes;
    if bytes.len() < header || bytes[..4] != [0, 0, U8, axes as u8] {
        bytes.truncate(8);
        return Err(DataError::Kind { file, want: axes, got: bytes });
    }
    let entries = bytes.split_off(header);
    let mut sizes = [1; 3];
    for (size, encoded) in sizes.iter_mut().zip(bytes[4..].as_chunks().0) {
        *size = u32::from_be_bytes(*encoded);
    }
    let total: u128 = sizes.iter().map(|size| u128::from(*size)).product();
    if total != entries.len() as u128 {
        return Err(DataError::Size { file, sizes, got: entries.len() });
    }
    Ok((sizes, entries))
}
