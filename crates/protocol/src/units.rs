//! How fields name single units.

/// `3:0,5;4:1` as (3, [0, 5]) and (4, [1]): groups by their places in the graph's list, and numbers that are said of each.
/// A part that cannot be read comes back as it stands.
pub fn units_by_group(text: &str) -> impl Iterator<Item = Result<(usize, Vec<u32>), &str>> {
    let read = |part: &str| {
        let (group, units) = part.split_once(':')?;
        let units = units.split(',').map(|unit| unit.trim().parse().ok()).collect::<Option<Vec<u32>>>()?;
        Some((group.trim().parse().ok()?, units))
    };
    let parts = text.split(';').filter(|part| !part.trim().is_empty());
    parts.map(move |part| read(part).ok_or(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_one_by_one() {
        let read: Vec<_> = units_by_group(" 3: 0,5; ;4:1;x:2;5;6:-1").collect();
        assert_eq!(read, [Ok((3, vec![0, 5])), Ok((4, vec![1])), Err("x:2"), Err("5"), Err("6:-1")]);
        assert_eq!(units_by_group("").count(), 0);
    }
}
