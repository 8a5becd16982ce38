//! A recurrent network's sizes from its configuration and its tensors.

use secateur_formats::quote;
use secateur_graph::ops::Cell;

use super::{CLASSES, FIRST, NEXT_TOKEN, Names, Sizes};
use crate::settings::word;
use crate::source::{Source, Witness, bounded};
use crate::{ModelError, Tensors};

/// Bounds for arithmetic and memory, far above real models.
const MOST_LAYERS: usize = 64;
const MOST_TOKENS: usize = 1 << 12;
const LONGEST_NAME: usize = 100;

/// Tokens of a text where nothing limits them.
const TOKENS: usize = 256;

impl Sizes {
    /// What is neither in the configuration nor in the tensors is assumed, and said so.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let names = Names::read(source)?;
        let tensor = |part: &str| format!("{}.{part}", names.recurrent);
        let (embedding, inputs, state) =
            (format!("{}.weight", names.embedding), tensor("weight_ih_l0"), tensor("weight_hh_l0"));
        let in_matrix = |tensor, axis| Witness { tensor, axis, axes: 2 };
        let entries = source.size("vocab_size", in_matrix(&embedding, 0))?;
        let hidden = source.size("hidden_size", in_matrix(&state, 1))?;
        let bidirectional = source.setting("bidirectional")?.unwrap_or(source.has(&tensor("weight_hh_l0_reverse")));
        let unknown = source.tensors.is_none();
        Ok(Self {
            cell: cell(source, &state, assumed)?,
            entries,
            features: source.size("embedding_size", in_matrix(&inputs, 1))?,
            hidden,
            layers: layers(source, &names.recurrent)?,
            bidirectional,
            bias: source.setting("bias")?.unwrap_or(unknown || source.has(&tensor("bias_hh_l0"))),
            tokens: tokens(source, assumed)?,
            next_token: next_token(source, &names.head, entries, bidirectional, assumed)?,
            names,
        })
    }
}

impl Names {
    fn read(source: &Source) -> Result<Self, ModelError> {
        let recurrent = name(source, "recurrent_name", |tensors| {
            tensors.names().filter_map(|name| name.strip_suffix(FIRST)).collect()
        })?;
        if source.tensors.is_some_and(|tensors| tensors.has(&format!("{recurrent}.weight_hr_l0"))) {
            let what = format!("{recurrent} is an LSTM with a projection (proj_size), which is not supported");
            return Err(ModelError::unsupported(what, "choose a model without one"));
        }
        let names = Self {
            embedding: name(source, "embedding_name", |tensors| matrices(tensors, false))?,
            head: name(source, "head_name", |tensors| matrices(tensors, true))?,
            recurrent,
        };
        if names.embedding == names.head {
            return Err(ModelError::setting("head_name", "another name than embedding_name", quote(&names.head)));
        }
        Ok(names)
    }
}

/// A module's name: the configuration's, else the only one that fits.
fn name<'a>(
    source: &Source<'a>,
    key: &'static str,
    fitting: impl Fn(&'a Tensors<'a>) -> Vec<&'a str>,
) -> Result<String, ModelError> {
    let name = match (source.setting::<String>(key)?, source.tensors.map(fitting).as_deref()) {
        (Some(said), _) => said,
        (None, Some([only])) => only.to_string(),
        (None, Some(several)) => {
            let what = format!(
                "wanted one embedding without a bias, one recurrent module and one linear layer with a bias, but {} \
                 could be the {key}",
                several.len()
            );
            let next = "choose such a model, or put a config.json with embedding_name, recurrent_name and head_name \
                        beside it";
            return Err(ModelError::unsupported(what, next));
        }
        (None, None) => return Err(ModelError::setting(key, "there", "nothing")),
    };
    let fits = (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(|c| c.is_ascii_graphic());
    let want = || format!("1 to {LONGEST_NAME} letters, digits and points");
    fits.then_some(name.clone()).ok_or_else(|| ModelError::setting(key, want(), quote(&name)))
}

/// Modules whose weight is a matrix, with or without a bias.
fn matrices<'a>(tensors: &Tensors<'a>, bias: bool) -> Vec<&'a str> {
    let module = |name: &'a str| {
        let module = name.strip_suffix(".weight")?;
        let matrix = tensors.shape(name).is_some_and(|shape| shape.len() == 2);
        (matrix && tensors.has(&format!("{module}.bias")) == bias).then_some(module)
    };
    tensors.names().filter_map(module).collect()
}

