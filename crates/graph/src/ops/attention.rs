use serde::{Deserialize, Serialize};

use crate::op::{product, product_u64};
use crate::{OpRule, Shape};

/// Multi-head scaled dot-product attention (Vaswani et al., 2017, eq. 1) over queries [tokens, heads * head_dim] and
/// keys and values [tokens', kv_heads * head_dim], each of which serves heads / kv_heads query heads (Ainslie et al.,
/// 2023). The projections around it are Linear nodes of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attention {
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Tokens see themselves and earlier ones only.
    pub causal: bool,
    /// How many tokens one sees, itself included, where that is limited (Mistral).
    pub window: Option<usize>,
}

impl Attention {
    /// As many key and value heads as query heads; everybody sees everybody.
    pub fn full(heads: usize, head_dim: usize) -> Self {
        Self { heads, kv_heads: heads, head_dim, causal: false, window: None }
    }
}

impl OpRule for Attention {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let width = product(&[self.heads, self.head_dim]);
        let kv_width = product(&[self.kv_heads, self.head_dim]);
        let shared = self.heads.checked_rem(self.kv_heads) == Some(0);
        match inputs {
            [q, k, v] if q.len() == 2 && q[1] == width && k == v && k.len() == 2 && k[1] == kv_width && shared => {
                Ok((*q).clone())
            }
            other => {
                let want = format!("queries of [tokens, {width}], keys and values of [tokens, {kv_width}]");
                Err((want, format!("{other:?}")))
            }
        }
    }

    fn macs(&self, inputs: &[&Shape], output: &Shape) -> u64 {
        product_u64(&[2, output[0], inputs[1][0], output[1]])
    }

    fn title(&self) -> String {
        let Self { heads, kv_heads, head_dim, .. } = self;
        let causal = if self.causal { "Causal attention" } else { "Attention" };
        match heads == kv_heads {
            true => format!("{causal}, {heads} heads of {head_dim}"),
            false => format!("{causal}, {heads} heads of {head_dim}, {kv_heads} for keys and values"),
        }
    }
}
