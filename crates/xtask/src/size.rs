//! How much a visitor downloads before the page runs.

use std::path::PathBuf;
use std::{fs, io};

use crate::shell::{Result, ask, command};
use crate::{build, setup};

const BROTLI: &str = "const {brotliCompressSync, constants: c} = require('zlib');\
    const input = require('fs').readFileSync(process.argv[1]);\
    console.log(brotliCompressSync(input, {params: {[c.BROTLI_PARAM_QUALITY]: 11, [c.BROTLI_PARAM_SIZE_HINT]: input.length, [c.BROTLI_PARAM_LGWIN]: 24}}).length)";

pub fn run() -> Result {
    build::page(&setup::for_page()?)?;
    print()
}

/// One line a wasm file in dist/: raw and brotli bytes (quality 11, as static hosts store it).
pub fn print() -> Result {
    println!("{:<40} {:>12} {:>12}", "file", "bytes", "brotli");
    for file in wasm_files()? {
        let raw = fs::metadata(&file)?.len();
        let told = ask(command("node").args(["-e", BROTLI]).arg(&file));
        let brotli: u64 = told.and_then(|text| text.parse().ok()).ok_or("node could not compress the file")?;
        println!("{:<40} {raw:>12} {brotli:>12}", file.file_name().unwrap_or_default().to_string_lossy());
    }
    Ok(())
}

fn wasm_files() -> io::Result<Vec<PathBuf>> {
    let mut files = fs::read_dir(build::dist())?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "wasm"));
    files.sort();
    Ok(files)
}
