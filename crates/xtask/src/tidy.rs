//! The map of the code, enforced: arrows between the crates, who may name burn, one build of burn.

mod arrows;
mod features;
mod files;

use crate::shell::Result;

pub fn run() -> Result {
    let mut wrong = arrows::wrong()?;
    wrong.extend(features::compiled_twice()?);
    files::hint_at_long_files()?;
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("\n  {}", wrong.join("\n  ")).into())
}
