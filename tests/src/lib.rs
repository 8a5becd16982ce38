//! What the cross-crate tests share: the golden numbers in `golden/`, written by `golden/make.py`.
//!
//! They are read with the `safetensors` crate, not with our own reader, so that a fault in ours shows.

mod family;
mod open;
mod tokens;

pub use family::{Family, Off};
pub use open::Opened;
pub use tokens::{TOKENS, Tokens, strings};

use std::borrow::Cow;
use std::path::PathBuf;

use safetensors::{Dtype, SafeTensors};

/// `tests/golden/{name}`.
pub fn golden_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// `public/{name}`, what ships with the playground.
pub fn public_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../public").join(name)
}

/// The bytes of `tests/golden/{name}`.
pub fn golden_bytes(name: &str) -> Vec<u8> {
    let path = golden_path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An F32 tensor of a golden file.
#[derive(Clone)]
pub struct Array {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// One golden file.
pub struct Golden(Cow<'static, [u8]>);

impl Golden {
    pub fn open(name: &str) -> Self {
        Self(golden_bytes(name).into())
    }

    /// Shape and values of an F32 tensor.
    pub fn f32(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (shape, bytes) = self.tensor(name, Dtype::F32);
        let (values, _) = bytes.as_chunks();
        (shape, values.iter().copied().map(f32::from_le_bytes).collect())
    }

    /// The F32 tensors whose names start so, named by what follows, sorted.
    pub fn arrays(&self, start: &str) -> Vec<Array> {
        let file = SafeTensors::deserialize(&self.0).expect("a golden is a safetensors file");
        let mut names: Vec<&str> = file.names().into_iter().filter(|name| name.starts_with(start)).collect();
        names.sort();
        let array = |name: &str| {
            let (shape, values) = self.f32(name);
            Array { name: name[start.len()..].to_string(), shape, values }
        };
        names.into_iter().map(array).collect()
    }

    /// Entries of a U8 tensor.
    pub fn u8(&self, name: &str) -> Vec<u8> {
        self.tensor(name, Dtype::U8).1
    }

    fn tensor(&self, name: &str, dtype: Dtype) -> (Vec<usize>, Vec<u8>) {
        let file = SafeTensors::deserialize(&self.0).expect("a golden is a safetensors file");
        let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(tensor.dtype(), dtype, "{name}");
        (tensor.shape().to_vec(), tensor.data().to_vec())
    }
}

/// Every value within `abs` of the golden one; the message says how many are not, and the worst.
#[track_caller]
pub fn assert_close(want: &[f32], got: &[f32], abs: f32) {
    assert_eq!(want.len(), got.len(), "as many values");
    let off = |at: &usize| (want[*at] - got[*at]).abs();
    let far: Vec<usize> = (0..want.len()).filter(|at| off(at) > abs || off(at).is_nan()).collect();
    if let Some(worst) = far.iter().max_by(|a, b| off(a).total_cmp(&off(b))) {
        let (count, of) = (far.len(), want.len());
        panic!("{count} of {of} differ, worst at {worst}: wanted {}, got {}", want[*worst], got[*worst]);
    }
}

/// Every value within `rel` of the golden one, relative to it.
#[track_caller]
pub fn assert_close_relative(want: &[f32], got: &[f32], rel: f32) {
    assert_eq!(want.len(), got.len(), "as many values");
    let ones = vec![1.0; want.len()];
    let ratios: Vec<f32> = want.iter().zip(got).map(|(want, got)| if want == got { 1.0 } else { got / want }).collect();
    assert_close(&ones, &ratios, rel);
}
