//! One build of burn. Cargo compiles a package once for each set of features asked for, and what is asked for depends on
//! the packages a command names. These sets have to agree for everything under burn, or a quarter of an hour is lost.

use std::collections::{BTreeMap, BTreeSet};

use crate::shell::{Result, ask, command};

/// The packages people name one at a time.
const NAMED_ALONE: [&str; 6] = ["kernels", "exec", "methods", "engine", "cli", "tests"];
const EDGES: &str = "-eno-proc-macro,no-build";
const WASM: [&str; 2] = ["--package=secateur-worker", "--target=wasm32-unknown-unknown"];

pub fn compiled_twice() -> Result<Vec<String>> {
    let burn: BTreeSet<String> =
        features(&["--package=burn", "-eno-proc-macro,no-build,no-dev"])?.into_keys().collect();
    let whole = features(&["--workspace", "--exclude=secateur-web", "--exclude=secateur-worker", EDGES])?;
    let mut twice = Vec::new();
    for name in NAMED_ALONE {
        let package = format!("secateur-{name}");
        let alone = features(&["--package", &package, EDGES])?;
        let add = format!("-p {package} and the workspace ask for different features (see crates/kernels/Cargo.toml)");
        twice.extend(differences(&burn, &alone, &whole).map(|difference| format!("{difference}: {add}")));
    }
    let page = features(&[WASM.as_slice(), &["-eno-proc-macro,no-build,no-dev"]].concat())?;
    let tests = features(&[WASM.as_slice(), &[EDGES]].concat())?;
    let add = "the worker and its tests ask for different features (see crates/worker/Cargo.toml)";
    twice.extend(differences(&burn, &page, &tests).map(|difference| format!("{difference}: {add}")));
    Ok(twice)
}

/// `name version` -> features, for every package of the tree that cargo would build.
type Features = BTreeMap<String, String>;

fn features(args: &[&str]) -> Result<Features> {
    let tree = ask(command("cargo").args(["tree", "--quiet", "--prefix=none", "--format={p}|{f}"]).args(args));
    let tree = tree.ok_or_else(|| format!("`cargo tree {}` failed", args.join(" ")))?;
    Ok(tree.lines().filter_map(read).collect())
}

fn read(line: &str) -> Option<(String, String)> {
    let (package, features) = line.trim_end_matches(" (*)").split_once('|')?;
    let package = package.split(" (").next()?;
    Some((package.to_owned(), features.to_owned()))
}

fn differences<'a>(under: &'a BTreeSet<String>, a: &'a Features, b: &'a Features) -> impl Iterator<Item = String> + 'a {
    under.iter().filter_map(|package| {
        let (one, other) = (a.get(package)?, b.get(package)?);
        (one != other).then(|| format!("{package} [{one}] or [{other}]"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_under_burn_count() {
        let tree = |text: &str| text.lines().filter_map(read).collect::<Features>();
        let a = tree("half v2.7.1|std\nclap v4.6.0|derive\nsyn v2.0.0 (proc-macro)|full (*)");
        let b = tree("half v2.7.1|default,std\nclap v4.6.0|\nsyn v2.0.0|full");
        let under = BTreeSet::from(["half v2.7.1".to_owned(), "syn v2.0.0".to_owned()]);
        assert_eq!(differences(&under, &a, &b).collect::<Vec<_>>(), ["half v2.7.1 [std] or [default,std]"]);
    }
}
