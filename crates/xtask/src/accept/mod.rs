//! The acceptance runs: does a method do here what its paper says it does? Each file of tests/accept is a sweep and what its
//! results are held against; what was measured stands in tests/accept/RESULTS.md, whether it came out as hoped or not.

mod claim;

use std::path::PathBuf;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use self::claim::{Claim, Line};
use crate::shell::{self, Result, command, root};

const FOLDER: &str = "tests/accept";

/// What this program reads of a file; the rest is the sweep's.
#[derive(Deserialize)]
struct Test {
    models: Vec<String>,
    #[serde(rename = "claim")]
    claims: Vec<Claim>,
}

/// One method's file, or all of them.
pub fn run(which: &str) -> Result {
    let mut files = files()?;
    if which != "all" {
        files.retain(|path| path.file_stem().is_some_and(|stem| stem == which));
    }
    if files.is_empty() {
        let known: Vec<String> =
            self::files()?.iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into())).collect();
        return Err(format!("there is no {FOLDER}/{which}.toml; there are {}, and all", known.join(", ")).into());
    }
    shell::run(command("cargo").args(["build", "--quiet", "-p", "secateur-cli"]))?;
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        shell::step(&name, || accept(&name, &path))?;
    }
    Ok(())
}

fn files() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join(FOLDER))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn accept(name: &str, path: &PathBuf) -> Result {
    let text = std::fs::read_to_string(path)?;
    let test: Test = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let beside = folder()?;
    let program = beside.join(if cfg!(windows) { "secateur.exe" } else { "secateur" });
    let out = beside.join("accept").join(name).join(key(&std::fs::read(&program)?, &text)?);
    shell::run(command(&program).arg("sweep").arg(path).arg("-o").arg(&out))?;
    let results = std::fs::read_to_string(out.join("results.jsonl"))?;
    let lines: Vec<Line> = results.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
    let section = section(name, &test, &lines);
    println!("{section}");
    let all = root().join(FOLDER).join("RESULTS.md");
    let before = std::fs::read_to_string(&all).unwrap_or_default();
    Ok(std::fs::write(&all, replaced(&before, name, &section))?)
}

/// Where results belong: those of another program, or of a file with other runs, say nothing about these. Claims may change.
fn key(program: &[u8], file: &str) -> Result<String> {
    let mut runs: toml::Table = toml::from_str(file)?;
    runs.remove("claim");
    let digest = Sha256::new().chain_update(program).chain_update(runs.to_string()).finalize();
    Ok(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// Where cargo puts what it builds, this program too.
fn folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.parent().ok_or("this program lies in no folder")?.into())
}

/// A method's part of the results.
fn section(name: &str, test: &Test, lines: &[Line]) -> String {
    let device = lines.iter().find_map(Line::device).unwrap_or("no device");
    let mut text = format!("## {name}\n\nOn {}; {device}; {}.\n\n", test.models.join(", "), today());
    text += "| what is hoped for | wanted | measured: mean (least to greatest) | seeds | holds |\n| --- | --- | --- | --: | --- |\n";
    for claim in &test.claims {
        text += &claim.row(lines);
    }
    let notes: Vec<String> = test.claims.iter().filter_map(|claim| claim.note.clone()).collect();
    notes.iter().for_each(|note| text += &format!("\n{note}\n"));
    text
}

/// The results with one method's part exchanged; parts are sorted by name.
fn replaced(before: &str, name: &str, section: &str) -> String {
    let (head, parts) = before.split_once("\n## ").map_or((before, ""), |(head, parts)| (head, parts));
    let head = if head.trim().is_empty() { HEAD } else { head };
    let mut sections: Vec<String> =
        parts.split("\n## ").filter(|part| !part.is_empty()).map(|part| format!("## {}", part.trim_end())).collect();
    sections.retain(|part| part.lines().next() != Some(&format!("## {name}")));
    sections.push(section.trim_end().into());
    sections.sort();
    format!("{}\n\n{}\n", head.trim_end(), sections.join("\n\n"))
}

const HEAD: &str = "# What the methods do here

Measured by `cargo xtask accept METHOD`, over several seeds. The margins that are hoped for are those of papers and of our own
proposals, on models a thousand times smaller than the papers'; where one does not hold, the figure stands as it is.";

/// Year-month-day (Hinnant, days from civil, 2013).
fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let days = (since.as_secs() / 86_400) as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + i64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_methods_part_takes_the_place_of_its_older_one() {
        let first = replaced("", "wanda", "## wanda\n\nold\n");
        let second = replaced(&first, "magnitude", "## magnitude\n\nnew\n");
        let third = replaced(&second, "wanda", "## wanda\n\nnewer\n");
        assert_eq!(third, format!("{HEAD}\n\n## magnitude\n\nnew\n\n## wanda\n\nnewer\n"));
    }

    #[test]
    fn other_runs_have_other_results_and_other_claims_the_same() {
        let of = |program: &[u8], file| key(program, file).unwrap();
        let (runs, claims) = ("models = ['a']\n", "models = ['a']\n[[claim]]\nsays = 'b'\n");
        assert_eq!(of(b"1", runs), of(b"1", claims));
        assert_ne!(of(b"1", runs), of(b"1", "models = ['b']"));
        assert_ne!(of(b"1", runs), of(b"2", runs));
    }

    /// A file that cannot be read would be found out only when somebody asks for it.
    #[test]
    fn every_file_says_what_it_hopes_for() {
        for path in files().unwrap() {
            let text = std::fs::read_to_string(&path).unwrap();
            let test: Test = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(!test.claims.is_empty(), "{}", path.display());
            let names = claim::names(&text);
            for claim in &test.claims {
                claim.check(&names).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
        }
    }
}
