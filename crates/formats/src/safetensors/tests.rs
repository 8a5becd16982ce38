use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use half::{bf16, f16};
use pollster::block_on;
use safetensors::SafeTensors;

use super::*;
use crate::{MemoryFile, ReadAt, ReadError};

/// A file with this header and `data` zero bytes after it.
fn with_header(json: &str, data: usize) -> Vec<u8> {
    let length = (json.len() as u64).to_le_bytes();
    [&length, json.as_bytes(), &vec![0; data]].concat()
}

fn header_of(file: &[u8]) -> Result<Header, FormatError> {
    block_on(read_header(&MemoryFile::new(file)))
}

fn tensor<'a>(name: &str, dtype: Dtype, shape: &[usize], bytes: &'a [u8]) -> Tensor<'a> {
    Tensor { name: name.into(), dtype, shape: shape.into(), bytes: bytes.into() }
}

fn notes(notes: &[(&str, &str)]) -> BTreeMap<String, String> {
    notes.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[test]
fn the_reference_library_reads_what_we_write() {
    let (w, b) = ([1u8; 24], [2u8; 3]);
    let metadata = notes(&[("recipe", "wanda"), ("digest", "9c1e07")]);
    let file = write([tensor("b", Dtype::U8, &[3], &b), tensor("w", Dtype::F32, &[2, 3], &w)], &metadata).unwrap();
    let read = SafeTensors::deserialize(&file).unwrap();
    assert_eq!(read.tensor("w").unwrap().data(), w);
    assert_eq!(read.tensor("w").unwrap().shape(), [2, 3]);
    assert_eq!(read.tensor("b").unwrap().dtype(), Dtype::U8);

    let header = header_of(&file).unwrap();
    assert_eq!(header.metadata, metadata);
    let listed: Vec<_> = header.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.range.clone())).collect();
    let end = file.len() as u64;
    assert_eq!(listed, [("w", end - 27..end - 3), ("b", end - 3..end)]);
    assert_eq!((end - 27) % 8, 0, "the data is aligned");
}

#[test]
fn we_read_what_the_reference_library_writes() {
    let bytes = [0u8; 16];
    let view = |dtype, shape: &[usize]| safetensors::tensor::TensorView::new(dtype, shape.into(), &bytes).unwrap();
    let views = [("a", view(Dtype::F16, &[2, 4])), ("b", view(Dtype::I64, &[2])), ("c", view(Dtype::F4, &[32]))];
    let file = safetensors::serialize(views, None).unwrap();
    let header = header_of(&file).unwrap();
    let listed: Vec<_> = header.tensors.iter().map(|t| (t.name.as_str(), t.dtype, t.shape.as_slice())).collect();
    let want: [(_, _, &[usize]); 3] = [("b", Dtype::I64, &[2]), ("a", Dtype::F16, &[2, 4]), ("c", Dtype::F4, &[32])];
    assert_eq!(listed, want);
}

