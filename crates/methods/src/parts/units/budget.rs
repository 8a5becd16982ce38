use secateur_exec::{Inputs, Params, forward, probe, shortened};
use secateur_graph::Graph;
use secateur_graph::groups::Group;
use secateur_graph::surgery::{CutError, Removal, Statistics};
use secateur_protocol::Unit;

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
/// Measured steps back, at most, and the share of the target that is near enough.
const TRIES: usize = 24;
const CLOSE: f64 = 0.95;
/// So much over the target a time may be: a clock cannot tell more.
const SLACK: f64 = 1.02;
/// Searches, at most, and how far from the target the time of what was found may be when it is taken again: a machine that was
/// busy for a moment misleads a search by halves.
const SEARCHES: usize = 3;
const OFF: f64 = 0.1;
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

    /// As few units as it takes, and a sentence where the budget cannot be met or was measured.
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
        let search = Search { lab, groups, ranked, what, target };
        let dense = search.cost(&Removal::new()).await?;
        if dense <= target {
            let note = format!("The dense model meets the budget: it takes {} already.", search.told(dense));
            return Ok((Removal::new(), vec![note]));
        }
        let least = search.cost(&ranked.removal(MOST)).await?;
        if least > target {
            let told = (search.told(least), search.told(target));
            let note = format!("{} is the least that can be left by cutting these units, not {}.", told.0, told.1);
            return Ok((ranked.removal(MOST), vec![note]));
        }
        if !search.measures() {
            return Ok((search.best().await?, Vec::new()));
        }
        let (mut best, mut cost) = (Removal::new(), f64::INFINITY);
        for _ in 0..SEARCHES {
            let removal = search.best().await?;
            let again = search.cost(&removal).await?;
            if (again - target).abs() < (cost - target).abs() {
                (best, cost) = (removal, again);
            }
            if (cost - target).abs() <= OFF * target {
                break;
            }
        }
        let note = format!("The smaller model takes {}, of {} that it may.", search.told(cost), search.told(target));
        Ok((best, vec![note]))
    }
}

/// A search for the fewest units whose removal meets a target.
struct Search<'a, 'b> {
    lab: &'a Lab<'b>,
    groups: &'a [Group],
    ranked: &'a Ranked<'a>,
    what: Cost,
    target: f64,
}

impl Search<'_, '_> {
    /// The fewest units whose removal is enough.
    async fn best(&self) -> Result<Removal, MethodError> {
        let [low, high] = self.shares().await?;
        self.fill(self.ranked.removal(high), &self.ranked.removal(low)).await
    }

    /// Whether so much may be left.
    fn meets(&self, cost: f64) -> bool {
        cost <= self.target * if self.measures() { SLACK } else { 1.0 }
    }

    /// Two shares of the units next to each other, the lower too low and the higher enough.
    async fn shares(&self) -> Result<[f64; 2], MethodError> {
        let [mut low, mut high] = [0.0, MOST];
        let halvings = HALVINGS[usize::from(self.measures())];
        for done in 0..halvings {
            self.lab.tick(done, halvings, Unit::Steps).await?;
            let middle = (low + high) / 2.0;
            let cost = self.cost(&self.ranked.removal(middle)).await?;
            *(if self.meets(cost) { &mut high } else { &mut low }) = middle;
        }
        Ok([low, high])
    }

    /// Many groups change between a removal that is enough and one that takes too little. Those that can have their units back
    /// get them.
    async fn fill(&self, mut removal: Removal, less: &Removal) -> Result<Removal, MethodError> {
        let mut cost = self.cost(&removal).await?;
        let steps = self.ranked.returning(&removal, less);
        let most = if self.measures() { TRIES } else { steps.len() };
        for (done, groups) in steps.iter().take(most).enumerate() {
            if self.measures() && cost >= CLOSE * self.target {
                break;
            }
            self.lab.tick(done, steps.len().min(most), Unit::Steps).await?;
            let mut fuller = removal.clone();
            fuller.retain(|at, _| !groups.contains(at));
            fuller.extend(less.iter().filter(|(at, _)| groups.contains(at)).map(|(at, units)| (*at, units.clone())));
            let costs = self.cost(&fuller).await?;
            if self.meets(costs) {
                (removal, cost) = (fuller, costs);
            }
        }
        Ok(removal)
    }

    /// By a clock, which is slow and does not say the same twice.
    fn measures(&self) -> bool {
        self.what == Cost::Milliseconds
    }

    /// What the model costs without some units.
    async fn cost(&self, removal: &Removal) -> Result<f64, MethodError> {
        let dense = self.lab.graph;
        let surgery = dense.cut(self.groups, removal, Statistics::Kept)?;
        let share = |of: fn(&Graph) -> u64| of(&surgery.graph) as f64 / of(dense).max(1) as f64;
        Ok(match self.what {
            Cost::Params => share(Graph::params_total),
            Cost::Macs => share(Graph::macs),
            Cost::Bytes => 4.0 * surgery.graph.params_total() as f64,
            Cost::Milliseconds => {
                let params = self.lab.params.cut(self.lab.compute, &surgery)?;
                milliseconds(self.lab, &surgery.graph, &params).await?
            }
        })
    }

    fn told(&self, cost: f64) -> String {
        match self.what {
            Cost::Params => format!("{:.1} % of the parameters", 100.0 * cost),
            Cost::Macs => format!("{:.1} % of the multiply-accumulates", 100.0 * cost),
            Cost::Bytes => format!("{cost:.0} bytes"),
            Cost::Milliseconds => {
                format!("{cost:.2} ms for {SAMPLES} inputs on {}", self.lab.compute.adapter().name)
            }
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
