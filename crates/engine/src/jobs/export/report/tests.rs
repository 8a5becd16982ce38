use secateur_protocol::{Format, Reader, Token, Verdict, Written};

use super::costs::Cost;
use super::facts::{Facts, GroupCut, Tensor};
use super::samples::{Samples, Seen, Sheets};
use super::{html, markdown};

/// What a file could call its tensors.
const HOSTILE: &str = "</td><script>alert(1)</script><img src=x onerror=\"a()\">'&|`*_\n# x\u{202e}";

fn facts(samples: Samples) -> Facts {
    let text = || HOSTILE.to_string();
    let reader = Reader { name: text(), opens: true, why: text() };
    Facts {
        title: text(),
        headline: text(),
        about: vec![("Model", text())],
        repeat: vec![("On the command line", text())],
        notes: vec![text()],
        costs: vec![Cost { name: text(), said: [text(), text()], lengths: [1.0, 0.5], remark: text() }],
        why: text(),
        tensors: vec![Tensor { name: text(), shape: text(), entries: 4, kept: 1 }],
        whole: (2, 10),
        groups: vec![GroupCut { name: text(), units: 3, gone: vec![1], which: text() }],
        samples,
        verdicts: vec![Verdict { format: Format::Zeros, readers: vec![reader] }],
    }
}

fn all() -> [Facts; 4] {
    let token = |id| Token { id, text: HOSTILE.into(), dense: None, pruned: None };
    let written = Written {
        prompt: vec![token(0)],
        dense: vec![token(1), token(2)],
        pruned: vec![token(1), token(3)],
        tokens_per_second: 1.0,
        notes: Vec::new(),
        device: String::new(),
    };
    let said = || (HOSTILE.to_string(), 0.5);
    let seen = Seen { index: 0, truth: 7, png: vec![1, 2], dense: said(), pruned: said() };
    let sheets = Sheets { words: HOSTILE.into(), dense: vec![1], pruned: vec![2] };
    [Samples::None, Samples::Text(written), Samples::Digits(vec![seen]), Samples::Drawn(sheets)].map(facts)
}

/// Names of a page's tags as they open and close, and whether all of them do.
fn is_balanced(page: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        let name = tag.split_whitespace().next().unwrap_or("");
        match name.strip_prefix('/') {
            Some(name) if open.pop() != Some(name) => return false,
            Some(_) => {}
            None if tag.ends_with('/') || ["!doctype", "meta", "img"].contains(&name) => {}
            None => open.push(name),
        }
    }
    open.is_empty()
}

#[test]
fn nothing_that_a_file_says_becomes_part_of_the_page() {
    assert!(is_balanced("<a><img src=x></a>") && !is_balanced("<a></b>") && !is_balanced("<a>"));
    for facts in all() {
        let page = html::page(&facts);
        assert!(is_balanced(&page), "{page}");
        assert!(!page.contains("<script") && !page.contains("<img src=x") && !page.contains('\u{202e}'));
        assert!(page.contains("&lt;script&gt;alert(1)"), "it is told all the same");
        assert!(!page.contains("://"), "nothing is fetched");
    }
}

#[test]
fn nothing_that_a_file_says_becomes_markdown() {
    for facts in all() {
        let text = markdown::text(&facts);
        let mut fence = false;
        for line in text.lines() {
            fence ^= line.starts_with("```");
            let plain = line.replace("\\\\", "").replace("\\<", "").replace("\\|", "");
            assert!(fence || line.starts_with("```") || !plain.contains('<'), "{line}");
            let is_row = line.starts_with('|') && !fence;
            assert!(!is_row || (3..=6).contains(&plain.matches('|').count()), "{line}");
        }
        assert!(!fence, "every fence is closed");
    }
}

#[test]
fn the_texts_are_marked_from_the_first_other_token() {
    let [_, written, ..] = all();
    let page = html::page(&written);
    let marked: Vec<&str> = page.split("<mark>").skip(1).map(|rest| rest.split("</mark>").next().unwrap()).collect();
    assert_eq!(marked.len(), 2);
    assert_eq!(marked[0].matches("script").count(), 2, "one token of two");
}

#[test]
fn pictures_are_in_the_page_and_beside_the_text() {
    let [.., digits, drawn] = all();
    assert!(html::page(&digits).contains("data:image/png;base64,AQI="));
    let files = markdown::pictures(&drawn);
    assert_eq!(
        files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["drawn-dense.png", "drawn-pruned.png"]
    );
    assert!(files.iter().all(|(name, _)| markdown::text(&drawn).contains(&format!("]({name})"))));
}
