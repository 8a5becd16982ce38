use std::collections::BTreeMap;

use secateur_protocol::{RecipeError, units_by_group};

use crate::parts::fields::Values;

/// What somebody wants of single groups and units, by their places in the graph's list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// How many go of a group.
    pub counts: BTreeMap<usize, usize>,
    /// Units that go in any case.
    pub remove: BTreeMap<usize, Vec<u32>>,
    /// Units that stay in any case.
    pub protect: BTreeMap<usize, Vec<u32>>,
}

impl Wishes {
    pub fn read(values: &Values<'_>) -> Result<Self, RecipeError> {
        let list = |key| Ok::<_, RecipeError>(parsed(key, &values.text(key)?)?.into_iter().collect());
        let counts = parsed("counts", &values.text("counts")?)?;
        let one = |(group, numbers): (usize, Vec<u32>)| match numbers[..] {
            [count] => Ok((group, count as usize)),
            _ => Err(wrong("counts", &format!("{group}:{numbers:?}"))),
        };
        let counts = counts.into_iter().map(one).collect::<Result<_, _>>()?;
        Ok(Self { counts, remove: list("remove")?, protect: list("protect")? })
    }

    /// Groups that something is said of beside what stays.
    pub fn groups(&self) -> impl Iterator<Item = usize> + '_ {
        self.counts.keys().chain(self.remove.keys()).copied()
    }

    /// Whether a unit goes in any case.
    pub fn goes(&self, group: usize, unit: u32) -> bool {
        self.remove.get(&group).is_some_and(|units| units.contains(&unit))
    }

    /// Whether a unit stays in any case.
    pub fn stays(&self, group: usize, unit: u32) -> bool {
        self.protect.get(&group).is_some_and(|units| units.contains(&unit))
    }
}

fn parsed(key: &str, text: &str) -> Result<Vec<(usize, Vec<u32>)>, RecipeError> {
    units_by_group(text).map(|part| part.map_err(|part| wrong(key, part))).collect()
}

fn wrong(key: &str, got: &str) -> RecipeError {
    RecipeError::Value {
        key: key.into(),
        got: got.into(),
        want: "GROUP:NUMBER,NUMBER;GROUP:NUMBER, e.g. 3:0,5;4:1".into(),
    }
}
