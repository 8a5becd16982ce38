//! Which crate may use which: the layers of crates/ARCHITECTURE.md.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use crate::shell::{Result, root};

/// The bottom layer first; a crate may use what is named here and nothing else of ours.
const MAY_USE: [(&str, &[&str]); 14] = [
    ("secateur-graph", &[]),
    ("secateur-protocol", &["graph"]),
    ("secateur-formats", &["graph", "protocol"]),
    ("secateur-data", &["graph", "protocol"]),
    ("secateur-models", &["graph", "protocol", "formats"]),
    ("secateur-kernels", &["graph", "protocol"]),
    ("secateur-exec", &["graph", "protocol", "kernels"]),
    ("secateur-methods", &["graph", "protocol", "kernels", "exec"]),
    ("secateur-engine", &["graph", "protocol", "formats", "data", "models", "kernels", "exec", "methods"]),
    ("secateur-worker", &["graph", "protocol", "formats", "data", "models", "engine"]),
    ("secateur-cli", &["graph", "protocol", "formats", "data", "models", "engine"]),
    ("secateur-web", &["graph", "protocol"]),
    // Nothing uses the tests, and they use everything.
    ("secateur-tests", &["graph", "protocol", "formats", "data", "models", "kernels", "exec", "methods", "engine"]),
    ("xtask", &[]),
];
const COMPUTE: [&str; 3] = ["secateur-kernels", "secateur-exec", "secateur-methods"];
const COMPUTE_ONLY: [&str; 3] = ["burn", "cubecl", "wgpu"];

pub fn wrong() -> Result<Vec<String>> {
    let workspace = MetadataCommand::new().current_dir(root()).no_deps().exec()?;
    Ok(workspace.packages.iter().flat_map(wrong_in).collect())
}

fn wrong_in(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let Some((_, may_use)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{name} has no layer: give it one in xtask's tidy/arrows.rs and in crates/ARCHITECTURE.md"
        )];
    };
    let uses = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    let uses: BTreeSet<&str> = uses.map(|dependency| dependency.name.as_str()).collect();
    uses.into_iter().filter_map(|used| judge(name, may_use, used)).collect()
}

/// What is wrong about `name` using the package `used`, if anything is.
fn judge(name: &str, may_use: &[&str], used: &str) -> Option<String> {
    match used.strip_prefix("secateur-") {
        Some(ours) if !may_use.contains(&ours) => Some(format!("{name} must not use {used}: arrows go one way")),
        None if compute_only(used) && !COMPUTE.contains(&name) => {
            Some(format!("{name} must not use {used}: only kernels, exec and methods name burn, cubecl or wgpu"))
        }
        _ => None,
    }
}

fn compute_only(package: &str) -> bool {
    COMPUTE_ONLY
        .iter()
        .any(|root| package == *root || package.strip_prefix(root).is_some_and(|rest| rest.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_point_one_way() {
        assert_eq!(wrong().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_arrow_is_seen() {
        assert!(judge("secateur-web", &["graph", "protocol"], "secateur-engine").is_some());
        assert!(judge("secateur-engine", &["exec"], "burn-wgpu").is_some());
        assert!(judge("secateur-kernels", &["graph"], "burn-cubecl").is_none());
        assert!(judge("secateur-engine", &["exec"], "secateur-exec").is_none());
        assert!(judge("xtask", &[], "burnish").is_none());
    }
}
