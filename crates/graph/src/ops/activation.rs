use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// An elementwise function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    Relu,
    /// ReLU that stops at 6 (MobileNet).
    Relu6,
    /// Exact, with erf (Hendrycks & Gimpel, 2016).
    Gelu,
    /// The same paper's approximation by tanh, `gelu_new` in GPT-2.
    GeluTanh,
    /// x sigmoid(1.702 x), `quick_gelu` in CLIP.
    QuickGelu,
    /// x sigmoid(x), also called swish.
    Silu,
    Tanh,
    Sigmoid,
}

impl OpRule for Activation {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] => Ok((*x).clone()),
            other => Err(("one input".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Relu => "ReLU",
            Self::Relu6 => "ReLU6",
            Self::Gelu => "GELU",
            Self::GeluTanh => "GELU (tanh)",
            Self::QuickGelu => "Quick GELU",
            Self::Silu => "SiLU",
            Self::Tanh => "Tanh",
            Self::Sigmoid => "Sigmoid",
        }
        .into()
    }
}
