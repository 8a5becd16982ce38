//! The report as Markdown that GitHub shows: tables, bars of signs, and pictures that lie beside it.

use secateur_graph::grouped;
use secateur_protocol::{Token, Verdict, Written};

use super::escape::{fenced, markdown as safe};
use super::facts::Facts;
use super::plot;
use super::samples::{Samples, Seen, Sheets};

/// Pictures of a model that draws, beside the text.
const DRAWN: [&str; 2] = ["drawn-dense.png", "drawn-pruned.png"];

/// All of it.
pub(super) fn text(facts: &Facts) -> String {
    let title = format!("# {}\n\n{}\n", safe(&facts.title), safe(&facts.headline));
    let notes = facts.notes.iter().map(|note| format!("- {}\n", safe(note))).collect::<String>();
    let parts = [
        ("", title),
        ("Before and after", costs(facts)),
        ("What was cut, tensor by tensor", tensors(facts)),
        ("What was cut, group by group", groups(facts)),
        ("Samples", samples(&facts.samples)),
        ("Who can open it", verdicts(&facts.verdicts)),
        ("To know", notes),
        ("To do it again", again(facts)),
    ];
    let part = |(title, body): (&str, String)| match (title, body.as_str()) {
        (_, "") => String::new(),
        ("", _) => body,
        _ => format!("\n## {title}\n\n{body}"),
    };
    parts.map(part).concat()
}

/// Files that the text shows.
pub(super) fn pictures(facts: &Facts) -> Vec<(String, Vec<u8>)> {
    match &facts.samples {
        Samples::Drawn(Sheets { dense, pruned, .. }) => {
            DRAWN.map(String::from).into_iter().zip([dense.clone(), pruned.clone()]).collect()
        }
        _ => Vec::new(),
    }
}

/// A table; `right` of its columns are numbers.
fn table(head: &[&str], right: &[usize], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = (0..head.len()).map(|at| if right.contains(&at) { "---:" } else { "---" }.to_string());
    let head: Vec<String> = head.iter().map(|word| word.to_string()).collect();
    let body: String = rows.map(|cells| line(&cells)).collect();
    line(&head) + &line(&rule.collect::<Vec<_>>()) + &body
}

fn costs(facts: &Facts) -> String {
    let row = |cost: &super::costs::Cost| {
        let [dense, pruned] = cost.said.each_ref().map(|said| safe(said));
        vec![safe(&cost.name), dense, pruned, safe(&cost.remark)]
    };
    let rows = facts.costs.iter().map(row);
    format!("{}\n{}\n", table(&["", "Dense", "Pruned", ""], &[1, 2], rows), safe(&facts.why))
}

fn tensors(facts: &Facts) -> String {
    let rows = facts.tensors.iter().map(|tensor| {
        let share = tensor.kept as f64 / (tensor.entries as f64).max(1.0);
        let left = format!("{} of {}", grouped(tensor.kept), grouped(tensor.entries));
        vec![safe(&tensor.name), safe(&tensor.shape), left, plot::text(share), super::costs::percent(share)]
    });
    let head = ["Tensor", "Shape", "Entries left", "Left", "Share"];
    table(&head, &[2, 4], rows) + &facts.whole_words().map_or(String::new(), |words| format!("\n{words}\n"))
}

fn groups(facts: &Facts) -> String {
    if facts.groups.is_empty() {
        return String::new();
    }
    let rows = facts.groups.iter().map(|group| {
        let gone = format!("{} of {}", group.gone.len(), group.units);
        vec![safe(&group.name), gone, safe(&group.which)]
    });
    table(&["Group", "Units gone", "Which"], &[1], rows)
}

fn samples(samples: &Samples) -> String {
    match samples {
        Samples::None => String::new(),
        Samples::Text(written) => texts(written),
        Samples::Digits(seen) => {
            let answer = |(label, share): &(String, f32)| format!("{} ({:.1} %)", safe(label), 100.0 * share);
            let row = |seen: &Seen| {
                let differ = if seen.dense.0 == seen.pruned.0 { "" } else { "≠" };
                let (index, truth) = (seen.index.to_string(), seen.truth.to_string());
                vec![index, truth, answer(&seen.dense), answer(&seen.pruned), differ.into()]
            };
            table(&["Test digit", "It is", "Dense says", "Pruned says", ""], &[0], seen.iter().map(row))
        }
        Samples::Drawn(sheets) => {
            let [dense, pruned] = DRAWN;
            let words = safe(&sheets.words);
            format!(
                "{words}\n\nDense:\n\n![Drawn by the dense model]({dense})\n\nPruned:\n\n![Drawn by the pruned model]({pruned})\n"
            )
        }
    }
}

fn texts(written: &Written) -> String {
    let all = |tokens: &[Token]| tokens.iter().map(|token| token.text.as_str()).collect::<String>();
    let [prompt, dense, pruned] = [&written.prompt, &written.dense, &written.pruned].map(|tokens| fenced(&all(tokens)));
    format!("Both go on with this:\n\n{prompt}\nDense:\n\n{dense}\nPruned:\n\n{pruned}")
}

fn verdicts(verdicts: &[Verdict]) -> String {
    let rows = verdicts.iter().flat_map(|verdict| {
        verdict.readers.iter().map(move |reader| {
            let opens = if reader.opens { "yes" } else { "no" };
            vec![verdict.format.word().into(), safe(&reader.name), opens.into(), safe(&reader.why)]
        })
    });
    table(&["Form", "Reader", "Opens it", "Why"], &[], rows)
}

fn again(facts: &Facts) -> String {
    let about = facts.about.iter().map(|(name, said)| vec![name.to_string(), safe(said)]);
    let lines = facts.repeat.iter().map(|(how, line)| format!("\n{how}:\n\n{}", fenced(line)));
    table(&["", ""], &[], about) + &lines.collect::<String>()
}
