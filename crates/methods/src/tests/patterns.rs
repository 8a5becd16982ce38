//! What goes, beside a plain sort of the scores.

use secateur_graph::{Mask, MaskError, Param};

use super::world::{World, cutting, recipe, uncompensated};
use crate::parts::allocate::at_most;

/// Without the `k` lowest of each unit, a list of entries; ties go to the lower entry.
fn without_lowest(scores: &[f32], units: impl Iterator<Item = (Vec<usize>, usize)>) -> Mask {
    let mut mask = Mask::full(scores.len());
    for (mut unit, k) in units {
        unit.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        unit[..k].iter().for_each(|at| mask.prune(*at));
    }
    mask
}

/// Runs of `len` entries of each row, those that are cut short left out.
fn runs(param: &Param, len: usize) -> impl Iterator<Item = Vec<usize>> {
    let (rows, cols) = param.matrix();
    let row = move |row: usize| (0..cols / len).map(move |run| (row * cols + run * len..).take(len).collect());
    (0..rows).flat_map(row)
}

/// The entries of each block, in order.
fn blocks(param: &Param, side: usize) -> Vec<Vec<usize>> {
    let (rows, cols) = param.matrix();
    let across = cols.div_ceil(side);
    let mut blocks = vec![Vec::new(); rows.div_ceil(side) * across];
    (0..rows * cols).for_each(|at| blocks[at / cols / side * across + at % cols / side].push(at));
    blocks
}

#[test]
fn what_goes_is_what_sorting_says() {
    for mut world in World::everywhere() {
        for method in cutting() {
            for pattern in ["allocation=global", "allocation=row", "pattern=n:m n=3 m=7"] {
                let plain = uncompensated(&method);
                let wish = recipe(&method, 3, &format!("sparsity=0.6 pattern=unstructured {pattern} {plain}"));
                let outcome = world.run(&wish).unwrap();
                for (id, mask) in outcome.masks.iter() {
                    let (param, scores) = (world.graph.param(id), world.scores(&outcome, id));
                    let cols = param.matrix().1;
                    let want = match pattern {
                        "allocation=global" => {
                            without_lowest(&scores, [((0..scores.len()).collect(), mask.count_pruned())].into_iter())
                        }
                        "allocation=row" => {
                            without_lowest(&scores, runs(param, cols).map(|row| (row, at_most(0.6, cols))))
                        }
                        _ => without_lowest(&scores, runs(param, 7).map(|group| (group, 4))),
                    };
                    assert!(*mask == want, "{method} {pattern}: {} on {:?}", param.name, world.compute.device());
                }
            }
        }
    }
}

#[test]
fn whole_blocks_go_and_the_lowest_sums() {
    for mut world in World::everywhere() {
        for method in cutting() {
            for (sparsity, side) in [(0.0, 16), (0.5, 16), (0.9, 16), (0.5, 32)] {
                let wish = recipe(&method, 3, &format!("sparsity={sparsity} pattern=blocks block={side}"));
                let outcome = world.run(&wish).unwrap();
                let again = world.run(&wish).unwrap();
                assert_eq!(world.told(&outcome), world.told(&again));
                for (id, mask) in outcome.masks.iter() {
                    let (param, scores) = (world.graph.param(id), world.scores(&outcome, id));
                    let blocks = blocks(param, side);
                    let (kept, gone): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| mask.is_kept(block[0]));
                    assert_eq!(gone.len(), at_most(sparsity, blocks.len()), "{method}: {}", param.name);
                    assert!(gone.iter().all(|block| block.iter().all(|at| !mask.is_kept(*at))));
                    assert!(kept.iter().all(|block| block.iter().all(|at| mask.is_kept(*at))));
                    let sum = |block: &&Vec<usize>| block.iter().map(|at| f64::from(scores[*at])).sum::<f64>();
                    let highest_gone = gone.iter().map(sum).fold(0.0, f64::max);
                    assert!(
                        kept.iter().map(sum).all(|kept| kept >= highest_gone * (1.0 - 1e-5)),
                        "{method}: {}",
                        param.name
                    );
                }
            }
        }
    }
}

#[test]
fn of_equal_blocks_the_first_go() {
    for mut world in World::everywhere() {
        let id = world.graph.prunable().max_by_key(|id| world.graph.param(*id).len()).unwrap();
        let param = world.graph.param(id).clone();
        world.params.upload(&world.compute, &world.graph, id, vec![-0.5; param.len()]).unwrap();
        let outcome = world.run(&recipe("magnitude", 0, "pattern=blocks sparsity=0.5")).unwrap();
        let mask = outcome.masks.get(id).unwrap();
        let mut blocks = blocks(&param, 16);
        let k = blocks.len() / 2;
        blocks.sort_by_key(|block| block.len());
        assert!(blocks.iter().enumerate().all(|(rank, block)| mask.is_kept(block[0]) == (rank >= k)));
    }
}

#[test]
fn layers_of_too_few_blocks_are_told() {
    let [mut world, _] = World::all();
    let note = |world: &mut World, wish| world.run(&recipe("magnitude", 0, wish)).unwrap().notes;
    assert_eq!(
        note(&mut world, "pattern=blocks sparsity=0.5"),
        [
            "Blocks of 16 x 16 leave 2384 weights of 10 layers dense: a share of 0.5 is less than one of their blocks (1 in \
          patches.weight)."
        ]
    );
    assert_eq!(note(&mut world, "pattern=blocks sparsity=0"), [""; 0]);
}

/// On a GPU too, where nothing else would look at the scores.
#[test]
fn scores_that_are_no_numbers_are_found_on_the_device() {
    for mut world in World::everywhere() {
        let id = world.graph.prunable().nth(1).unwrap();
        let mut data = vec![1.0; world.graph.param(id).len()];
        data[9] = f32::NAN;
        world.params.upload(&world.compute, &world.graph, id, data).unwrap();
        for pattern in ["sparsity=0", "allocation=lamp", "pattern=n:m", "pattern=blocks"] {
            let error = world.run(&recipe("magnitude", 0, pattern)).unwrap_err();
            let want = format!("{}: {}", world.graph.param(id).name, MaskError::NotANumber { at: 9 });
            assert_eq!(error.to_string(), want, "{pattern}");
        }
    }
}
