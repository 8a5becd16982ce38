//! The report as one page: no scripts, nothing to fetch.

use secateur_graph::grouped;
use secateur_protocol::{Reader, Token, Verdict, Written};

use super::costs::{Cost, percent};
use super::escape::{base64, html as safe};
use super::facts::{Facts, GroupCut, Tensor};
use super::plot;
use super::samples::{Samples, Seen, Sheets};

const STYLE: &str = include_str!("style.css");

/// All of it.
pub(super) fn page(facts: &Facts) -> String {
    let title = safe(&facts.title);
    let notes = facts.notes.iter().map(|note| format!("<li>{}</li>", safe(note))).collect::<String>();
    let notes = if notes.is_empty() { notes } else { format!("<ul>{notes}</ul>") };
    let sections = [
        section("before-after", "Before and after", costs(facts)),
        section("tensors", "What was cut, tensor by tensor", tensors(facts)),
        section("groups", "What was cut, group by group", groups(&facts.groups)),
        section("samples", "Samples", samples(&facts.samples)),
        section("readers", "Who can open it", verdicts(&facts.verdicts)),
        section("notes", "To know", notes),
        section("again", "To do it again", again(facts)),
    ]
    .concat();
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
{hatch}
<main>
<header>
<p class="kind">Pruning report</p>
<h1>{title}</h1>
<p class="lead">{lead}</p>
</header>
{sections}</main>
</body>
</html>
"#,
        hatch = plot::HATCH,
        lead = safe(&facts.headline)
    )
}

/// Nothing where there is nothing in it.
fn section(id: &str, title: &str, body: String) -> String {
    if body.is_empty() {
        return body;
    }
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{body}\n</section>\n"
    )
}

/// `rows` come as finished cells, the first of which names its row.
fn table(class: &str, caption: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head: String = head.iter().map(|word| format!("<th scope=\"col\">{word}</th>")).collect();
    let row = |cells: Vec<String>| {
        let mut cells = cells.into_iter();
        let name = cells.next().unwrap_or_default();
        let rest: String = cells.map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr><th scope=\"row\">{name}</th>{rest}</tr>\n")
    };
    let body: String = rows.map(row).collect();
    format!(
        "<div class=\"wide\"><table class=\"{class}\">\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n\
         <tbody>\n{body}</tbody>\n</table></div>"
    )
}

fn costs(facts: &Facts) -> String {
    let row = |cost: &Cost| {
        let [dense, pruned] = cost.said.each_ref().map(|said| safe(said));
        let title = format!("{}: dense {}, pruned {}", cost.name, cost.said[0], cost.said[1]);
        let remark = format!("<small>{}</small>", safe(&cost.remark));
        vec![format!("{}{remark}{}", safe(&cost.name), plot::pair(&title, cost.lengths)), dense, pruned]
    };
    let key = "<i class=\"dense\"></i> dense, <i class=\"kept\"></i> pruned; bars of a row share a scale";
    let rows = facts.costs.iter().map(row);
    let why = safe(&facts.why);
    format!("{}<p class=\"why\">{why}</p>", table("numbers", key, &["Measure", "Dense", "Pruned"], rows))
}

fn tensors(facts: &Facts) -> String {
    let largest = facts.tensors.iter().map(|tensor| tensor.entries).max().unwrap_or(1) as f64;
    let row = |tensor: &Tensor| {
        let share = tensor.kept as f64 / (tensor.entries as f64).max(1.0);
        let left = format!("{} of {}", grouped(tensor.kept), grouped(tensor.entries));
        let bar = plot::part(&format!("{}: {left} entries left", tensor.name), tensor.entries as f64 / largest, share);
        let name = format!("<code>{}</code><small>{}</small>{bar}", safe(&tensor.name), safe(&tensor.shape));
        vec![name, left, percent(share)]
    };
    let key = "<i class=\"kept\"></i> left, <i class=\"gone\"></i> cut; as long as the tensor is large";
    let rows = facts.tensors.iter().map(row);
    let whole = facts.whole_words().map_or(String::new(), |words| format!("<p class=\"why\">{words}</p>"));
    table("numbers", key, &["Tensor", "Entries left", "Share"], rows) + &whole
}

