//! `tokenizer.json`: text to token ids and back, as Hugging Face's `tokenizers` do it.
//!
//! The work is done by the `tokenizers` crate, which nothing outside this module names. It takes its files on trust, so
//! [`tame`] reads them first. Settings of a training run (truncation, padding, dropout) are left aside: a text always
//! becomes all of its tokens, and the same ones each time.

mod charsmap;
mod cut;
mod learn;
mod model;
mod patterns;
mod steps;
mod tame;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::{clip, quote};

pub use learn::learn_bpe;

/// Twice the largest that is known; a larger file is something else.
const LIMIT_BYTES: usize = 64 << 20;

/// Why a tokenizer could not be read, used or learned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TokenizerError {
    #[error(
        "wanted a tokenizer as Hugging Face writes it, but {what}; choose the tokenizer.json that belongs to the model"
    )]
    Unfit { what: String },
    #[error("the tokenizer cannot {task}: {why}; choose the tokenizer.json that belongs to the model")]
    Lost { task: &'static str, why: String },
    #[error("wanted a vocabulary of {least} to {most} entries, got {got}; ask for another size")]
    Size { least: usize, most: usize, got: usize },
    #[error("no tokenizer could be learned from these texts: {why}; give other texts")]
    Unlearned { why: String },
}

/// Turns text into token ids and back.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    size: usize,
    /// Tokens that must stay, and why.
    needed: BTreeMap<u32, String>,
    merges: Vec<[u32; 3]>,
    file: Vec<u8>,
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json` of at most 64 MiB.
    pub fn parse(json: &[u8]) -> Result<Self, TokenizerError> {
        if json.len() > LIMIT_BYTES {
            return Err(unfit(format!("the file has {} bytes, more than any", json.len())));
        }
        let mut file = serde_json::from_slice(json)
            .map_err(|error| unfit(format!("this is no JSON: {}", clip(&error.to_string()))))?;
        let named = tame::tame(&mut file).map_err(unfit)?;
        let (needed, merges) = (cut::needed(&file), cut::merges(&file));
        let inner: tokenizers::Tokenizer = serde_json::from_value(file)
            .map_err(|error| unfit(format!("it does not fit: {}", clip(&error.to_string()))))?;
        let added = inner.get_added_vocabulary().get_added_tokens_decoder().keys().map(|id| *id as usize + 1).max();
        Ok(Self { inner, size: named.max(added.unwrap_or(0)), needed, merges, file: json.to_vec() })
    }

    /// The `tokenizer.json` that it was read from.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// Tokens without which some texts could not be read any more, and why: special ones, what stands for the unknown,
    /// and the alphabet that words are made of.
    pub fn needed(&self) -> &BTreeMap<u32, String> {
        &self.needed
    }

    /// Tokens that are written by joining two others, in the order in which that is done: (one, the other, both).
    pub fn merges(&self) -> &[[u32; 3]] {
        &self.merges
    }

    /// The same tokenizer with some of its tokens only, in rising order; their new ids are their places among them. Words
    /// that lose their token are written with shorter ones: merges go whose parts or product go.
    ///
    /// # Errors
    /// When what is left makes no tokenizer, or the file numbers added tokens in a way that leaves no room for new ids.
    pub fn only(&self, kept: &[usize]) -> Result<Self, TokenizerError> {
        let now = |id: u64| kept.binary_search(&(id as usize)).ok().map(|place| place as u64);
        let cut = |why: String| TokenizerError::Lost { task: "do without these tokens", why };
        let mut file: Value = serde_json::from_slice(&self.file).map_err(|error| unfit(clip(&error.to_string())))?;
        cut::only(&mut file, &now);
        let smaller = Self::parse(file.to_string().as_bytes())?;
        match cut::tokens(&file).into_iter().find(|(token, id)| smaller.id_of(token).map(u64::from) != Some(*id)) {
            None => Ok(smaller),
            Some((token, id)) => Err(cut(format!("{} would not get the number {id}", quote(token)))),
        }
    }

    /// What a token writes; its name in the file where it writes nothing by itself, as special tokens and single bytes.
    /// Empty for an id that no token has.
    pub fn text_of(&self, id: u32) -> String {
        let name = self.inner.id_to_token(id).unwrap_or_default();
        let text = self.decode(&[id]).unwrap_or_default();
        match () {
            () if text.is_empty() || text.contains(char::REPLACEMENT_CHARACTER) => name,
            // At the beginning of a text a space before a word is not written.
            () if name.starts_with(cut::SPACE) && !text.starts_with(' ') => format!(" {text}"),
            () => text,
        }
    }

    /// The ids of a text, with the special tokens that the file puts around one (a beginning, `[CLS]` and `[SEP]`).
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        match self.inner.encode_fast(text, true) {
            Ok(encoding) => Ok(encoding.get_ids().to_vec()),
            Err(error) => Err(lost("read this text", error)),
        }
    }

    /// The text of some ids. Special tokens are left out, and so are ids that no token has.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        let seen: Vec<u32> = ids.iter().copied().filter(|id| self.is_seen(*id)).collect();
        if seen.is_empty() {
            return Ok(String::new());
        }
        self.inner.decode(&seen, true).map_err(|error| lost("write these tokens", error))
    }

    /// What each id adds to the text: put together, they are [`Self::decode`] of all. A character that takes several
    /// tokens comes with its last one.
    pub fn texts(&self, ids: &[u32]) -> Result<Vec<String>, TokenizerError> {
        let whole = self.decode(ids)?;
        let mut rest = whole.as_str();
        let mut texts = vec![String::new(); ids.len()];
        // What a token writes depends on the one before (a space between words, the bytes of a character), so a piece
        // is written together with the piece before it: only as far back, or the cost would be quadratic.
        let seen: Vec<usize> = (0..ids.len()).filter(|at| self.is_seen(ids[*at])).collect();
        let visible: Vec<u32> = seen.iter().map(|at| ids[*at]).collect();
        let (mut start, mut end, mut before) = (0, 0, String::new());
        for (last, at) in seen.iter().enumerate() {
            let written = self.decode(&visible[start..=last])?;
            let added = written.strip_prefix(before.as_str()).unwrap_or_default();
            // An incomplete character is written as a placeholder, which is not what the whole has there.
            if let (false, Some(left)) = (added.is_empty(), rest.strip_prefix(added)) {
                texts[*at] = added.to_owned();
                rest = left;
                (start, end) = (end, last + 1);
                before = self.decode(&visible[start..end])?;
            }
        }
        if let Some(last) = seen.last() {
            texts[*last].push_str(rest);
        }
        Ok(texts)
    }

    /// The id of a token by its name in the file, special ones too.
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// All ids are below this number. A model may have room for more.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the id leaves something in the text.
    fn is_seen(&self, id: u32) -> bool {
        let token = self.inner.id_to_token(id);
        token.is_some_and(|token| !self.inner.get_added_vocabulary().is_special_token(&token))
    }
}

fn unfit(what: String) -> TokenizerError {
    TokenizerError::Unfit { what }
}

fn lost(task: &'static str, error: tokenizers::Error) -> TokenizerError {
    TokenizerError::Lost { task, why: clip(&error.to_string()) }
}