/// From how many matrices are stacked in the weight of the state.
fn cell(source: &Source, state: &str, assumed: &mut Vec<String>) -> Result<Cell, ModelError> {
    let shown = match source.tensors.and_then(|tensors| tensors.shape(state)) {
        Some(&[rows, columns]) => stacked(state, rows, columns)?,
        _ if source.setting::<String>("cell")?.is_none() => return Err(ModelError::setting("cell", "there", "nothing")),
        _ => "rnn",
    };
    match word(source, "cell", &["rnn", "gru", "lstm"], shown)? {
        "gru" => Ok(Cell::Gru),
        "lstm" => Ok(Cell::Lstm),
        _ => plain(source, assumed),
    }
}

fn stacked(state: &str, rows: usize, columns: usize) -> Result<&'static str, ModelError> {
    match [("rnn", 1), ("gru", 3), ("lstm", 4)].iter().find(|(_, gates)| columns.checked_mul(*gates) == Some(rows)) {
        Some((word, _)) => Ok(word),
        None => {
            let what = format!(
                "{state} is [{rows}, {columns}]; wanted 1, 3 or 4 times as many rows as columns, for an RNN, GRU or LSTM"
            );
            Err(ModelError::unsupported(what, "choose a model of one of these kinds"))
        }
    }
}

/// A cell without gates; weights do not show its function.
fn plain(source: &Source, assumed: &mut Vec<String>) -> Result<Cell, ModelError> {
    if source.setting::<String>("nonlinearity")?.is_none() {
        assumed.push("tanh".into());
    }
    match word(source, "nonlinearity", &["tanh", "relu"], "tanh")? {
        "relu" => Ok(Cell::Relu),
        _ => Ok(Cell::Tanh),
    }
}

/// Layers missing from the file are named one by one later, so here the configuration has the word.
fn layers(source: &Source, module: &str) -> Result<usize, ModelError> {
    let shown = || (0..=MOST_LAYERS).take_while(|at| source.has(&format!("{module}.weight_hh_l{at}"))).count();
    bounded("num_hidden_layers", source.setting("num_hidden_layers")?.unwrap_or_else(shown), MOST_LAYERS)
}

/// The longest text; a recurrent network takes any.
fn tokens(source: &Source, assumed: &mut Vec<String>) -> Result<usize, ModelError> {
    let said: Option<usize> = source.setting("max_length")?;
    if said.is_none() {
        assumed.push(format!("texts of up to {TOKENS} tokens"));
    }
    bounded("max_length", said.unwrap_or(TOKENS), MOST_TOKENS)
}

/// A head with one output for each entry of the embedding tells the next token.
fn next_token(
    source: &Source,
    head: &str,
    entries: usize,
    bidirectional: bool,
    assumed: &mut Vec<String>,
) -> Result<bool, ModelError> {
    let weight = format!("{head}.weight");
    let outputs = source.tensors.and_then(|tensors| tensors.shape(&weight)?.first());
    let shown = if outputs == Some(&entries) && !bidirectional { NEXT_TOKEN } else { CLASSES };
    let next_token = word(source, "task", &[NEXT_TOKEN, CLASSES], shown)? == NEXT_TOKEN;
    if next_token && bidirectional {
        let want = format!("{CLASSES:?}, since a network that reads both ways has seen the next token");
        return Err(ModelError::setting("task", want, quote(NEXT_TOKEN)));
    }
    if next_token {
        source.agreed("vocab_size", Some(entries), Witness { tensor: &weight, axis: 0, axes: 2 })?;
    } else if source.setting::<String>("task")?.is_none() {
        assumed.push(if bidirectional { "the class is told from both ends" } else { "the class is told from the last token" }.into());
    }
    Ok(next_token)
}