fn groups(groups: &[GroupCut]) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let row = |group: &GroupCut| {
        let gone = format!("{} of {}", group.gone.len(), group.units);
        let bar = plot::units(&format!("{}: {gone} gone", group.name), group.units, &group.gone);
        vec![format!("<code>{}</code>{bar}", safe(&group.name)), gone, safe(&group.which)]
    };
    let key = "<i class=\"kept\"></i> left, <i class=\"gone\"></i> gone; each cell is a unit";
    table("groups", key, &["Group", "Units gone", "Which"], groups.iter().map(row))
}

fn samples(samples: &Samples) -> String {
    match samples {
        Samples::None => String::new(),
        Samples::Text(written) => texts(written),
        Samples::Digits(seen) => digits(seen),
        Samples::Drawn(Sheets { words, dense, pruned }) => {
            let figure = |title: &str, png: &[u8]| {
                let picture = picture(&format!("Drawn by the {title} model"), png);
                format!("<figure><figcaption>{title}</figcaption>{picture}</figure>")
            };
            let words = safe(words);
            format!("<p>{words}</p><div class=\"both\">{}{}</div>", figure("dense", dense), figure("pruned", pruned))
        }
    }
}

fn digits(seen: &[Seen]) -> String {
    let answer = |(label, share): &(String, f32)| format!("{} <small>{:.1} %</small>", safe(label), 100.0 * share);
    let row = |seen: &Seen| {
        let Seen { index, truth, png, dense, pruned } = seen;
        let picture = picture(&format!("Test digit {index}"), png);
        let differ = if dense.0 == pruned.0 { "" } else { "<b class=\"differs\">≠ differs</b>" };
        vec![format!("{picture} {index}"), truth.to_string(), answer(dense), answer(pruned) + differ]
    };
    let key = "The first test digits, then the first ones on which the two models disagree";
    table("digits", key, &["Test digit", "It is", "Dense says", "Pruned says"], seen.iter().map(row))
}

fn picture(alt: &str, png: &[u8]) -> String {
    format!("<img alt=\"{alt}\" src=\"data:image/png;base64,{}\">", base64(png))
}

/// Both texts, marked from the first token on that is another one.
fn texts(written: &Written) -> String {
    let all = |tokens: &[Token]| safe(&tokens.iter().map(|token| token.text.as_str()).collect::<String>());
    let alike = written.dense.iter().zip(&written.pruned).take_while(|(dense, pruned)| dense.id == pruned.id).count();
    let prompt = all(&written.prompt);
    let one = |title: &str, tokens: &[Token]| {
        let (same, other) = tokens.split_at(alike);
        let (same, other) = (all(same), all(other));
        let other = if other.is_empty() { other } else { format!("<mark>{other}</mark>") };
        format!("<figure><figcaption>{title}</figcaption><p class=\"text\"><b>{prompt}</b>{same}{other}</p></figure>")
    };
    format!(
        "<p>Both models go on with the same beginning; what differs is marked.</p><div class=\"both\">{}{}</div>",
        one("dense", &written.dense),
        one("pruned", &written.pruned)
    )
}

fn verdicts(verdicts: &[Verdict]) -> String {
    let reader = |reader: &Reader| {
        let (class, opens) = if reader.opens { ("yes", "✓ opens it") } else { ("no", "✕ does not") };
        format!("<p class=\"{class}\"><b>{} {opens}</b>: {}</p>", safe(&reader.name), safe(&reader.why))
    };
    let row = |verdict: &Verdict| {
        vec![verdict.format.word().to_string(), verdict.readers.iter().map(reader).collect::<String>()]
    };
    table("verdicts", "By the form that is exported", &["Form", "Readers"], verdicts.iter().map(row))
}

fn again(facts: &Facts) -> String {
    let about = facts.about.iter().map(|(name, said)| format!("<dt>{name}</dt><dd>{}</dd>", safe(said)));
    let lines = facts.repeat.iter().map(|(how, line)| format!("<h3>{how}</h3><pre><code>{}</code></pre>", safe(line)));
    format!("<dl>{}</dl>{}", about.collect::<String>(), lines.collect::<String>())
}
