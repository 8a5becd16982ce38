//! Writes a command's files so that nobody ever sees half of them.

use std::cell::Cell;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::args::OutArgs;

/// Where to write, checked before the work begins.
pub struct OutDir {
    dir: PathBuf,
    /// There are other files: replace those of the same names one by one.
    beside_others: Cell<bool>,
}

impl OutDir {
    /// None without `-o`.
    pub fn new(args: OutArgs) -> Result<Option<Self>> {
        let Some(dir) = args.out else { return Ok(None) };
        let beside_others = match fs::read_dir(&dir) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) if dir.exists() => {
                return Err(format!("{} is not a folder; choose another one", dir.display()).into());
            }
            Err(_) => false,
        };
        if beside_others && !args.force {
            return Err(format!("{} is not empty; choose a new folder or add --force", dir.display()).into());
        }
        Ok(Some(Self { dir, beside_others: Cell::new(beside_others) }))
    }

    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Writes all files into a folder beside the target, then moves them over: all or nothing for a new folder,
    /// file by file for one that holds others. May be called again, with newer files.
    pub fn write(&self, files: &[(String, Vec<u8>)]) -> Result {
        let failed = |error: std::io::Error| format!("could not write {}: {error}", self.dir.display());
        let draft = Draft::new(&self.dir).map_err(failed)?;
        for (name, bytes) in files {
            fs::write(draft.0.join(name), bytes).map_err(failed)?;
        }
        if self.beside_others.get() {
            for (name, _) in files {
                fs::rename(draft.0.join(name), self.dir.join(name)).map_err(failed)?;
            }
        } else {
            if self.dir.exists() {
                fs::remove_dir(&self.dir).map_err(failed)?; // empty, or this fails
            }
            fs::rename(&draft.0, &self.dir).map_err(failed)?;
            self.beside_others.set(true);
        }
        Ok(())
    }

    /// Takes away a file that is not needed any more, if it is there.
    pub fn remove(&self, name: &str) -> Result {
        match fs::remove_file(self.dir.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("could not remove {name} from {}: {error}", self.dir.display()).into())
            }
            _ => Ok(()),
        }
    }
}

/// Writes one file beside its place and moves it over.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result {
    let failed = |error: std::io::Error| format!("could not write {}: {error}", path.display());
    let draft = Draft::new(path).map_err(failed)?;
    fs::write(draft.0.join("file"), bytes).map_err(failed)?;
    Ok(fs::rename(draft.0.join("file"), path).map_err(failed)?)
}

/// A folder that goes away with whatever is left in it.
struct Draft(PathBuf);

impl Draft {
    /// Beside `dir`, so that moving is renaming.
    fn new(dir: &Path) -> std::io::Result<Self> {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let parent = dir.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
        let draft = parent.join(format!(".{name}.{}.tmp", std::process::id()));
        fs::create_dir(&draft)?;
        Ok(Self(draft))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // already moved away when all went well
    }
}
