use secateur_graph::{Graph, Mask, Masks};

/// Names the masks of a model: FNV-1a over their words, parameter by parameter in graph order.
pub fn masks_digest(graph: &Graph, masks: &Masks) -> String {
    let mut bytes = Vec::new();
    for id in graph.prunable() {
        let full = Mask::full(graph.param(id).len());
        bytes.extend(masks.get(id).unwrap_or(&full).words().iter().flat_map(|word| word.to_le_bytes()));
    }
    format!("{:016x}", fnv1a(&bytes))
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): a short stable name for a text. Not for secrets.
pub const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::fnv1a;

    #[test]
    fn agrees_with_the_published_vectors() {
        assert_eq!(fnv1a(b""), 0xcbf29ce484222325);
        assert_eq!(fnv1a(b"a"), 0xaf63dc4c8601ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x85944171f73967e8);
    }
}
