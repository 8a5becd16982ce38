use serde::{Deserialize, Serialize};

use crate::groups::{Grain, Side, Ties};
use crate::op::{product, product_u64};
use crate::surgery::{Kept, runs_left};
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
    /// Scores are divided by the root of this, where a cut has made heads smaller than that; none: of `head_dim`.
    pub scored: Option<usize>,
}

impl Attention {
    /// As many key and value heads as query heads; everybody sees everybody.
    pub fn full(heads: usize, head_dim: usize) -> Self {
        Self { heads, kv_heads: heads, head_dim, causal: false, window: None, scored: None }
    }

    /// Scores are divided by the root of this.
    pub fn scored_by(&self) -> f64 {
        self.scored.unwrap_or(self.head_dim) as f64
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

    fn ties(&self, ties: &mut Ties<'_>) {
        let &Self { heads, kv_heads, head_dim, .. } = self;
        let shared = heads / kv_heads * head_dim;
        let (head, group, dim) = (|at| at / head_dim, |at| at / shared, |at| at % head_dim);
        let [q, k, v, mixed] = [Side::Input(0), Side::Input(1), Side::Input(2), Side::Output];
        match ties.grain() {
            Grain::Heads => ties.join(&[(q, &group), (k, &head), (v, &head), (mixed, &group)]),
            Grain::QueryHeads => {
                [k, v].into_iter().for_each(|side| ties.fix(side));
                ties.join(&[(q, &head), (mixed, &head)]);
            }
            Grain::HeadDims => ties.join(&[(q, &dim), (k, &dim), (v, &dim), (mixed, &dim)]),
        }
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        let (heads, head_dim) = runs_left(kept.input(0), self.heads);
        let (kv_heads, _) = runs_left(kept.input(1), self.kv_heads);
        self.scored = self.scored.or((head_dim < self.head_dim).then_some(self.head_dim));
        (self.heads, self.kv_heads, self.head_dim) = (heads, kv_heads, head_dim);
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
