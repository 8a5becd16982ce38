//! Whatever is in a file, reading it gives tensors or a sentence: no panic, and no more memory than the file is worth.

mod support;

use std::collections::BTreeMap;

use pollster::block_on;
use proptest::prelude::*;
use proptest::sample::Index;
use safetensors::SafeTensors;
use secateur_formats::safetensors::{Dtype, FormatError, Tensor, read_f32, read_header, write};
use secateur_formats::{ReadAt, config};
use support::{assert_is_sentence, peak};

fn dtypes() -> impl Strategy<Value = Dtype> {
    prop::sample::select(vec![Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::U8, Dtype::I64])
}

/// A sound file of up to five small tensors.
fn sound() -> impl Strategy<Value = Vec<u8>> {
    let tensor = ("[a-z.]{1,6}", dtypes(), prop::collection::vec(0usize..4, 0..3));
    (prop::collection::vec(tensor, 0..5), any::<bool>()).prop_map(|(tensors, noted)| {
        let by_name: BTreeMap<_, _> = tensors.into_iter().map(|(name, dtype, shape)| (name, (dtype, shape))).collect();
        let tensors = by_name.into_iter().map(|(name, (dtype, shape))| {
            let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            Tensor { name, dtype, shape, bytes: vec![0; bytes].into() }
        });
        let notes = noted.then(|| ("format".to_string(), "pt".to_string()));
        write(tensors, &notes.into_iter().collect()).unwrap()
    })
}

#[derive(Clone, Debug)]
enum Damage {
    Cut(Index),
    Flip(Index, u8),
    Length(u64),
    /// A number in the header becomes something else.
    Number(Index, &'static str),
    /// A tensor of the right size lies elsewhere.
    Slide(Index, u64),
    /// A piece of the header comes twice.
    Repeat(Index, Index),
    /// A piece of the header is gone.
    Remove(Index, Index),
    Append(Vec<u8>),
}

/// What stands in a header instead of a number.
const NUMBERS: &[&str] =
    &["18446744073709551615", "9223372036854775808", "4294967296", "-1", "1e3", "0", "1", "8", "null", "[]", "\"\""];

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<u8>()).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        prop_oneof![any::<u64>(), 0u64..300].prop_map(Damage::Length),
        (any::<Index>(), prop::sample::select(NUMBERS)).prop_map(|(at, text)| Damage::Number(at, text)),
        (any::<Index>(), 1u64..9).prop_map(|(which, by)| Damage::Slide(which, by)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Remove(from, to)),
        prop::collection::vec(any::<u8>(), 1..9).prop_map(Damage::Append),
    ]
}

impl Damage {
    fn apply(&self, mut file: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Cut(at) => file.truncate(at.index(file.len() + 1)),
            Self::Flip(at, bits) if !file.is_empty() => {
                let at = at.index(file.len());
                file[at] ^= bits;
            }
            Self::Flip(..) => {}
            Self::Length(length) => {
                file.splice(..file.len().min(8), length.to_le_bytes());
            }
            Self::Number(at, text) => edit_header(&mut file, |header| {
                let numbers = runs_of_digits(header);
                if !numbers.is_empty() {
                    header.splice(numbers[at.index(numbers.len())].clone(), text.bytes());
                }
            }),
            Self::Slide(which, by) => edit_header(&mut file, |header| slide(header, which, *by)),
            Self::Repeat(from, to) => edit_header(&mut file, |header| {
                let range = between(from, to, header.len());
                let piece = header[range.clone()].to_vec();
                header.splice(range.end..range.end, piece);
            }),
            Self::Remove(from, to) => edit_header(&mut file, |header| {
                header.drain(between(from, to, header.len()));
            }),
            Self::Append(bytes) => file.extend(bytes),
        }
        file
    }
}

/// Changes the header and sets its length anew, where there is one.
fn edit_header(file: &mut Vec<u8>, edit: impl FnOnce(&mut Vec<u8>)) {
    let Some(length) = file.first_chunk().map(|length| u64::from_le_bytes(*length)) else { return };
    let end = length.saturating_add(8).min(file.len() as u64) as usize;
    let mut header = file[8..end].to_vec();
    edit(&mut header);
    let length = (header.len() as u64).to_le_bytes();
    file.splice(..end, length.into_iter().chain(header));
}

/// Takes `by` from both offsets of one tensor.
fn slide(header: &mut Vec<u8>, which: &Index, by: u64) {
    const KEY: &str = "\"data_offsets\":[";
    let Ok(text) = std::str::from_utf8(header) else { return };
    let starts: Vec<usize> = text.match_indices(KEY).map(|(at, _)| at + KEY.len()).collect();
    if starts.is_empty() {
        return;
    }
    let start = starts[which.index(starts.len())];
    let Some((offsets, _)) = text[start..].split_once(']') else { return };
    let moved: Vec<String> = offsets
        .split(',')
        .map(|offset| offset.parse::<u64>().map_or_else(|_| offset.into(), |at| at.saturating_sub(by).to_string()))
        .collect();
    header.splice(start..start + offsets.len(), moved.join(",").into_bytes());
}

fn runs_of_digits(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for at in (0..text.len()).filter(|at| text[*at].is_ascii_digit()) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

fn between(a: &Index, b: &Index, len: usize) -> std::ops::Range<usize> {
    let (a, b) = (a.index(len + 1), b.index(len + 1));
    a.min(b)..a.max(b)
}

/// The whole way: header, then each tensor, each checked against the file's size.
fn read(file: &[u8]) -> Result<(), FormatError> {
    block_on(async {
        for tensor in &read_header(&file).await?.tensors {
            assert!(tensor.range.start <= tensor.range.end && tensor.range.end <= file.len() as u64);
            match read_f32(&file, tensor).await {
                Ok(values) => assert_eq!(values.len(), tensor.len()),
                Err(error) => assert_is_sentence(&error.to_string()),
            }
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_gives_tensors_or_a_sentence(
        sound in sound(),
        damages in prop::collection::vec(damage(), 0..4),
    ) {
        let file = damages.iter().fold(sound, |file, damage| damage.apply(file));
        let (ours, bytes) = peak(|| read(&file));
        prop_assert!(bytes < 64 * file.len() + (16 << 10), "{bytes} bytes for a file of {}", file.len());

        // The reference library agrees, except that it takes a name twice.
        let theirs = SafeTensors::deserialize(&file).is_ok();
        match ours {
            Ok(()) => prop_assert!(theirs, "only we accept it"),
            Err(error) => {
                assert_is_sentence(&error.to_string());
                prop_assert!(!theirs || matches!(error, FormatError::Duplicate { .. }), "only we refuse it: {error}");
            }
        }

        // The same bytes as a config: settings or a sentence.
        if let Err(error) = block_on(config::read(&file.as_slice())) {
            assert_is_sentence(&error.to_string());
        }
        prop_assert_eq!(ReadAt::len(&file.as_slice()), file.len() as u64);
    }
}
