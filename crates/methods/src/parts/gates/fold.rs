use std::collections::{BTreeMap, BTreeSet};

use secateur_exec::{Compute, ExecError, Params, Value};
use secateur_graph::groups::Member;
use secateur_graph::{Axis, Graph, NodeId, Op, ParamId};

use super::{Bank, Row};

/// For each axis of a parameter what its entries are multiplied with.
type Factors = BTreeMap<(ParamId, usize), Vec<f32>>;

/// The parameters with the gates multiplied in, so that the model answers without gates as it did with them: into the columns
/// of the weights that read the units and, where a norm measures units before that, into whatever writes them. Gates of 0 are
/// left out, what they close goes anyway. Also the names of groups that this is not possible for: their gates end up at 1.
pub async fn fold(
    compute: &Compute,
    graph: &Graph,
    bank: &Bank,
    open: &[Vec<f32>],
    params: &Params,
) -> Result<(Params, Vec<String>), ExecError> {
    let (mut factors, mut left_out) = (Factors::new(), Vec::new());
    for (row, open) in bank.rows.iter().zip(open) {
        match members(graph, row) {
            Some(members) => members.into_iter().for_each(|member| multiply(&mut factors, member, open)),
            None => left_out.push(row.group.name()),
        }
    }
    let mut changed: BTreeMap<ParamId, Value> = BTreeMap::new();
    for ((id, axis), factors) in factors {
        let shape = graph.param(id).shape();
        let mut values = match changed.get(&id) {
            Some(value) => value.read().await?,
            None => params.read(graph, id).await?,
        };
        let stride: usize = shape[axis + 1..].iter().product();
        values.iter_mut().enumerate().for_each(|(at, value)| *value *= factors[at / stride % shape[axis]]);
        changed.insert(id, Value::upload(compute, &shape, values)?);
    }
    Ok((params.with(&changed), left_out))
}

fn multiply(factors: &mut Factors, member: &Member, open: &[f32]) {
    let entries = factors.entry((member.param, member.axis)).or_insert_with(|| vec![1.0; member.unit_of.len()]);
    for (entry, unit) in entries.iter_mut().zip(&member.unit_of) {
        let gate = unit.map_or(1.0, |unit| open[unit as usize]);
        *entry *= if gate == 0.0 { 1.0 } else { gate };
    }
}

/// The parts of parameters that a row's gates are multiplied into, each once; none where something stands in between.
fn members<'a>(graph: &'a Graph, row: &'a Row) -> Option<Vec<&'a Member>> {
    let mut written = Written { graph, row, seen: BTreeSet::new(), members: BTreeSet::new() };
    for site in row.sites.iter().filter(|site| is_norm(&graph.node(site.reader).op)) {
        written.follow(graph.node(site.reader).inputs[site.input])?;
    }
    for site in row.sites.iter().filter(|site| !is_norm(&graph.node(site.reader).op)) {
        let reader = graph.node(site.reader);
        // What is written with its gate is read with it.
        if written.meets(reader.inputs[site.input]) {
            written.follow(reader.inputs[site.input])?;
        } else {
            let weight = *reader.params.first()?;
            let member = place(row, |member| member.param == weight && reads(graph, member, site.reader))?;
            written.members.insert(member);
        }
    }
    let Written { mut members, .. } = written;
    for member in row.group.gated_members(graph) {
        members.insert(place(row, |other| other == member)?);
    }
    Some(members.into_iter().map(|at| &row.group.members[at]).collect())
}

fn place(row: &Row, is: impl Fn(&Member) -> bool) -> Option<usize> {
    row.group.members.iter().position(is)
}

/// Whether this node reads along the member's axis. Of a table that is also the head, its features are read.
fn reads(graph: &Graph, member: &Member, reader: NodeId) -> bool {
    let param = graph.param(member.param);
    param.dims[member.axis].axis == Axis::In || param.node != reader
}

/// What writes a value: backward from where a norm reads it.
struct Written<'a> {
    graph: &'a Graph,
    row: &'a Row,
    /// Values that have their gates from those who write them.
    seen: BTreeSet<NodeId>,
    /// By their place among the group's.
    members: BTreeSet<usize>,
}

impl Written<'_> {
    /// Whether a value is made of some that have their gates already.
    fn meets(&self, id: NodeId) -> bool {
        let node = self.graph.node(id);
        self.seen.contains(&id) || (passes(&node.op) && node.inputs.iter().any(|input| self.meets(*input)))
    }

    fn follow(&mut self, id: NodeId) -> Option<()> {
        if !self.seen.insert(id) {
            return Some(());
        }
        let node = self.graph.node(id);
        let goes_on = match &node.op {
            Op::Linear(_) | Op::Conv2d(_) | Op::Embedding(_) | Op::LayerScale(_) | Op::Affine(_) => false,
            op if passes(op) => true,
            _ => return None,
        };
        let written = |(_, member): &(usize, &Member)| {
            let axis = self.graph.param(member.param).dims[member.axis].axis;
            node.params.contains(&member.param) && axis != Axis::In
        };
        let members: Vec<usize> = self.row.group.members.iter().enumerate().filter(written).map(|(at, _)| at).collect();
        self.members.extend(members);
        if goes_on { node.inputs.iter().try_for_each(|input| self.follow(*input)) } else { Some(()) }
    }
}

/// Whether features go through an op one by one and in proportion, perhaps with something added.
fn passes(op: &Op) -> bool {
    matches!(
        op,
        Op::Add(_)
            | Op::AddPosition(_)
            | Op::PrependToken(_)
            | Op::Bias(_)
            | Op::ToTokens(_)
            | Op::ToPlaces(_)
            | Op::SelectToken(_)
            | Op::LastToken(_)
            | Op::MeanTokens(_)
    )
}

/// Whether an op measures its features before it passes them on.
pub fn is_norm(op: &Op) -> bool {
    matches!(op, Op::LayerNorm(_) | Op::RmsNorm(_) | Op::GroupNorm(_) | Op::Normalize(_))
}
