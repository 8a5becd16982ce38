use std::rc::Rc;

use super::weights::Stored;

/// Numbers that do not depend on the inputs.
#[derive(Clone, Debug)]
pub struct Constant {
    pub shape: Vec<usize>,
    pub values: Values,
    /// The initializer that it is or was made of.
    pub name: Option<Rc<str>>,
}

#[derive(Clone, Debug)]
pub enum Values {
    /// Worked out, row by row. Whole numbers and truth values are `whole`.
    Numbers { numbers: Rc<[f64]>, whole: bool },
    /// A float tensor of the file, not read yet.
    Stored(Rc<Stored>, Change),
}

/// How a stored matrix is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Same,
    Transposed,
    /// These rows of the table.
    Rows {
        first: usize,
        count: usize,
    },
}

impl Constant {
    pub fn numbers(shape: Vec<usize>, numbers: impl Into<Rc<[f64]>>, whole: bool) -> Self {
        Self { shape, values: Values::Numbers { numbers: numbers.into(), whole }, name: None }
    }

    pub fn whole(shape: Vec<usize>, numbers: impl IntoIterator<Item = usize>) -> Self {
        Self::numbers(shape, numbers.into_iter().map(|number| number as f64).collect::<Vec<_>>(), true)
    }

    pub fn stored(stored: Rc<Stored>) -> Self {
        let (shape, name) = (stored.tensor.shape.clone(), Some(stored.tensor.name.as_str().into()));
        match stored.tensor.whole_numbers() {
            Some(whole) => {
                let numbers = whole.into_iter().map(|number| number as f64).collect();
                Self { shape, values: Values::Numbers { numbers, whole: true }, name }
            }
            None => Self { shape, values: Values::Stored(stored, Change::Same), name },
        }
    }

    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_whole(&self) -> bool {
        matches!(self.values, Values::Numbers { whole: true, .. })
    }

    /// All of them, row by row; an error where they lie in a file beside and are too many to be read now.
    pub fn all(&self) -> Result<Rc<[f64]>, String> {
        let (stored, change) = match &self.values {
            Values::Numbers { numbers, .. } => return Ok(numbers.clone()),
            Values::Stored(stored, change) => (stored, *change),
        };
        let name = &stored.tensor.name;
        let all = stored.tensor.numbers().ok_or_else(|| format!("it works on {name}, which lies in a file beside"))?;
        let all: Vec<f64> = all.into_iter().map(f64::from).collect();
        let columns = stored.tensor.shape.last().copied().unwrap_or(1);
        Ok(match change {
            Change::Same => all.into(),
            Change::Transposed => {
                let columns = self.shape[0];
                let rows = all.len().checked_div(columns).unwrap_or(0);
                (0..columns)
                    .flat_map(|column| (0..rows).map(move |row| (row, column)))
                    .map(|(row, column)| all[row * columns + column])
                    .collect()
            }
            Change::Rows { first, count } => all[first * columns..(first + count) * columns].into(),
        })
    }

    /// The only number, if there is one.
    pub fn single(&self) -> Option<f64> {
        (self.len() == 1).then(|| self.all().ok()?.first().copied()).flatten()
    }

    /// The number that all entries are, where they stand for samples only.
    pub fn for_samples(&self, samples: usize) -> Option<f64> {
        if self.shape != [samples] {
            return self.single();
        }
        let all = self.all().ok()?;
        all.iter().all(|number| *number == all[0]).then(|| all[0])
    }

    /// As sizes, places or axes.
    pub fn integers(&self) -> Result<Vec<i64>, String> {
        Ok(self.all()?.iter().map(|number| *number as i64).collect())
    }

    /// The same numbers in the same order.
    pub fn reshaped(&self, shape: Vec<usize>) -> Result<Self, String> {
        if shape.iter().product::<usize>() != self.len() {
            return Err(format!("{:?} cannot become {shape:?}", self.shape));
        }
        // A matrix that is seen the other way round is known by its shape.
        if matches!(self.values, Values::Stored(_, Change::Transposed)) && shape != self.shape {
            return Ok(Self { name: self.name.clone(), ..Self::numbers(shape, self.all()?, false) });
        }
        Ok(Self { shape, ..self.clone() })
    }

    /// One sample of several that are all the same; the constant itself where there is one only.
    pub fn one_of(&self, samples: usize) -> Result<Self, String> {
        let all = self.all()?;
        if samples < 2 || self.shape.first() != Some(&samples) || all.is_empty() {
            return Ok(self.clone());
        }
        let mut each = all.chunks(all.len() / samples);
        let first = each.next().unwrap_or_default();
        if !each.all(|other| other == first) {
            return Err("what it adds is not the same for all samples".into());
        }
        let shape = [&[1], &self.shape[1..]].concat();
        Ok(Self { name: self.name.clone(), ..Self::numbers(shape, first, self.is_whole()) })
    }

    /// A matrix with its axes the other way round; none where it is no matrix of the file.
    pub fn transposed(&self) -> Option<Self> {
        let Values::Stored(stored, change) = &self.values else { return None };
        let change = match change {
            Change::Same => Change::Transposed,
            Change::Transposed => Change::Same,
            _ => return None,
        };
        let [rows, columns] = *self.shape else { return None };
        let values = Values::Stored(stored.clone(), change);
        Some(Self { shape: vec![columns, rows], values, name: self.name.clone() })
    }

    /// Rows of a table of the file, which then have `shape`.
    pub fn rows(&self, first: usize, count: usize, shape: Vec<usize>) -> Option<Self> {
        let Values::Stored(stored, Change::Same) = &self.values else { return None };
        let [rows, _] = *stored.tensor.shape else { return None };
        (self.shape == stored.tensor.shape && first + count <= rows).then_some(())?;
        let values = Values::Stored(stored.clone(), Change::Rows { first, count });
        Some(Self { shape, values, name: self.name.clone() })
    }

    /// The place of its only axis of more than one entry in a value of this rank, counted from the left.
    pub fn only_axis(&self, rank: usize) -> Option<usize> {
        let wide = |(_, size): &(usize, &usize)| **size > 1;
        let mut axes = self.shape.iter().enumerate().filter(wide).map(|(at, _)| at);
        match (axes.next(), axes.next()) {
            (Some(at), None) => (at + rank).checked_sub(self.shape.len()),
            _ => None,
        }
    }
}
