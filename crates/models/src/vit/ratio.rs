//! `mlp_ratio`: configurations that say how much wider than the features an MLP is, not how wide.

use serde_json::{Value, json};

use crate::ModelError;
use crate::source::{Source, Witness, bounded};

/// Largest width in a configuration: a bound for arithmetic, far above real models.
const LARGEST: usize = 1 << 21;

/// An MLP's width, as a tensor shows it and as the configuration says; `narrowed` makes it of features * mlp_ratio.
pub fn hidden(
    source: &Source,
    features: usize,
    narrowed: impl Fn(usize) -> usize,
    witness: Witness<'_>,
) -> Result<usize, ModelError> {
    const KEY: &str = "mlp_ratio";
    let Some(ratio) = source.setting::<f64>(KEY)? else { return source.agreed(KEY, None, witness) };
    let said = narrowed(bounded(KEY, (ratio * features as f64) as usize, LARGEST)?);
    let tensor = witness.tensor;
    if !source.has(tensor) {
        return source.agreed(KEY, Some(said), witness);
    }
    let shown = source.agreed(KEY, None, witness)?;
    let want = || format!("one that makes the {shown} inputs of {tensor}, not {said}");
    if shown == said { Ok(shown) } else { Err(ModelError::setting(KEY, want(), ratio)) }
}

/// The ratio with which `features * mlp_ratio`, cut to a whole number, is `width`.
pub fn ratio(features: usize, width: usize) -> Value {
    let ratio = width as f64 / features as f64;
    match (width.is_multiple_of(features), (ratio * features as f64) as usize == width) {
        (true, _) => json!(width / features),
        (false, true) => json!(ratio),
        (false, false) => json!((width as f64 + 0.5) / features as f64),
    }
}
