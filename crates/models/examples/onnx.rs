//! Writes a model's folder as ONNX, at the sizes that golden inputs have:
//! `cargo run -p secateur-models --example onnx -- FOLDER OUT.onnx [INPUTS.safetensors]`
//!
//! FOLDER holds `model.safetensors` and `config.json`; the inputs are the tensors `in.*`, samples first.

use std::error::Error;
use std::fs::{File, read};
use std::io::{BufWriter, Write, sink};
use std::path::Path;

use pollster::block_on;
use secateur_formats::MemoryFile;
use secateur_formats::safetensors::{read_f32, read_header};
use secateur_graph::Graph;
use secateur_models::{detect, onnx};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (folder, out, inputs) = match args.as_slice() {
        [folder, out] => (Path::new(folder), Path::new(out), None),
        [folder, out, inputs] => (Path::new(folder), Path::new(out), Some(inputs)),
        _ => return Err("wanted FOLDER OUT.onnx [INPUTS.safetensors]".into()),
    };
    let config = serde_json::from_slice(&read(folder.join("config.json"))?)?;
    let file = MemoryFile::new(read(folder.join("model.safetensors"))?);
    let header = block_on(read_header(&file))?;
    let mut graph = detect(&header, Some(&config))?.graph;
    if let Some(inputs) = inputs {
        graph = at_their_sizes(&graph, &MemoryFile::new(read(inputs)?))?;
    }
    let name = out.file_stem().ok_or("wanted a name for the file")?.to_string_lossy();
    let export = onnx::export(&graph, &name)?;
    let mut beside: Box<dyn Write> = match &export.beside {
        Some(name) => Box::new(BufWriter::new(File::create(out.with_file_name(name))?)),
        None => Box::new(sink()),
    };
    let mut written = BufWriter::new(File::create(out)?);
    block_on(export.write(&graph, &mut written, &mut beside, async |id| {
        let param = graph.param(id);
        let info = header.tensor(&param.name).ok_or_else(|| format!("there is no tensor {}", param.name))?;
        Ok::<_, Box<dyn Error>>(param.from_stored(read_f32(&file, info).await?))
    }))
}

/// The graph for the texts and pictures in a golden.
fn at_their_sizes(graph: &Graph, golden: &MemoryFile) -> Result<Graph, Box<dyn Error>> {
    let header = block_on(read_header(golden))?;
    let shape = |name: &str| header.tensor(&format!("in.{name}")).map(|tensor| tensor.shape[1..].to_vec());
    Ok(graph.resized(shape)?)
}
