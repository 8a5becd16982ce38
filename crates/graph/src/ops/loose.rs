use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::op::product;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// A tensor of a model whose architecture is not known: it can be looked at and cut, but not run. The node carries its
/// name. Tensors of two axes and more count as weights with one row per entry of the first; from the fifth axis on they
/// are read as matrices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loose {
    pub shape: Shape,
}

impl OpRule for Loose {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [] => Ok(Vec::new()),
            other => Err(("no inputs".into(), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        const AXES: [Axis; 4] = [Axis::Out, Axis::In, Axis::KernelHeight, Axis::KernelWidth];
        let role = if self.shape.len() < 2 { Role::Bias } else { Role::Weight };
        let dims: Vec<_> = match self.shape.as_slice() {
            [] => vec![(Axis::Unit, 1)],
            shape @ ([_] | [_, _] | [_, _, _] | [_, _, _, _]) => AXES.into_iter().zip(shape.iter().copied()).collect(),
            [rows, rest @ ..] => vec![(Axis::Out, *rows), (Axis::In, product(rest))],
        };
        vec![ParamSpec::new("", role, &dims)]
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        (0..self.params()[0].dims.len()).for_each(|axis| ties.fix(Side::Param(0, axis)));
    }

    fn title(&self) -> String {
        format!("Tensor {:?}", self.shape)
    }
}
