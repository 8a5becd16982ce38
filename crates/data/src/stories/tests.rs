use std::collections::BTreeSet;

use super::words::{ANIMALS, FOODS, NUMBERS, Noun};
use super::{Capability, Question, Story, questions, story};

/// Even numbers below n (Steele et al., 2014).
fn below(mut state: u64) -> impl FnMut(usize) -> usize {
    move |n| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ (mixed >> 31)) * n as u128) >> 64) as usize
    }
}

fn stories(count: usize) -> impl Iterator<Item = Story> {
    let mut below = below(1);
    (0..count).map(move |_| story(&mut below))
}

/// Neighbouring words without the signs around them.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let words: Vec<_> = text.split(' ').map(|word| word.trim_matches(|c: char| !c.is_ascii_alphabetic())).collect();
    words.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

#[test]
fn the_same_draws_tell_the_same_story() {
    assert_eq!(stories(20).collect::<Vec<_>>(), stories(20).collect::<Vec<_>>());
    assert_ne!(story(&mut below(1)), story(&mut below(2)));
}

#[test]
fn ten_thousand_stories_are_as_many() {
    let told: BTreeSet<String> = stories(10_000).map(|story| story.text).collect();
    assert!(told.len() > 9_990, "{} of 10,000", told.len());
}

#[test]
fn a_story_is_sentences_in_plain_letters() {
    for Story { text, .. } in stories(2_000) {
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" .,!?\"'".contains(&byte)), "{text}");
        assert!((60..=200).contains(&text.split(' ').count()), "{text}");
        assert!(text.split(' ').all(|word| !word.is_empty()), "two spaces: {text}");
        assert!(text.matches('"').count().is_multiple_of(2), "{text}");
        let mut capital = true;
        for word in text.split(' ') {
            let letters = word.trim_start_matches('"');
            assert!(!capital || letters.starts_with(|c: char| c.is_ascii_uppercase()), "{word} in {text}");
            capital = letters.ends_with(['.', '!', '?']) || letters.ends_with(".\"");
        }
        assert!(capital || text.ends_with('"'), "{text}");
    }
}

#[test]
fn articles_fit_the_next_word() {
    let mut seen = [0, 0];
    for Story { text, .. } in stories(2_000) {
        for (article, noun) in pairs(&text).into_iter().filter(|(article, _)| matches!(*article, "a" | "an")) {
            assert_eq!(article == "an", noun.starts_with(['a', 'e', 'i', 'o', 'u']), "{article} {noun} in {text}");
            seen[usize::from(article == "an")] += 1;
        }
    }
    assert!(seen[0] > 1_000 && seen[1] > 100, "{seen:?}");
}

#[test]
fn nouns_are_as_many_as_their_number() {
    let known =
        |word: &str| FOODS.iter().chain(ANIMALS).find(|Noun { one, many }| [*one, *many].contains(&word)).copied();
    let mut seen = [0, 0];
    for Story { text, .. } in stories(2_000) {
        for (number, word) in pairs(&text) {
            let (Some(number), Some(noun)) = (NUMBERS.iter().position(|word| *word == number), known(word)) else {
                continue;
            };
            assert_eq!(word, if number == 1 { noun.one } else { noun.many }, "{text}");
            seen[usize::from(number > 1)] += 1;
        }
    }
    assert!(seen[0] > 100 && seen[1] > 1_000, "{seen:?}");
}

#[test]
fn questions_are_answered_by_their_story() {
    for Story { text, questions } in stories(1_000) {
        assert!(questions.len() > 5, "{text}");
        for Question { capability, prompt, right, wrong } in questions {
            assert!(text.starts_with(&format!("{prompt}{right}")), "{prompt:?} {right:?} in {text}");
            assert!(!wrong.is_empty(), "{right:?} in {text}");
            for wrong in wrong {
                assert!(!wrong.starts_with(&right) && !right.starts_with(&wrong), "{right:?}, {wrong:?} in {text}");
            }
            if matches!(capability, Capability::NameRecall | Capability::ObjectRecall) {
                let word = right.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap();
                assert!(prompt.contains(word), "nobody can know {word} in {text}");
            }
        }
    }
}

#[test]
fn every_capability_can_be_asked_for() {
    for capability in Capability::ALL {
        let asked = questions(capability, 50, &mut below(3));
        assert_eq!(asked.len(), 50);
        assert!(asked.iter().all(|question| question.capability == capability));
        let different: BTreeSet<_> = asked.iter().map(|question| &question.right).collect();
        assert!(different.len() > 5, "{capability:?}: {different:?}");
    }
}