#[test]
fn equal_contents_are_equal_files() {
    let bytes = [0u8; 4];
    let metadata = notes(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    let [x, y] = ["x", "y"].map(|name| tensor(name, Dtype::F32, &[1], &bytes));
    let file = write([x.clone(), y.clone()], &metadata).unwrap();
    assert_eq!(file, write([y, x], &metadata).unwrap());
}

#[test]
fn what_cannot_be_written_is_refused() {
    let bytes = [0u8; 4];
    let twice = write([tensor("x", Dtype::F32, &[1], &bytes), tensor("x", Dtype::U8, &[4], &bytes)], &notes(&[]));
    assert_eq!(twice, Err(FormatError::Duplicate { name: "\"x\"".into() }));
    let short = write([tensor("x", Dtype::F32, &[2], &bytes)], &notes(&[]));
    assert!(short.unwrap_err().to_string().contains("shape [2] cannot be written from 4 bytes"));
    let overflow = write([tensor("x", Dtype::F32, &[usize::MAX, 2], &bytes)], &notes(&[]));
    assert!(overflow.unwrap_err().to_string().contains("cannot be written"));
}

/// Damaged files: (what is wrong, file, part of the sentence).
fn damaged() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let entry = |name, dtype, shape, begin, end| {
        format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
    };
    let one =
        |dtype, shape, begin, end, data| with_header(&format!("{{{}}}", entry("w", dtype, shape, begin, end)), data);
    let two = |second, data| with_header(&format!("{{{},{second}}}", entry("a", "F32", "[2]", 0, 8)), data);
    let whole = one("F32", "[2,3]", 0, 24, 24);
    let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    vec![
        ("empty", vec![], "this file is empty"),
        ("three bytes", vec![1, 0, 0], "wanted at least 8 bytes for the header, but the file has only 3"),
        ("oversized header", huge, "announce a header of 18446744073709551615 bytes and at most 100000000"),
        ("cut header", whole[..30].to_vec(), "for the header, but the file has only 30"),
        ("cut data", whole[..whole.len() - 1].to_vec(), "it was cut short (tensor \"w\" is the last)"),
        ("data too long", one("F32", "[2,3]", 0, 24, 25), "data bytes 24..25 belong to no tensor"),
        ("no JSON", with_header("not json", 0), "the header is not what the safetensors format asks for"),
        ("no object", with_header("[1,2]", 0), "expected an object that maps tensor names"),
        ("entry without shape", with_header(r#"{"w":{"dtype":"F32"}}"#, 0), "\"w\": missing field `shape`"),
        ("negative size", one("F32", "[-1]", 0, 4, 4), "\"w\": invalid value: integer `-1`"),
        ("unknown dtype", one("F7", "[1]", 0, 4, 4), "tensor \"w\" has the unknown element type \"F7\""),
        ("uncountable", one("F32", "[4294967296,4294967296]", 0, 4, 4), "more entries than can be counted"),
        (
            "wrong shape",
            one("F32", "[2,2]", 0, 24, 24),
            "shape [2, 2] needs 16 bytes, but the header gives it bytes 0..24",
        ),
        ("half a byte", one("F4", "[3]", 0, 2, 2), "needs 12 bits"),
        ("backwards", one("F32", "[1]", 4, 0, 4), "needs 4 bytes, but the header gives it bytes 4..0"),
        ("beyond counting", one("U8", "[0]", u64::MAX, u64::MAX, 0), "needs 0 bytes"),
        ("overlap", two(entry("b", "F32", "[2]", 4, 12), 12), "tensors \"a\" and \"b\" overlap at data byte 4"),
        ("hole", two(entry("b", "F32", "[1]", 12, 16), 16), "data bytes 8..12 belong to no tensor"),
        ("hole at the start", one("F32", "[1]", 4, 8, 8), "data bytes 0..4 belong to no tensor"),
        ("name twice", two(entry("a", "F32", "[1]", 8, 12), 12), "the header lists \"a\" twice"),
        ("notes twice", with_header(r#"{"__metadata__":{},"__metadata__":{}}"#, 0), "duplicate field `__metadata__`"),
        ("notes that are no texts", with_header(r#"{"__metadata__":{"a":1}}"#, 0), "\"__metadata__\": invalid type"),
    ]
}

#[test]
fn each_damage_has_its_sentence() {
    for (what, file, sentence) in damaged() {
        let error = header_of(&file).expect_err(what).to_string();
        assert!(error.contains(sentence), "{what}: wanted {sentence:?} in {error:?}");
    }
}

#[test]
fn other_formats_are_called_by_their_name() {
    for (start, name) in [
        (&b"PK\x03\x04\0\0\x08\x08\0\0\0\0\0\0archive/data.pkl"[..], "PyTorch checkpoint"),
        (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "pickle"),
        (b"GGUF\x03\0\0\0\x23\x01\0\0\0\0\0\0", "GGUF"),
        (b"\x08\x08\x12\x07pytorch\x1a\x052.4.0", "ONNX"),
        (b"<!DOCTYPE html><html><head>", "web page"),
        (b"\n<html>", "web page"),
        (b"{\"hidden_size\": 64}", "JSON"),
        (b"{}", "JSON"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\x89HDF\r\n\x1a\n\0\0\0\0", "HDF5"),
    ] {
        let error = header_of(start).unwrap_err();
        assert!(matches!(error, FormatError::Other { .. }), "{name}: {error}");
        assert!(error.to_string().contains(name), "wanted {name} in {error}");
    }
}

#[test]
fn a_small_header_is_not_mistaken_for_onnx() {
    let file = with_header("{}      ", 0); // begins with byte 8, as ONNX does
    assert_eq!(header_of(&file).unwrap().tensors, []);
}

/// A file of two gigabytes of which only the header exists, and how much was asked for.
struct Sparse {
    start: Vec<u8>,
    len: u64,
    read: Cell<u64>,
}

impl ReadAt for Sparse {
    fn len(&self) -> u64 {
        self.len
    }

    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        self.read.set(self.read.get() + range.end - range.start);
        let mut bytes = self.start.clone();
        bytes.resize((range.end as usize).max(bytes.len()), 0);
        Ok(bytes[range.start as usize..range.end as usize].to_vec())
    }
}

#[test]
fn only_the_header_of_a_large_file_is_read() {
    let json = r#"{"w":{"dtype":"F32","shape":[65536,131072],"data_offsets":[0,34359738368]}}"#;
    let start = with_header(json, 0);
    let (header, len) = (start.len() as u64, start.len() as u64 + (32 << 30));
    let file = Sparse { start, len, read: Cell::new(0) };
    assert_eq!(block_on(read_header(&file)).unwrap().tensors[0].range, header..len);
    assert!(file.read.get() <= header + 64, "{} bytes were read", file.read.get());
}

#[test]
fn half_precision_is_widened_exactly() {
    let values = [1.0f32, -2.5, 0.0, 65504.0];
    let half: Vec<u8> = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
    let brain: Vec<u8> = values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect();
    let single: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let tensors = [
        tensor("half", Dtype::F16, &[4], &half),
        tensor("brain", Dtype::BF16, &[2, 2], &brain),
        tensor("single", Dtype::F32, &[4, 1], &single),
    ];
    let file = MemoryFile::new(write(tensors, &notes(&[])).unwrap());
    let header = block_on(read_header(&file)).unwrap();
    let read = |name| block_on(read_f32(&file, header.tensor(name).unwrap())).unwrap();
    assert_eq!(read("half"), values);
    assert_eq!(read("single"), values);
    assert_eq!(read("brain"), [1.0, -2.5, 0.0, 65536.0]); // 65504 needs more digits than bf16 has
}

#[test]
fn a_tensor_larger_than_a_chunk_comes_whole() {
    let values: Vec<f32> = (0..3_000_000).map(|at| at as f32).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let file = MemoryFile::new(write([tensor("w", Dtype::F32, &[3_000_000], &bytes)], &notes(&[])).unwrap());
    let header = block_on(read_header(&file)).unwrap();
    assert!(block_on(read_f32(&file, &header.tensors[0])).unwrap() == values);
}

#[test]
fn what_is_no_finite_number_is_named_with_its_place() {
    let mut values = [0f32; 6];
    values[5] = f32::NAN;
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let infinity = f16::INFINITY.to_le_bytes();
    let tensors = [
        tensor("w", Dtype::F32, &[2, 3], &bytes),
        tensor("h", Dtype::F16, &[1], &infinity),
        tensor("i", Dtype::U8, &[2], &infinity),
    ];
    let file = MemoryFile::new(write(tensors, &notes(&[])).unwrap());
    let header = block_on(read_header(&file)).unwrap();
    let error = |name| block_on(read_f32(&file, header.tensor(name).unwrap())).unwrap_err().to_string();
    assert!(error("w").contains("tensor \"w\" holds NaN at [1, 2]"), "{}", error("w"));
    assert!(error("h").contains("tensor \"h\" holds inf at [0]"), "{}", error("h"));
    assert!(error("i").contains("tensor \"i\" is U8, but weights must be F32, F16 or BF16"), "{}", error("i"));
}

#[test]
fn a_note_is_added_once_and_the_tensors_stay() {
    let bytes = [7u8; 8];
    let file = write([tensor("w", Dtype::F32, &[2], &bytes)], &notes(&[("by", "me")])).unwrap();
    let annotate = |file: &[u8]| [start(&header_of(file).unwrap(), "format", "pt"), bytes.to_vec()].concat();
    let once = annotate(&file);
    assert_eq!(header_of(&once).unwrap().metadata, notes(&[("by", "me"), ("format", "pt")]));
    assert_eq!(SafeTensors::deserialize(&once).unwrap().tensor("w").unwrap().data(), bytes);
    assert_eq!(annotate(&once), once);
}

#[test]
fn shards_are_one_file() {
    let file = |name: &str, value: f32| {
        let bytes = value.to_le_bytes();
        MemoryFile::new(write([tensor(name, Dtype::F32, &[1], &bytes)], &notes(&[("part", name)])).unwrap())
    };
    let (shards, header) = block_on(Shards::open(vec![file("b", 2.0), file("a", 1.0)])).unwrap();
    assert_eq!(header.tensors.iter().map(|tensor| tensor.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    for (name, value) in [("a", 1.0), ("b", 2.0)] {
        assert_eq!(block_on(read_f32(&shards, header.tensor(name).unwrap())).unwrap(), [value]);
    }
    assert!(
        block_on(shards.read(shards.len() / 2 - 4..shards.len() / 2 + 4)).is_err(),
        "half in one, half in the other"
    );
    assert!(block_on(shards.read(shards.len()..shards.len() + 1)).is_err());
    let twice = block_on(Shards::open(vec![file("a", 1.0), file("a", 2.0)])).err().unwrap().to_string();
    assert!(twice.contains("\"a\" twice"), "{twice}");

    let mut joined = start(&header, "format", "pt");
    for tensor in &header.tensors {
        joined.extend(block_on(shards.read(tensor.range.clone())).unwrap());
    }
    let whole = SafeTensors::deserialize(&joined).unwrap();
    assert_eq!(whole.tensor("b").unwrap().data(), 2f32.to_le_bytes());
}

#[test]
fn values_are_rounded_to_the_tensors_type() {
    let info = |dtype| TensorInfo { name: "w".into(), dtype, shape: vec![3], range: 0..0 };
    let values = [1.0, -2.5, 0.1];
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
        let bytes = narrow(&info(dtype), &values).unwrap();
        let tensor = TensorInfo { range: 0..bytes.len() as u64, ..info(dtype) };
        let read = block_on(read_f32(&MemoryFile::new(bytes.clone()), &tensor)).unwrap();
        assert_eq!(read[..2], values[..2]);
        assert!((read[2] - 0.1).abs() < 1e-3);
        assert_eq!(narrow(&tensor, &read).unwrap(), bytes, "what was rounded stays");
    }
    let large = narrow(&info(Dtype::F16), &[1.0, 70_000.0, 0.0]).unwrap_err().to_string();
    assert!(large.contains("[1]") && large.contains("70000"), "{large}");
    assert!(matches!(narrow(&info(Dtype::I64), &values), Err(FormatError::NotWeights { .. })));
}
