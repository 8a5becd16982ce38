use super::whole;

/// The floors alone are more than may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a floor of {floor} weights in every layer lets at most {room} go, but {k} should; lower the floor or the sparsity"
)]
pub struct Infeasible {
    pub floor: usize,
    pub room: usize,
    pub k: usize,
}

/// Moves a cut away from layers it would take below `floor` kept entries; layers no larger than that stay whole.
/// The others lose proportionally more, the total stays exact.
///
/// The minimum threshold of Gupta et al. (2022), whose rounds of "rescale all shares, cap those over" close in on
/// min(cap, c * share) with the one c that meets the total; this finds that c directly. Layers that lose nothing
/// in `counts` are cut, in proportion to their room, only when all others are at their floor.
pub fn with_floor(counts: &[usize], sizes: &[usize], floor: usize) -> Result<Vec<usize>, Infeasible> {
    let k: usize = counts.iter().sum();
    let room: Vec<usize> = sizes.iter().map(|size| size.saturating_sub(floor)).collect();
    if room.iter().sum::<usize>() < k {
        return Err(Infeasible { floor, room: room.iter().sum(), k });
    }
    // The layer that first runs out of room loses all of it; the others share what is left to cut.
    let pressure = |layer: usize| if counts[layer] == 0 { 0.0 } else { counts[layer] as f64 / room[layer] as f64 };
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|a, b| pressure(*b).total_cmp(&pressure(*a)));
    let (mut left, mut asked) = (k, k);
    let mut targets: Vec<f64> = room.iter().map(|room| *room as f64).collect();
    for (at, &layer) in order.iter().enumerate() {
        let scale = left as f64 / asked as f64;
        if asked == 0 || scale * counts[layer] as f64 <= room[layer] as f64 {
            let free = &order[at..];
            let (wish, all) =
                if asked > 0 { (counts, asked) } else { (&room[..], free.iter().map(|at| room[*at]).sum()) };
            free.iter().for_each(|layer| targets[*layer] = left as f64 * wish[*layer] as f64 / all.max(1) as f64);
            break;
        }
        left -= room[layer];
        asked -= counts[layer];
    }
    Ok(whole(&targets, k))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The authors' rounds (rescale, cap, until the total is met), run until they stand still.
    fn by_rounds(counts: &[usize], sizes: &[usize], floor: f64) -> Vec<f64> {
        let total: f64 = sizes.iter().sum::<usize>() as f64;
        let sparsity = counts.iter().sum::<usize>() as f64 / total;
        let mut shares: Vec<f64> = counts
            .iter()
            .zip(sizes)
            .map(|(count, size)| if (*size as f64) < floor { 0.0 } else { *count as f64 / *size as f64 })
            .collect();
        for _ in 0..10_000 {
            let mean = shares.iter().zip(sizes).map(|(share, size)| share * *size as f64).sum::<f64>() / total;
            for (share, size) in shares.iter_mut().zip(sizes) {
                *share *= sparsity / mean;
                if (1.0 - *share) * (*size as f64) < floor && *size as f64 > floor {
                    *share = 1.0 - floor / *size as f64;
                }
            }
        }
        shares.iter().zip(sizes).map(|(share, size)| share * *size as f64).collect()
    }

    const SIZES: [usize; 5] = [150, 2400, 30_720, 10_080, 840];

    #[test]
    fn ends_where_the_published_rounds_end() {
        for (counts, floor) in [
            ([10, 1000, 30_000, 9_000, 30], 200),
            ([140, 2390, 30_700, 5_000, 800], 400),
            ([0, 2000, 20_000, 10_080, 0], 840),
        ] {
            let got = with_floor(&counts, &SIZES, floor).unwrap();
            let want = by_rounds(&counts, &SIZES, floor as f64);
            assert!(got.iter().zip(&want).all(|(a, b)| (*a as f64 - b).abs() < 1.0), "{got:?} {want:?}");
            assert_eq!(got.iter().sum::<usize>(), counts.iter().sum::<usize>());
        }
    }

    #[test]
    fn a_floor_that_holds_already_changes_nothing() {
        let counts = [10, 1000, 20_000, 9_000, 30];
        assert_eq!(with_floor(&counts, &SIZES, 0).unwrap(), counts);
        assert_eq!(with_floor(&counts, &SIZES, 140).unwrap(), counts);
    }

    #[test]
    fn every_layer_keeps_its_floor() {
        let emptied = [150, 2400, 30_000, 10_000, 0];
        for floor in [1, 100, 150, 151, 300] {
            let got = with_floor(&emptied, &SIZES, floor);
            let Ok(got) = got else { panic!("{floor}: {got:?}") };
            assert_eq!(got.iter().sum::<usize>(), emptied.iter().sum::<usize>());
            assert!(got.iter().zip(SIZES).all(|(count, size)| size - count >= floor.min(size)), "{floor}: {got:?}");
        }
    }

    #[test]
    fn layers_that_lost_nothing_help_out_last() {
        assert_eq!(with_floor(&[100, 0, 0], &[100, 50, 150], 20).unwrap(), [80, 4, 16]);
    }

    #[test]
    fn floors_that_cannot_be_met_are_refused() {
        let wrong = with_floor(&[90, 90], &[100, 100], 20).unwrap_err();
        assert_eq!(wrong, Infeasible { floor: 20, room: 160, k: 180 });
        assert!(with_floor(&[80, 80], &[100, 100], 20).is_ok());
    }
}
