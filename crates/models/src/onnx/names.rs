use std::collections::BTreeSet;

/// The names of a file's values, no two the same.
#[derive(Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// The wanted name, with a number behind it if it is taken.
    pub fn fresh(&mut self, wanted: &str) -> String {
        let numbered = (1..).map(|number| format!("{wanted}_{number}"));
        let free = [wanted.to_string()].into_iter().chain(numbered).find(|name| !self.0.contains(name));
        let name = free.expect("there are more numbers than names");
        self.0.insert(name.clone());
        name
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}
