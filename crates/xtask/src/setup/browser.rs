//! A Chromium and its driver, of one version.

use std::env;
use std::path::PathBuf;

use super::apt;
use crate::shell::{Result, find};

pub struct Browser {
    pub chrome: PathBuf,
    pub driver: PathBuf,
}

const CHROME: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
#[cfg(target_os = "macos")]
const APPLICATION: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
#[cfg(windows)]
const APPLICATION: &str = r"C:\Program Files\Google\Chrome\Application\chrome.exe";
#[cfg(not(any(target_os = "macos", windows)))]
const APPLICATION: &str = "/opt/google/chrome/chrome";

const OTHERWISE: &str = "Chrome or its driver is missing: install Chrome (or Chromium) and the chromedriver of the same \
    version, and put chromedriver on PATH or name the two in CHROME and CHROMEDRIVER";

/// `$CHROME` and `$CHROMEDRIVER`, or what lies in the usual places, or Debian's pair.
pub fn find_or_install() -> Result<Browser> {
    if let Some(browser) = there() {
        return Ok(browser);
    }
    apt::install(&["chromium", "chromium-driver"], OTHERWISE)?;
    there().ok_or_else(|| OTHERWISE.into())
}

fn there() -> Option<Browser> {
    let named = |name| env::var_os(name).map(PathBuf::from).filter(|file| file.is_file());
    let application = || Some(PathBuf::from(APPLICATION)).filter(|file| file.is_file());
    let chrome = named("CHROME").or_else(|| CHROME.iter().find_map(|name| find(name, &[]))).or_else(application)?;
    let driver = named("CHROMEDRIVER").or_else(|| find("chromedriver", &[]))?;
    Some(Browser { chrome, driver })
}
