//! What was measured with a clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Forward passes, measured. Milliseconds for one batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    pub batch: u32,
    pub repeats: u32,
    pub dense_ms: Spread,
    pub pruned_ms: Spread,
    pub device: String,
    /// How the pruned model multiplies with each prunable matrix, in graph order.
    pub layouts: Vec<Multiplied>,
    /// What takes the time, longest first. Empty on a GPU, which is still at work when the next operation is asked for.
    pub ops: Vec<OpTime>,
}

/// All operations of one name in a forward pass: the median over the passes, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpTime {
    /// As the graph calls it, e.g. `linear`.
    pub op: String,
    pub dense_ms: f64,
    pub pruned_ms: f64,
}

impl Timing {
    /// How many layers are multiplied with in which way, e.g. `4 dense, 20 rows`.
    pub fn picked(&self) -> String {
        let mut picked: BTreeMap<&str, usize> = BTreeMap::new();
        self.layouts.iter().for_each(|multiplied| *picked.entry(multiplied.layout.word()).or_default() += 1);
        let picked: Vec<_> = picked.iter().map(|(word, layers)| format!("{layers} {word}")).collect();
        picked.join(", ")
    }
}

/// How a weight is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multiplied {
    /// In the graph's list of parameters.
    pub param: u32,
    pub layout: Layout,
}

/// Which weights a product reads. Whatever is faster on the device is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// All of them, pruned or not.
    Dense,
    /// Blocks of 16 x 16 or 32 x 32 in which something is kept.
    Blocks,
    /// Kept ones.
    Rows,
    /// Kept ones of groups that keep N of M.
    NOfM,
}

impl Layout {
    pub fn word(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Blocks => "blocks",
            Self::Rows => "rows",
            Self::NOfM => "n:m",
        }
    }
}

/// Products y = x Wᵀ of one layer's size, as [`crate::Command::BenchProducts`] asked for them, measured. Milliseconds for one product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Products {
    pub samples: u32,
    pub inputs: u32,
    pub outputs: u32,
    pub window: Option<u32>,
    pub repeats: u32,
    pub device: String,
    /// Burn's own first.
    pub times: Vec<ProductTime>,
}

/// One kernel's time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductTime {
    /// `burn` (the library's), `dense` (ours), `masked` (ours, the mask applied inside), `blocks16` and `blocks32` (those with
    /// something in them), `rows` (kept entries), `1:4`, `2:4` and `4:8`; `copy` is a copy of as many bytes as the dense
    /// product reads and writes.
    pub kernel: String,
    /// The share of the weight that is kept, in the pattern that the kernel is for.
    pub density: f64,
    pub ms: Spread,
}

/// Median and quartiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub q1: f64,
    pub median: f64,
    pub q3: f64,
}

/// How fast the score kernel goes through memory, beside a copy that moves the same bytes and a global selection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// Bytes read and written by one run.
    pub bytes: u64,
    pub repeats: u32,
    pub score_ms: Spread,
    pub copy_ms: Spread,
    /// Of cutting half of as many scores, in 20 layers, by one threshold.
    pub select_ms: Spread,
    pub device: String,
}
