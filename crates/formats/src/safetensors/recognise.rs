use super::FormatError;

const CONVERT: &str = "save it with safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")";
const GET_AGAIN: &str = "download the file itself, for instance with the page's download button";

/// Beginnings of files that people take for safetensors: (bytes, what it is, what to do next).
const KNOWN: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "a zip archive, probably a PyTorch checkpoint (.pt, .pth, .bin)", CONVERT),
    (b"\x80\x02", "a Python pickle, probably an old PyTorch checkpoint", CONVERT),
    (b"\x80\x03", "a Python pickle", CONVERT),
    (b"\x80\x04", "a Python pickle", CONVERT),
    (b"\x80\x05", "a Python pickle", CONVERT),
    (b"GGUF", "a GGUF file (llama.cpp)", "use the safetensors files it was converted from"),
    (b"\x89HDF", "an HDF5 file, probably Keras weights", "export the PyTorch version of the model as safetensors"),
    (b"\x93NUMPY", "a NumPy array", "save the arrays with safetensors.numpy.save_file"),
    (
        b"version https://git-lfs",
        "a Git LFS pointer instead of the file it stands for",
        "run git lfs pull, or download the file itself",
    ),
    (b"\x1f\x8b", "a gzip archive", "unpack it and choose the safetensors file inside"),
    (b"<!", "a web page", GET_AGAIN),
    (b"<html", "a web page", GET_AGAIN),
    (b"<HTML", "a web page", GET_AGAIN),
    (b"<?xml", "an XML document, probably a server's error message", GET_AGAIN),
    (b"{", "a JSON file", "choose the .safetensors file; a config.json may go beside it"),
];

/// The error for a file that begins like another well-known format.
pub fn other_format(start: &[u8]) -> Option<FormatError> {
    let start = start.trim_ascii_start(); // pages often begin with an empty line
    let known = KNOWN.iter().find(|(magic, _, _)| start.starts_with(magic));
    let found = known.map(|&(_, what, next)| (what, next)).or_else(|| onnx(start));
    found.map(|(what, next)| FormatError::Other { what, next })
}

/// ONNX is a bare protobuf: field 1 (the IR version, a small number), then field 2 (the producer's name) or 7 or 8.
fn onnx(start: &[u8]) -> Option<(&'static str, &'static str)> {
    match start {
        [0x08, 1..=32, 0x12 | 0x3a | 0x42, ..] => Some(("an ONNX model", "give it the ending .onnx and open it again")),
        _ => None,
    }
}
