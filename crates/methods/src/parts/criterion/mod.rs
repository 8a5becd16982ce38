//! How important a weight is, as data: a name, what it takes to know, and a formula.

mod evidence;
mod gates;
mod scores;

use std::fmt;
use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::{Backward, ExecError, GradMoment, Value, score};
use secateur_graph::groups::{Group, Member};
use secateur_graph::{Graph, MaskError, Role};

pub(crate) use evidence::gather;
pub use evidence::{Columns, Evidence};
pub(crate) use gates::{GateSquares, along, gate_squares, readers};
pub(crate) use scores::Known;
pub use scores::Scores;

use crate::MethodError;

/// Scores of one weight's entries [R, C], on the device, from all that is known.
pub type Formula = Rc<dyn Fn(&Evidence<'_>) -> Result<Tensor<2>, MethodError>>;

/// How important an entry is: higher = keep. The file of a method brings its own.
#[derive(Clone)]
pub struct Criterion {
    /// Says all that scores depend on beside the evidence, settings too: what is kept for the next cut is kept under it.
    pub key: String,
    pub needs: Needs,
    pub score: Formula,
    /// How units are scored.
    pub lift: Lift,
}

/// What a criterion has to know beside the weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// The recipe's seed.
    pub seed: bool,
    /// What was gathered of each layer's inputs.
    pub columns: Option<Columns>,
    /// What runs backward through the model, and its moments over samples.
    pub gradients: Option<(Backward, Vec<GradMoment>)>,
}

impl Needs {
    /// Whether scores depend on what samples do to the model.
    pub fn samples(&self) -> bool {
        self.columns.is_some() || self.gradients.is_some()
    }
}

/// How the scores of units come from what is known of the weights that go with them.
#[derive(Clone)]
pub enum Lift {
    /// The sum of scores over each weight that goes with a unit, then over the weights, relative to the group's mean
    /// (Fang et al., 2023, §3.3, with the criterion's score instead of w²).
    Sum,
    /// The same of the weights that read the unit alone: what makes it is of no use without them.
    Readers,
    /// Its absolute sum over the weights that read the unit: what leaving it out changes, and entries may cancel each other.
    /// Not relative to anything: groups compare as they are.
    Joint(Formula),
    /// What the unit's slices of each weight score: the sum of their entries' scores, or the absolute sum of what `signed` says
    /// of them; then as `members` says over the weights (Ma et al., 2023, section 3.2). Groups compare as they are.
    Slices { signed: Option<Formula>, members: Members },
    /// The mean over samples of the square of the loss's slope at the unit's gate.
    Gates,
    /// For each reading column the sum of scores, standardised over the group's columns; the mean of a unit's columns
    /// (An et al., 2023). `squared`: the sums of attention are squared before, as the authors' code does. Where groups
    /// compete, a unit counts as many as weights go with it.
    Standardised { squared: bool },
}

impl Lift {
    /// What a unit of a group counts where groups compete: 1, or as many weights as go with it.
    pub fn cost(&self, graph: &Graph, group: &Group) -> f64 {
        let weights = |member: &Member| {
            let param = graph.param(member.param);
            let each = member.unit_of.iter().flatten().count() as f64 / group.units as f64;
            each * (param.len() / param.dims[member.axis].size) as f64
        };
        match self {
            Self::Standardised { .. } => {
                group.members.iter().filter(|member| graph.param(member.param).role == Role::Weight).map(weights).sum()
            }
            _ => 1.0,
        }
    }
}

/// How the scores of weights that go together become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    Sum,
    Product,
    Max,
    /// That of the weight which is used last.
    Last,
}

impl Members {
    pub(super) fn join(self, so_far: f32, own: f32) -> f32 {
        match self {
            Self::Sum => so_far + own,
            Self::Product => so_far * own,
            Self::Max => so_far.max(own),
            Self::Last => own,
        }
    }
}

impl Criterion {
    /// |w|
    pub fn magnitude() -> Self {
        Self::new("magnitude", Needs::default(), |of| Ok(score(of.compute, of.graph, of.params, of.id, None)?))
    }

    /// w² / (2 [H⁻¹]_jj): what a layer's squared error grows by when an entry goes and the others of its row make up for it
    /// (Optimal Brain Surgeon, Hassibi & Stork, 1992, with the layer's own second derivative).
    pub fn brain_surgeon() -> Self {
        let needs = Needs { columns: Some(Columns::InverseDiagonal), ..Needs::default() };
        let score = |of: &Evidence<'_>| Ok(of.weight()?.square() / (of.column_tensor()? * 2.0).unsqueeze());
        Self::new("brain surgeon", needs, score).lifted(Lift::Readers)
    }

    /// One whose units are scored by [`Lift::Sum`].
    pub fn new(
        key: impl Into<String>,
        needs: Needs,
        score: impl Fn(&Evidence<'_>) -> Result<Tensor<2>, MethodError> + 'static,
    ) -> Self {
        Self { key: key.into(), needs, score: Rc::new(score), lift: Lift::Sum }
    }

    pub fn lifted(self, lift: Lift) -> Self {
        Self { lift, ..self }
    }

    /// Scores of one parameter's entries [R, C], on the device, all of them numbers.
    pub async fn score(&self, of: &Evidence<'_>) -> Result<Tensor<2>, MethodError> {
        let scores = (self.score)(of)?;
        check_numbers(&scores, &of.graph.param(of.id).name).await?;
        of.compute.check()?;
        Ok(scores)
    }
}

impl PartialEq for Criterion {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl fmt::Debug for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Criterion({})", self.key)
    }
}

/// Refuses scores of which one is not a number: selection could not rank it. Only then are they read, to say where.
async fn check_numbers(scores: &Tensor<2>, name: &str) -> Result<(), MethodError> {
    if !scores.clone().contains_nan().into_scalar_async::<bool>().await.map_err(ExecError::from)? {
        return Ok(());
    }
    let scores = Value::R2(scores.clone()).read().await?;
    let at = scores.iter().position(|score| score.is_nan()).unwrap_or(0);
    Err(MethodError::Layer { name: name.into(), error: MaskError::NotANumber { at } })
}

/// One number for each column, on the device.
fn vector(of: &Evidence<'_>, columns: &[f32]) -> Tensor<1> {
    Tensor::from_data(TensorData::new(columns.to_vec(), [columns.len()]), of.compute.device())
}
