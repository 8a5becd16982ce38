//! What a cut did to the probability of each token. Pure functions of what both models said.

use secateur_protocol::{Token, Written};

use crate::figures;

/// A token's probability in the pruned model beside that in the dense one, after the same beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Nobody was asked: the first token of a text.
    Unknown,
    Same,
    /// How many of [`FACTORS`] the probability fell by, 1 to 3.
    Less(usize),
    /// How many of them it rose by.
    More(usize),
    /// The pruned model's answer is not a number.
    Lost,
}

/// From these factors on a change counts, from slight to strong.
pub const FACTORS: [f64; 3] = [1.25, 2.0, 10.0];

impl Change {
    pub fn of(token: &Token) -> Self {
        let Some(change) = log_change(token) else { return Self::Unknown };
        let strength = FACTORS.iter().filter(|factor| change.abs() >= factor.ln()).count();
        match strength {
            _ if change.is_nan() => Self::Lost,
            0 => Self::Same,
            _ if change < 0.0 => Self::Less(strength),
            _ => Self::More(strength),
        }
    }

    /// As the style sheet calls it.
    pub fn class(self) -> String {
        match self {
            Self::Unknown | Self::Same => String::new(),
            Self::Less(strength) => format!("less-{strength}"),
            Self::More(strength) => format!("more-{strength}"),
            Self::Lost => "lost".into(),
        }
    }
}

/// Natural logarithm of pruned over dense probability; NaN when the pruned model gives none.
fn log_change(token: &Token) -> Option<f64> {
    let (dense, pruned) = (f64::from(token.dense?), f64::from(token.pruned?));
    // Equal infinities differ by nothing, not by NaN.
    Some(if dense == pruned { 0.0 } else { pruned - dense })
}

/// Mean of [`log_change`] over a text; none when it is empty.
pub fn mean_change(tokens: &[Token]) -> Option<f64> {
    let changes: Vec<f64> = tokens.iter().filter_map(log_change).collect();
    (!changes.is_empty()).then(|| changes.iter().sum::<f64>() / changes.len() as f64)
}

/// The first place where the two continuations are not the same; none where they are the same to the end.
pub fn parting(written: &Written) -> Option<usize> {
    let (dense, pruned) = (&written.dense, &written.pruned);
    let same = dense.iter().zip(pruned).take_while(|(a, b)| a.id == b.id).count();
    (same < dense.len().max(pruned.len())).then_some(same)
}

/// [`parting`] in words.
pub fn parting_words(written: &Written) -> String {
    match parting(written) {
        Some(0) => "The texts part at the first token.".into(),
        Some(1) => "The texts part after 1 token.".into(),
        Some(same) => format!("The texts part after {same} tokens."),
        None => format!("Both models write the same, token by token: {} in all.", written.dense.len()),
    }
}

/// What the cut did to the dense model's own text, in words.
pub fn likelihood_words(written: &Written) -> String {
    match mean_change(&written.dense) {
        None => String::new(),
        Some(mean) if !mean.is_finite() => "The pruned model no longer predicts this text.".into(),
        Some(mean) => {
            let change = format!("{mean:+.3}").replace('-', "−");
            let times = times(mean);
            format!(
                "To the pruned model, a token of the dense text is {times} in the mean: its log-probability changes by {change}."
            )
        }
    }
}

/// The text of a run of tokens.
pub fn text(tokens: &[Token]) -> String {
    tokens.iter().map(|token| token.text.as_str()).collect()
}

/// What stands for a token on screen: its text, line ends made visible, a dot where it has none of its own.
pub fn shown(token: &Token) -> String {
    if token.text.is_empty() { "·".into() } else { token.text.replace('\n', "↵\n") }
}

/// A token in a sentence: what it is and how likely each model found it.
pub fn sentence(token: &Token) -> String {
    let name = match token.text.as_str() {
        "" => format!("Token {}, without a text of its own", token.id),
        text => format!("“{}” (token {})", text.replace('\n', "↵"), token.id),
    };
    let Some(change) = log_change(token) else { return format!("{name}: the text begins with it.") };
    let chance = |log: Option<f32>| log.map_or(String::new(), |log| figures::chance(f64::from(log).exp()));
    let times = if change.is_finite() { format!(", {}", times(change)) } else { String::new() };
    format!("{name}: dense {}, pruned {}{times}.", chance(token.dense), chance(token.pruned))
}

