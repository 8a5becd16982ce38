use super::Group;

/// Why units cannot go.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LegalError {
    #[error("{group} has {units} units, 0 to {}; there is no unit {unit}", .units - 1)]
    NoUnit { group: String, unit: u32, units: usize },
    #[error("{group}: wanted at least one of {units} units to stay, none would; remove at most {}", .units - 1)]
    Empty { group: String, units: usize },
    #[error(
        "{group}: {gone} of {units} would go, but each of {bins} key/value groups must lose as many; the nearest that can go \
         are {near}, the same number from each"
    )]
    Uneven { group: String, gone: usize, units: usize, bins: usize, near: usize },
    #[error("{group}: {unit} cannot go, because {why}; {}", .near.as_ref().map_or("no other can go".into(), |near| format!("the nearest that can go is {near}")))]
    Needed { group: String, unit: String, why: String, near: Option<String> },
}

impl Group {
    /// How many units may go at all, in rising order, 0 included.
    pub fn legal_counts(&self) -> impl Iterator<Item = usize> + use<> {
        let most = self.units - self.vocabulary.needed.len().clamp(1, self.units);
        (0..=most).step_by(self.bin_count())
    }

    /// Whether any may go.
    pub(super) fn can_lose(&self) -> bool {
        self.legal_counts().nth(1).is_some()
    }

    /// Whether a unit must stay.
    pub fn is_needed(&self, unit: u32) -> bool {
        self.vocabulary.needed.contains_key(&unit)
    }

    /// The number of units that may go nearest to a wanted one; the lower of two.
    pub fn nearest(&self, wanted: usize) -> usize {
        self.legal_counts().min_by_key(|count| count.abs_diff(wanted)).unwrap_or(0)
    }

    /// Whether these units, each given once, may go together.
    pub fn check(&self, gone: &[u32]) -> Result<(), LegalError> {
        let (group, units) = (self.name(), self.units);
        if let Some(unit) = gone.iter().find(|unit| **unit as usize >= units) {
            return Err(LegalError::NoUnit { group, unit: *unit, units });
        }
        if !gone.is_empty() && gone.len() >= units {
            return Err(LegalError::Empty { group, units });
        }
        self.check_needed(gone)?;
        let mut each = vec![0; self.bin_count()];
        gone.iter().for_each(|unit| each[self.bin(*unit)] += 1);
        if each.iter().all(|count| *count == each[0]) {
            return Ok(());
        }
        let near = self.nearest(gone.len()).max(each.len()).min(units - each.len());
        Err(LegalError::Uneven { group, gone: gone.len(), units, bins: each.len(), near })
    }

    /// Whether none of these units must stay.
    pub fn check_needed(&self, gone: &[u32]) -> Result<(), LegalError> {
        let needed = |unit: &u32| Some((*unit, self.vocabulary.needed.get(unit)?));
        let Some((unit, why)) = gone.iter().find_map(needed) else { return Ok(()) };
        let others = (0..self.units as u32).filter(|other| !self.is_needed(*other));
        let near = others.min_by_key(|other| other.abs_diff(unit)).map(|near| self.vocabulary.name(near));
        Err(LegalError::Needed { group: self.name(), unit: self.vocabulary.name(unit), why: why.clone(), near })
    }

    /// In which bin a unit is; 0 where there are none.
    pub fn bin(&self, unit: u32) -> usize {
        self.bins.as_ref().map_or(0, |bins| bins[unit as usize] as usize)
    }

    /// Of how many bins the units are; 1 where any may go.
    pub fn bin_count(&self) -> usize {
        self.bins.as_ref().and_then(|bins| bins.iter().max()).map_or(1, |last| *last as usize + 1)
    }
}
