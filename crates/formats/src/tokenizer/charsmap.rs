//! The character map of SentencePiece: a double-array trie (Darts) from characters to their normal form, in base64.
//!
//! `u32` bytes of the trie, the trie as `u32` units, then the normal forms, each ended by a zero byte.
//! The crate walks it unchecked, so every step that any text could take is taken here first.

/// Longer, in bytes, than any normal form (Unicode's longest has 33).
pub(super) const LONGEST_FORM: usize = 256;

/// One entry of the double array.
#[derive(Clone, Copy)]
struct Unit(u32);

impl Unit {
    fn has_leaf(self) -> bool {
        (self.0 >> 8) & 1 == 1
    }

    fn value(self) -> usize {
        (self.0 & 0x7fff_ffff) as usize
    }

    fn label(self) -> u32 {
        self.0 & 0x8000_00ff
    }

    fn offset(self) -> usize {
        ((self.0 >> 10) << ((self.0 & (1 << 9)) >> 6)) as usize
    }
}

/// Whether the map can be walked with any text.
pub(super) fn check(map: &str) -> Result<(), String> {
    walk(map).ok_or_else(|| "its character map is damaged".into())
}

fn walk(map: &str) -> Option<()> {
    let bytes = from_base64(map)?;
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let trie_bytes = u32::from_le_bytes(*length) as usize / 4 * 4;
    let (units, _) = rest.get(..trie_bytes)?.as_chunks();
    let units: Vec<Unit> = units.iter().map(|unit| Unit(u32::from_le_bytes(*unit))).collect();
    let forms = std::str::from_utf8(rest.get(trie_bytes..)?).ok()?;

    let mut seen = vec![false; units.len()];
    let mut open = vec![units.first()?.offset()];
    while let Some(state) = open.pop() {
        // Zero ends a key, and the crate looks at the unit of any other byte before it knows whether that is a child.
        for byte in 1..=u8::MAX {
            let at = state ^ usize::from(byte);
            let unit = *units.get(at)?;
            if unit.label() != u32::from(byte) || std::mem::replace(seen.get_mut(at)?, true) {
                continue;
            }
            let child = at ^ unit.offset();
            if unit.has_leaf() {
                let form = forms.get(units.get(child)?.value()..)?;
                let end = form.find('\0').unwrap_or(form.len());
                (end <= LONGEST_FORM).then_some(())?;
            }
            open.push(child);
        }
    }
    Some(())
}

/// Standard base64 with its padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0u32, 0);
    for digit in digits.bytes() {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    // What is left over belongs to no byte.
    (held == 0).then_some(bytes)
}
