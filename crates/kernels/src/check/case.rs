use super::Close;
use crate::{Kernel, Parameters};

/// The plain version of a shader, and launches that show whether both do the same. The build takes it from
/// `src/cpu/<family>/<shader>.rs`, where it is called `TWIN`.
pub struct Twin {
    /// Computes what the kernel should: from all buffers in binding order into the writable ones.
    pub run: fn(&'static Kernel, &mut [Buffer]),
    /// What is tried with one of the shader's kernels.
    pub cases: fn(&'static Kernel, Extent) -> Vec<Case>,
}

/// A twin and where it comes from.
pub(crate) struct Listed {
    pub shader: &'static str,
    /// In this crate.
    #[cfg_attr(not(test), allow(dead_code, reason = "a test reads the twin's source"))]
    pub file: &'static str,
    pub twin: &'static Twin,
}

/// How large the tried sizes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Empty, one, around a workgroup, odd.
    Small,
    /// More than one dispatch has invocations; too large for a browser on a software adapter.
    Large,
}

/// One launch of a kernel.
#[derive(Clone, Debug)]
pub struct Case {
    /// For messages.
    pub size: String,
    /// In binding order. What the kernel writes and does not read begins as [`Buffer::unwritten`].
    pub buffers: Vec<Buffer>,
    pub groups: [u32; 3],
    /// For f32 buffers; words must be equal.
    pub close: Close,
}

impl Case {
    /// Twice: as it is, and in two workgroups, so that small sizes stride like large ones. For kernels that stride along
    /// the first axis.
    pub fn strided(self) -> [Self; 2] {
        let few = Self { groups: [self.groups[0].min(2), 1, 1], ..self.clone() };
        [self, few]
    }
}

/// A storage buffer's contents.
#[derive(Clone, Debug, PartialEq)]
pub enum Buffer {
    F32(Vec<f32>),
    U32(Vec<u32>),
}

impl Buffer {
    /// A parameter struct.
    pub fn of(parameters: &impl Parameters) -> Self {
        Self::U32(parameters.words())
    }

    /// NaN, so that an entry that is not written shows.
    pub fn unwritten(len: usize) -> Self {
        Self::F32(vec![f32::NAN; len])
    }

    /// The same for words.
    pub fn unwritten_words(len: usize) -> Self {
        Self::U32(vec![0xdead_beef; len])
    }

    pub fn f32(&self) -> &[f32] {
        match self {
            Self::F32(values) => values,
            Self::U32(_) => panic!("words where numbers are bound"),
        }
    }

    pub fn f32_mut(&mut self) -> &mut [f32] {
        match self {
            Self::F32(values) => values,
            Self::U32(_) => panic!("words where numbers are bound"),
        }
    }

    pub fn u32(&self) -> &[u32] {
        match self {
            Self::U32(words) => words,
            Self::F32(_) => panic!("numbers where words are bound"),
        }
    }

    pub fn u32_mut(&mut self) -> &mut [u32] {
        match self {
            Self::U32(words) => words,
            Self::F32(_) => panic!("numbers where words are bound"),
        }
    }

    pub fn parameters<P: Parameters>(&self) -> P {
        P::from_words(self.u32()).unwrap_or_else(|| panic!("{} words for {}", self.u32().len(), P::NAME))
    }

    /// As the device stores them.
    pub(super) fn words(&self) -> Vec<u32> {
        match self {
            Self::F32(values) => values.iter().map(|value| value.to_bits()).collect(),
            Self::U32(words) => words.clone(),
        }
    }

    /// The same kind of buffer, with other contents.
    pub(super) fn with_words(&self, words: Vec<u32>) -> Self {
        match self {
            Self::F32(_) => Self::F32(words.into_iter().map(f32::from_bits).collect()),
            Self::U32(_) => Self::U32(words),
        }
    }
}

/// Numbers that are the same everywhere (a linear congruential generator, Knuth's MMIX constants).
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Between -1 and 1.
    pub fn one(&mut self) -> f32 {
        (self.word() >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    }

    pub fn many(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.one()).collect()
    }

    /// Any 32 bits.
    pub fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }
}
