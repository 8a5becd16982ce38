//! The goldens of tokenizers in `golden/tokens`: files of every type, many strings, and what Hugging Face makes of them.

use safetensors::{Dtype, SafeTensors};
use secateur_formats::Tokenizer;

/// A tokenizer.json and its answers. In the program and not beside it, because the browser has no files.
pub struct Tokens {
    pub name: &'static str,
    pub json: &'static [u8],
    answers: &'static [u8],
}

macro_rules! goldens {
    ($($name:literal)*) => {
        &[$(Tokens {
            name: $name,
            json: include_bytes!(concat!("../golden/tokens/", $name, ".json")),
            answers: include_bytes!(concat!("../golden/tokens/", $name, ".safetensors")),
        }),*]
    };
}

/// One of every type; the tests compare the list with the folder.
pub static TOKENS: &[Tokens] = goldens![
    "albert" "bert-cased" "bert-uncased" "gpt2" "llama2" "llama3" "mistral" "qwen2" "roberta" "smollm2" "t5"
    "xlm-roberta"
];

/// The strings that the answers are about.
pub fn strings() -> Vec<String> {
    serde_json::from_str(include_str!("../golden/tokens/strings.json")).expect("the golden is a list of strings")
}

impl Tokens {
    pub fn tokenizer(&self) -> Tokenizer {
        Tokenizer::parse(self.json).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Compares ids, and the text of the ids, with the answers: a sentence for every string that differs.
    pub fn differences(&self, strings: &[String]) -> Vec<String> {
        let tokenizer = self.tokenizer();
        let answers = SafeTensors::deserialize(self.answers).expect("a golden is a safetensors file");
        let ids = numbers(&answers, "ids", Dtype::U16, u16::from_le_bytes);
        let counts = numbers(&answers, "counts", Dtype::U16, u16::from_le_bytes);
        let decoded = numbers(&answers, "decoded", Dtype::U64, u64::from_le_bytes);
        assert_eq!((counts.len(), decoded.len()), (strings.len(), strings.len()), "{}: make them again", self.name);
        let mut ids = ids.as_slice();
        let mut differences = Vec::new();
        for ((text, count), decoded) in strings.iter().zip(counts).zip(decoded) {
            let (theirs, rest) = ids.split_at(count.into());
            ids = rest;
            let theirs: Vec<u32> = theirs.iter().copied().map(u32::from).collect();
            let ours = tokenizer.encode(text).unwrap_or_else(|error| panic!("{}: {text:?}: {error}", self.name));
            if ours != theirs {
                differences.push(format!("{}: {text:?} is {theirs:?}, not {ours:?}", self.name));
            }
            let written = tokenizer.decode(&theirs).unwrap_or_else(|error| panic!("{}: {text:?}: {error}", self.name));
            if fnv(&written) != decoded {
                differences.push(format!("{}: {theirs:?} of {text:?} is not {written:?}", self.name));
            }
        }
        differences
    }
}

fn numbers<T, const N: usize>(file: &SafeTensors, name: &str, dtype: Dtype, read: fn([u8; N]) -> T) -> Vec<T> {
    let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(tensor.dtype(), dtype, "{name}");
    let (numbers, _) = tensor.data().as_chunks();
    numbers.iter().copied().map(read).collect()
}

/// The 64-bit FNV-1a hash that the script took.
fn fnv(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
