use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The shader's text with `#import name` replaced by the shared file of that name, once, and `#ifdef FLAG`,
/// `#else`, `#endif` decided.
pub fn expand(path: &Path, flags: &[String], shared: &[(String, PathBuf)]) -> Result<String, String> {
    let mut text = Text { flags, shared, imported: BTreeSet::new(), asked: BTreeSet::new(), out: String::new() };
    text.append(path)?;
    match flags.iter().find(|flag| !text.asked.contains(*flag)) {
        Some(flag) => Err(format!("no #ifdef asks for the flag {flag}")),
        None => Ok(text.out),
    }
}

struct Text<'a> {
    flags: &'a [String],
    shared: &'a [(String, PathBuf)],
    imported: BTreeSet<String>,
    asked: BTreeSet<String>,
    out: String,
}

impl Text<'_> {
    fn append(&mut self, path: &Path) -> Result<(), String> {
        let source = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        // Whether the lines inside each open #ifdef are taken.
        let mut open: Vec<bool> = Vec::new();
        for (number, line) in source.lines().enumerate() {
            let wrong = |what: &str| format!("{}:{}: {what}", path.display(), number + 1);
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("#ifdef"), Some(flag)) => {
                    self.asked.insert(flag.to_string());
                    open.push(self.flags.iter().any(|have| have == flag));
                }
                (Some("#else"), _) => {
                    let last = open.last_mut().ok_or_else(|| wrong("#else without #ifdef"))?;
                    *last = !*last;
                }
                (Some("#endif"), _) => {
                    open.pop().ok_or_else(|| wrong("#endif without #ifdef"))?;
                }
                _ if open.contains(&false) => {}
                (Some("#import"), Some(name)) => self.import(name).map_err(|error| wrong(&error))?,
                (Some(word), _) if word.starts_with('#') => return Err(wrong(&format!("unknown directive {word}"))),
                _ => {
                    self.out.push_str(line);
                    self.out.push('\n');
                }
            }
        }
        if open.is_empty() { Ok(()) } else { Err(format!("{}: #ifdef without #endif", path.display())) }
    }

    fn import(&mut self, name: &str) -> Result<(), String> {
        if !self.imported.insert(name.to_string()) {
            return Ok(());
        }
        let shared = self.shared.iter().find(|(stem, _)| stem == name);
        let (_, path) = shared.ok_or_else(|| format!("there is no shared/{name}.wgsl"))?;
        self.append(path)
    }
}
