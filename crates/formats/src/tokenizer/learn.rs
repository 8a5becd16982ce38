//! Learning a byte-level BPE, GPT-2's kind of tokenizer, from texts.

use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, TokenizerBuilder,
};

use super::TokenizerError;
use super::tame::MOST_IDS;
use crate::clip;

/// Every text is made of these.
const BYTES: usize = 256;

/// A byte-level BPE of `size` entries (fewer if the texts have no more to learn), as `tokenizer.json`: the special
/// tokens first, then the 256 bytes, then what merging adds. Every merge joins the most frequent pair, of equally
/// frequent ones the pair with the lower ids, so the same texts give the same file.
///
/// Source: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.2.
pub fn learn_bpe(texts: &[String], size: usize, special: &[&str]) -> Result<Vec<u8>, TokenizerError> {
    let sizes = special.len() + BYTES..=MOST_IDS as usize;
    if !sizes.contains(&size) {
        return Err(TokenizerError::Size { least: *sizes.start(), most: *sizes.end(), got: size });
    }
    let mut learned =
        TokenizerBuilder::<BPE, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>::new()
            .with_model(BPE::default())
            .with_pre_tokenizer(Some(ByteLevel::default().add_prefix_space(false).into()))
            .with_decoder(Some(ByteLevel::default().into()))
            .build()
            .map_err(failed)?;
    let mut trainer = BpeTrainer::builder()
        .vocab_size(size)
        .special_tokens(special.iter().map(|token| AddedToken::from(*token, true)).collect())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .show_progress(false)
        .build();
    let pieces = texts.iter().flat_map(|text| between(text, special));
    learned.train(&mut trainer, pieces).map_err(failed)?;
    serde_json::to_vec(&learned).map_err(|error| failed(error.into()))
}

/// The text cut at the special tokens, as it is when it is read: nothing is to be learned from their letters.
fn between<'a>(text: &'a str, special: &[&str]) -> Vec<&'a str> {
    special
        .iter()
        .filter(|token| !token.is_empty())
        .fold(vec![text], |pieces, token| pieces.into_iter().flat_map(|piece| piece.split(*token)).collect())
}

fn failed(error: tokenizers::Error) -> TokenizerError {
    TokenizerError::Unlearned { why: clip(&error.to_string()) }
}
