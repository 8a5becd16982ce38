//! What makes up for a cut without training: the weights that stay, or biases, take over what can be taken over.

mod bias;
mod inverse;
mod refit;
mod sweep;

use secateur_protocol::RecipeError;

pub(super) use bias::add_means;
pub(crate) use inverse::{Inverse, Products};
pub(super) use refit::refit_units;
pub(super) use sweep::sweep_all;
pub(crate) use sweep::{Chosen, Swept, sweep};

use super::fields::Values;

/// What makes up for a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compensation {
    #[default]
    None,
    /// What pruned weights added on the average goes into biases (An et al., 2023).
    Bias,
    /// The weights that stay are fitted anew to the layer's dense outputs: of whole units by least squares (Wang et al., 2024),
    /// of single weights column by column (Frantar & Alistarh, 2023).
    Update,
}

impl Compensation {
    /// None where the method has no such field.
    pub fn read(values: &Values<'_>) -> Result<Self, RecipeError> {
        if values.card.field("compensation").is_none() {
            return Ok(Self::None);
        }
        Ok(match values.text("compensation")?.as_str() {
            "bias" => Self::Bias,
            "update" => Self::Update,
            _ => Self::None,
        })
    }
}
