//! Several files as one download.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A .zip of the files, stored as they are: weights hardly shrink, and nothing else is large.
pub fn zip(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, String> {
    let fail = |error: &dyn std::fmt::Display| format!("The .zip could not be written: {error}.");
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name.as_str(), options).map_err(|e| fail(&e))?;
        zip.write_all(bytes).map_err(|e| fail(&e))?;
    }
    Ok(zip.finish().map_err(|e| fail(&e))?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let files = [("recipe.json".to_string(), b"{}".to_vec()), ("model.safetensors".into(), vec![7; 3000])];
        let mut archive = zip::ZipArchive::new(Cursor::new(super::zip(&files).unwrap())).unwrap();
        assert_eq!(archive.len(), 2);
        for (name, bytes) in &files {
            let mut read = Vec::new();
            archive.by_name(name).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(&read, bytes);
        }
    }
}
