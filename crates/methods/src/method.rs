use std::pin::Pin;

use secateur_exec::{ExecError, Params};
use secateur_graph::surgery::{CutError, Removal, Statistics};
use secateur_graph::{MaskError, Masks};
use secateur_protocol::{Card, Recipe, RecipeError};

use crate::Lab;
use crate::parts::Scores;
use crate::parts::allocate::Infeasible;

/// What [`Method::run`] returns: a future that never leaves its thread.
pub type Run<'a> = Pin<Box<dyn Future<Output = Result<Outcome, MethodError>> + 'a>>;

/// One published way to prune.
pub trait Method: Sync {
    /// What people and programs read about it: the id, where it comes from, its fields.
    fn card(&self) -> Card;

    /// Decides what goes, always starting from the dense model. Equal recipes give equal outcomes, and a run
    /// that fails or is cancelled leaves nothing behind but cached statistics.
    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a>;
}

/// What a method decided.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// One for every prunable parameter; where whole units go, for biases and norms that go with them too.
    pub masks: Masks,
    /// Units that go as a whole, by the place of their group in [`secateur_graph::Graph::groups`]; none where weights go one
    /// by one.
    pub removal: Removal,
    /// What norms measure when features go.
    pub statistics: Statistics,
    /// New values of the parameters that the method changed: updated, trained or multiplied with their gates. What the masks
    /// prune is taken as 0, whatever stands there. None where the dense model's stay.
    pub params: Option<Params>,
    pub scores: Scores,
    /// What the user should know, e.g. columns left over by N:M. One sentence each.
    pub notes: Vec<String>,
}

/// Why a method gave no masks.
#[derive(Debug, thiserror::Error)]
pub enum MethodError {
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error("{name}: {error}")]
    Layer { name: String, error: MaskError },
    #[error(transparent)]
    Mask(#[from] MaskError),
    #[error(transparent)]
    Floor(#[from] Infeasible),
    #[error(transparent)]
    Units(#[from] CutError),
    #[error("this model has no {wanted} that can be cut; it has {there}")]
    NoUnits { wanted: String, there: String },
    #[error("this method does not fit this model: {why}")]
    Unfit { why: String },
    #[error("{name} was not reached by the calibration samples, so its inputs have no statistics")]
    NoStatistics { name: String },
    #[error(
        "{name}: the products of its inputs cannot be inverted, not even damped; take more or other calibration samples, or \
         compensation = none"
    )]
    Singular { name: String },
    #[error("this method looks at what samples do to the model and there are none; choose one that needs only weights")]
    NoSamples,
    #[error(
        "this method needs to know what the model should have answered, and nothing here tells that of this kind of model; \
         choose one that needs only weights or samples"
    )]
    NoTask,
    #[error(
        "sparsity = {target}: wanted at most {most:.2}, which is all that can go with these units; lower the sparsity, or choose \
         more kinds of units or another budget"
    )]
    TooMuch { target: f64, most: f64 },
    #[error(
        "this method compares the model with the one that it was fine-tuned from; name that in base: builtin:ID or a \
         .safetensors file"
    )]
    NoBase,
    /// Cancelling comes this way too: [`ExecError::Cancelled`].
    #[error(transparent)]
    Exec(#[from] ExecError),
}
