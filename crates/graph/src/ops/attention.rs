use serde::{Deserialize, Serialize};

use crate::op::{product, product_u64};
use crate::{OpRule, Shape};

/// Multi-head scaled dot-product attention over queries, keys and values [tokens, heads * head_dim]
/// (Vaswani et al., 2017, eq. 1). The projections around it are Linear nodes of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attention {
    pub heads: usize,
    pub head_dim: usize,
}

impl OpRule for Attention {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let width = product(&[self.heads, self.head_dim]);
        match inputs {
            [q, k, v] if q.len() == 2 && q[1] == width && k == v && k.len() == 2 && k[1] == width => Ok((*q).clone()),
            other => Err((format!("queries, keys and values of [tokens, {width}]"), format!("{other:?}"))),
        }
    }

    fn macs(&self, inputs: &[&Shape], output: &Shape) -> u64 {
        product_u64(&[2, output[0], inputs[1][0], output[1]])
    }

    fn title(&self) -> String {
        format!("Attention, {} heads of {}", self.heads, self.head_dim)
    }
}