/// A change of log-probability as a factor: "0.66 times as likely".
pub fn times(log_change: f64) -> String {
    format!("{} times as likely", figures::three_digits(log_change.exp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: u32, dense: f32, pruned: f32) -> Token {
        Token { id, text: format!(" t{id}"), dense: Some(dense), pruned: Some(pruned) }
    }

    fn written(dense: Vec<Token>, pruned: Vec<Token>) -> Written {
        let (device, notes) = (String::new(), Vec::new());
        Written { prompt: vec![], dense, pruned, tokens_per_second: 1.0, device, notes }
    }

    fn change(dense: f32, pruned: f32) -> Change {
        Change::of(&token(0, dense, pruned))
    }

    #[test]
    fn strengths_follow_the_factors_both_ways() {
        let at = |factor: f32| change(-4.0, -4.0 + factor.ln());
        assert_eq!([1.0, 1.24, 0.81].map(at), [Change::Same; 3]);
        assert_eq!([1.26, 2.01, 10.1].map(at), [1, 2, 3].map(Change::More));
        assert_eq!([0.79, 0.49, 0.09].map(at), [1, 2, 3].map(Change::Less));
    }

    #[test]
    fn odd_numbers_have_a_place() {
        let (never, nan) = (f32::NEG_INFINITY, f32::NAN);
        assert_eq!(change(never, never), Change::Same);
        assert_eq!((change(-1.0, never), change(never, -1.0)), (Change::Less(3), Change::More(3)));
        assert_eq!(change(-1.0, nan), Change::Lost);
        let first = Token { pruned: None, ..token(3, -1.0, 0.0) };
        assert_eq!((Change::of(&first), mean_change(&[first])), (Change::Unknown, None));
    }

    #[test]
    fn the_mean_is_over_what_both_models_judged() {
        let first = Token { dense: None, pruned: None, ..token(0, 0.0, 0.0) };
        let tokens = [first, token(1, -1.0, -1.5), token(2, -3.0, -2.0)];
        assert_eq!(mean_change(&tokens), Some(0.25));
        assert_eq!(times(0.0), "1.00 times as likely");
    }

    #[test]
    fn texts_part_at_the_first_other_token_or_where_one_ends() {
        let parts = |dense: &[u32], pruned: &[u32]| {
            let of = |ids: &[u32]| ids.iter().map(|id| token(*id, -1.0, -1.0)).collect::<Vec<_>>();
            parting(&written(of(dense), of(pruned)))
        };
        assert_eq!(parts(&[1, 2, 3], &[1, 2, 3]), None);
        assert_eq!(parts(&[1, 2, 3], &[1, 4, 3]), Some(1));
        assert_eq!((parts(&[1, 2], &[1]), parts(&[], &[1]), parts(&[], &[])), (Some(1), Some(0), None));
    }

    #[test]
    fn a_model_that_lost_the_text_says_so() {
        let said = |pruned: f32| likelihood_words(&written(vec![token(1, -1.0, pruned)], vec![]));
        assert!(said(-1.5).contains("0.607 times as likely") && said(-1.5).contains("−0.500"), "{}", said(-1.5));
        for lost in [f32::NAN, f32::NEG_INFINITY] {
            assert_eq!(said(lost), "The pruned model no longer predicts this text.");
        }
    }

    #[test]
    fn a_token_is_told_in_a_sentence() {
        let said = sentence(&token(7, -1.0, -1.0 - f32::ln(4.0)));
        assert_eq!(said, "“ t7” (token 7): dense 36.8\u{202f}%, pruned 9.20\u{202f}%, 0.250 times as likely.");
        let nothing = Token { text: String::new(), ..token(5, -1.0, f32::NAN) };
        assert_eq!(sentence(&nothing), "Token 5, without a text of its own: dense 36.8\u{202f}%, pruned –.");
        let line = Token { text: "\n".into(), dense: None, pruned: None, ..token(1, 0.0, 0.0) };
        assert_eq!(
            (sentence(&line).as_str(), shown(&line).as_str()),
            ("“↵” (token 1): the text begins with it.", "↵\n")
        );
        assert_eq!(shown(&nothing), "·");
    }
}
