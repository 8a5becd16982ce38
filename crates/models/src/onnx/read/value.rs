use std::rc::Rc;

use secateur_graph::NodeId;

use super::constant::Constant;
use super::view::View;

/// What is known of one of the file's values.
#[derive(Clone)]
pub enum Value {
    Fixed(Constant),
    Data(View),
    /// Part of a formula that will be an operation when the rest of it is seen.
    Part(Rc<Part>),
    /// Nothing, because an operator before it is not known.
    Lost,
}

/// Parts of formulas. `x` is what the formula is about, and the shape that its value has.
pub enum Part {
    /// x W, to which a bias may come; W is [inputs, outputs].
    Product {
        x: View,
        weight: Constant,
        label: Rc<str>,
    },
    /// sigmoid(scale x)
    Sigmoid {
        x: View,
        label: Rc<str>,
    },
    /// erf(x / sqrt(2)), with 1 added or not
    Erf {
        x: View,
        plus_one: bool,
    },
    /// 0.044715 x³ and what GELU makes of it
    Cubic {
        x: View,
        step: Cubic,
    },
    /// x²
    Square {
        x: View,
    },
    /// The mean over the last axis.
    Mean {
        x: View,
    },
    /// x - mean
    Centred {
        x: View,
    },
    CentredSquare {
        x: View,
    },
    /// The mean square of x, of its deviations from the mean if `centred`, or the root or inverse root of it.
    MeanSquare {
        x: View,
        centred: bool,
        eps: f64,
        step: Power,
    },
    /// x normalised, to which scale and shift may come.
    Normed {
        x: View,
        norm: Norm,
        eps: f64,
        scale: Option<Constant>,
        label: Rc<str>,
    },
    /// The length of x along the last axis.
    Length {
        x: View,
    },
    /// One half of each head's features.
    Half {
        x: View,
        second: bool,
        negative: bool,
    },
    /// (-second half, first half) of each head
    Turned {
        x: View,
    },
    /// x, or x turned, times a table [tokens, head_dim] of cosines or sines.
    Waved {
        x: View,
        turned: bool,
        table: Rc<[f64]>,
        tokens: usize,
    },
    /// All tokens from this one on.
    Rest {
        x: View,
        from: usize,
    },
    /// t times frequencies, and its sine or cosine.
    Angles {
        t: NodeId,
        frequencies: Rc<[f64]>,
        wave: Option<Wave>,
    },
    Scores(Scores),
    /// Whether scores are no numbers.
    NotANumber,
    /// The place of the highest number.
    Highest {
        ids: NodeId,
    },
}

/// How far the tanh approximation of GELU has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cubic {
    /// factor x³
    Cube,
    /// factor (x + 0.044715 x³)
    Sum,
    Tanh,
    TanhPlusOne,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Power {
    Square,
    Root,
    Inverse,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    Layer,
    Rms,
    Group { groups: usize },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wave {
    Sine,
    Cosine,
}

/// q kᵀ for each head, scaled, masked, and with or without its softmax.
#[derive(Clone)]
pub struct Scores {
    /// [batch, heads, tokens, head_dim] of [tokens, heads * head_dim]
    pub q: View,
    pub k: NodeId,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub tokens: usize,
    pub seen: usize,
    pub scale: f64,
    /// [tokens, seen], true where one may not see the other.
    pub hidden: Vec<bool>,
    pub softmax: bool,
}

impl Part {
    /// What it is about, where its value has the same shape.
    pub fn like(&self) -> Option<&View> {
        match self {
            Self::Sigmoid { x, .. }
            | Self::Erf { x, .. }
            | Self::Cubic { x, .. }
            | Self::Square { x }
            | Self::Centred { x }
            | Self::CentredSquare { x }
            | Self::Normed { x, .. }
            | Self::Turned { x }
            | Self::Waved { x, .. } => Some(x),
            _ => None,
        }
    }
}
