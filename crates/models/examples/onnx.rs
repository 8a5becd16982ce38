//! Writes a model as ONNX:
//! `cargo run -p secateur-models --example onnx -- FOLDER|IN.onnx OUT.onnx [INPUTS.safetensors]`
//!
//! FOLDER holds `model.safetensors` and `config.json`. With inputs, which are its tensors `in.*`, samples first, the
//! texts and pictures have their sizes. An ONNX file is read, told about, and written from what was understood.

use std::error::Error;
use std::fs::{File, read};
use std::io::{BufWriter, Write, sink};
use std::path::Path;

use pollster::block_on;
use secateur_formats::safetensors::{Header, read_f32, read_header};
use secateur_formats::{MemoryFile, ReadAt};
use secateur_graph::Graph;
use secateur_models::onnx::{Imported, Onnx, export};
use secateur_models::{Model, detect};

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (from, out, inputs) = match args.as_slice() {
        [from, out] => (Path::new(from), Path::new(out), None),
        [from, out, inputs] => (Path::new(from), Path::new(out), Some(inputs)),
        _ => return Err("wanted FOLDER|IN.onnx OUT.onnx [INPUTS.safetensors]".into()),
    };
    if from.is_file() {
        let Imported { model, header, file } = import(from)?;
        return write(&model, &header, &file, out, inputs);
    }
    let config = serde_json::from_slice(&read(from.join("config.json"))?)?;
    let file = MemoryFile::new(read(from.join("model.safetensors"))?);
    let header = block_on(read_header(&file))?;
    write(&detect(&header, Some(&config))?, &header, &file, out, inputs)
}

fn import(from: &Path) -> Result<Imported<MemoryFile>, Box<dyn Error>> {
    let onnx = block_on(Onnx::open(MemoryFile::new(read(from)?)))?;
    let mut beside = Vec::new();
    for path in onnx.files_beside()? {
        let file = MemoryFile::new(read(from.with_file_name(&path))?);
        beside.push((path, file));
    }
    Ok(block_on(onnx.import(beside))?)
}

fn write(model: &Model, header: &Header, file: &impl ReadAt, out: &Path, inputs: Option<&String>) -> Done {
    println!("{}", model.verdict);
    let graph = match inputs {
        Some(inputs) => at_their_sizes(&model.graph, &MemoryFile::new(read(inputs)?))?,
        None => model.graph.clone(),
    };
    let name = out.file_stem().ok_or("wanted a name for the file")?.to_string_lossy();
    let export = export(&graph, &name)?;
    let mut beside: Box<dyn Write> = match &export.beside {
        Some(name) => Box::new(BufWriter::new(File::create(out.with_file_name(name))?)),
        None => Box::new(sink()),
    };
    let mut written = BufWriter::new(File::create(out)?);
    let values = async |id| {
        let param = graph.param(id);
        let info = header.tensor(&param.name).ok_or_else(|| format!("there is no tensor {}", param.name))?;
        Ok(param.from_stored(read_f32(file, info).await?))
    };
    block_on(export.write(&graph, &mut written, &mut beside, values))
}

/// The graph for the texts and pictures in a golden.
fn at_their_sizes(graph: &Graph, golden: &MemoryFile) -> Result<Graph, Box<dyn Error>> {
    let header = block_on(read_header(golden))?;
    let shape = |name: &str| header.tensor(&format!("in.{name}")).map(|tensor| tensor.shape[1..].to_vec());
    Ok(graph.resized(shape)?)
}
