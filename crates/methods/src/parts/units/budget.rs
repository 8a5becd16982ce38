use secateur_exec::{Inputs, Params, forward, probe, shortened};
use secateur_graph::Graph;
use secateur_graph::groups::Group;
use secateur_graph::surgery::{CutError, Removal, Statistics};

use super::share::Ranked;
use crate::parts::fields::Values;
use crate::{Lab, MethodError};

/// How much is to be left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// This share of the units goes.
    Units(f64),
    /// The model costs at most so much.
    Cost { what: Cost, target: f64 },
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Share of the dense model's parameters.
    Params,
    /// Share of the dense model's multiply-accumulates.
    Macs,
    /// Bytes of the parameters in 32 bits.
    Bytes,
    /// Milliseconds of a forward pass of [`SAMPLES`] inputs on this device.
    Milliseconds,
}

/// Inputs of a forward pass whose time is taken.
const SAMPLES: usize = 8;
/// Forward passes of which the median counts: at least the first and at most the second, until so many milliseconds are over.
const REPEATS: (usize, usize) = (5, 60);
const ENOUGH_MS: f64 = 200.0;
/// Halvings of the interval in which the share lies: finer than any model's units, or than clocks tell apart.
const HALVINGS: [usize; 2] = [24, 7];
/// Most of the units that may go.
const MOST: f64 = 0.999;

impl Budget {
    pub fn read(values: &Values<'_>) -> Result<Self, MethodError> {
        let target = values.number("target")?;
        let cost = |what| Ok(Self::Cost { what, target });
        match values.text("budget")?.as_str() {
            "params" => cost(Cost::Params),
            "macs" => cost(Cost::Macs),
            "bytes" => cost(Cost::Bytes),
            "ms" => cost(Cost::Milliseconds),
            _ => Ok(Self::Units(values.number("sparsity")?)),
        }
    }

    /// As few units as it takes, and a sentence where the budget cannot be met.
    pub async fn meet(
        self,
        lab: &Lab<'_>,
        groups: &[Group],
        ranked: &Ranked<'_>,
    ) -> Result<(Removal, Vec<String>), MethodError> {
        let (what, target) = match self {
            Self::Units(share) => return Ok((ranked.removal(share), Vec::new())),
            Self::Cost { what, target } => (what, target),
        };
        let dense = what.of(lab, groups, &Removal::new()).await?;
        if dense <= target {
            let note = format!("The dense model meets the budget: it takes {} already.", what.told(dense));
            return Ok((Removal::new(), vec![note]));
        }
        let least = what.of(lab, groups, &ranked.removal(MOST)).await?;
        if least > target {
            let told = (what.told(least), what.told(target));
            let note = format!("{} is the least that can be left by cutting these units, not {}.", told.0, told.1);
            return Ok((ranked.removal(MOST), vec![note]));
        }
        let (mut low, mut high) = (0.0, MOST);
        let halvings = HALVINGS[usize::from(what == Cost::Milliseconds)];
        for done in 0..halvings {
            lab.tick(done, halvings, secateur_protocol::Unit::Steps).await?;
            let middle = (low + high) / 2.0;
            let cost = what.of(lab, groups, &ranked.removal(middle)).await?;
            *(if cost <= target { &mut high } else { &mut low }) = middle;
        }
        Ok((ranked.removal(high), Vec::new()))
    }
}

impl Cost {
    /// What the model costs without some units.
    async fn of(self, lab: &Lab<'_>, groups: &[Group], removal: &Removal) -> Result<f64, MethodError> {
        let surgery = lab.graph.cut(groups, removal, Statistics::Kept)?;
        let share = |of: fn(&Graph) -> u64| of(&surgery.graph) as f64 / of(lab.graph).max(1) as f64;
        Ok(match self {
            Self::Params => share(Graph::params_total),
            Self::Macs => share(Graph::macs),
            Self::Bytes => 4.0 * surgery.graph.params_total() as f64,
            Self::Milliseconds => {
                let params = lab.params.cut(lab.compute, &surgery)?;
                milliseconds(lab, &surgery.graph, &params).await?
            }
        })
    }

    fn told(self, cost: f64) -> String {
        match self {
            Self::Params => format!("{:.1} % of the parameters", 100.0 * cost),
            Self::Macs => format!("{:.1} % of the multiply-accumulates", 100.0 * cost),
            Self::Bytes => format!("{cost:.0} bytes"),
            Self::Milliseconds => format!("{cost:.2} ms for {SAMPLES} inputs"),
        }
    }
}

/// The median time of a forward pass, after one that warms up.
async fn milliseconds(lab: &Lab<'_>, graph: &Graph, params: &Params) -> Result<f64, MethodError> {
    let graph = shortened(graph).map_err(CutError::from)?;
    let inputs: Inputs = probe(lab.compute, &graph, 0, SAMPLES)?;
    let pass = async || {
        let start_ms = (lab.now_ms)();
        forward(&graph, params, inputs.clone(), &mut ())?.read().await?;
        Ok::<_, MethodError>((lab.now_ms)() - start_ms)
    };
    pass().await?;
    let mut times = Vec::new();
    while times.len() < REPEATS.0 || (times.len() < REPEATS.1 && times.iter().sum::<f64>() < ENOUGH_MS) {
        times.push(pass().await?);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
