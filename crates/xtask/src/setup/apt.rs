//! Debian's packages, where we may install them.

use crate::shell::{self, Result, ask, command, find, step};

/// Installs what is missing of these packages. `otherwise` is what to tell a person whose machine we may not change.
pub fn install(packages: &[&str], otherwise: &str) -> Result {
    let missing: Vec<_> = packages.iter().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !allowed() {
        return Err(otherwise.into());
    }
    let names = missing.iter().map(|name| **name).collect::<Vec<_>>().join(" ");
    step(&format!("apt-get install {names}"), || {
        let apt = || {
            let mut apt = command("apt-get");
            apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
            apt
        };
        shell::run(apt().arg("update"))?;
        shell::run(apt().args(["install", "-y", "--no-install-recommends"]).args(missing))
    })
}

/// Debian or a child of it, and we are root.
pub fn allowed() -> bool {
    cfg!(target_os = "linux")
        && find("apt-get", &[]).is_some()
        && ask(command("id").arg("-u")).is_some_and(|id| id == "0")
}

fn installed(package: &str) -> bool {
    ask(command("dpkg-query").args(["-W", "-f=${Status}", package]))
        .is_some_and(|status| status == "install ok installed")
}
