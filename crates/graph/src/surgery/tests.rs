use proptest::prelude::*;

use super::*;
use crate::groups::tests::{cnn, llama};

/// A removal of one group's units: of each bin so many, those that come first in a drawn order.
fn some(group: &Group, share: f64, order: &[u32]) -> Vec<u32> {
    let bins = group.bin_count();
    let each = ((group.units / bins) as f64 * share) as usize;
    let mut taken = vec![0; bins];
    let mut units: Vec<u32> = (0..group.units as u32).collect();
    units.sort_by_key(|unit| order[*unit as usize % order.len()]);
    units.retain(|unit| {
        taken[group.bin(*unit)] += 1;
        taken[group.bin(*unit)] <= each
    });
    units
}

fn entries(slices: &Slices, graph: &Graph) -> usize {
    let dims = &graph.param(slices.from).dims;
    slices.kept.iter().zip(dims).map(|(kept, dim)| kept.as_ref().map_or(dim.size, Vec::len)).product()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The smaller graph has as many parameters as the masks keep, of the shapes that its slices have, and can be cut on.
    #[test]
    fn what_is_left_is_what_the_masks_keep(
        which in 0..2_usize, at in 0..8_usize, share in 0.0..0.99_f64, order in prop::collection::vec(any::<u32>(), 8),
    ) {
        let graph = [cnn(), llama()][which].clone();
        let groups = graph.groups();
        let at = at % groups.len();
        let removal = Removal::from([(at, some(&groups[at], share, &order))]);
        let cut = graph.cut(&groups, &removal, Statistics::Kept).unwrap();
        let masks = graph.unit_masks(&groups, &removal).unwrap();
        let zeros: u64 = masks.count_pruned() as u64;
        prop_assert_eq!(cut.graph.params_total(), graph.params_total() - zeros);
        for (param, slices) in cut.graph.params.iter().zip(&cut.params) {
            prop_assert_eq!(param.len(), entries(slices, &graph));
            prop_assert_eq!(&param.name, &graph.param(slices.from).name);
        }
        prop_assert!(cut.graph.macs() <= graph.macs());
        prop_assert_eq!(cut.graph.cut(&cut.graph.groups(), &Removal::new(), Statistics::Kept).unwrap().graph, cut.graph);
    }
}

#[test]
fn nothing_removed_is_the_same_model() {
    for graph in [cnn(), llama()] {
        let cut = graph.cut(&graph.groups(), &Removal::new(), Statistics::Kept).unwrap();
        assert_eq!(cut.graph, graph);
        assert!(cut.params.iter().all(|slices| slices.kept.iter().all(Option::is_none)));
    }
}

#[test]
fn attributes_follow() {
    let graph = llama();
    let groups = graph.groups();
    let cut = |name: &str, units: &[u32]| {
        let at = groups.iter().position(|group| group.name() == name).unwrap();
        graph.cut(&groups, &Removal::from([(at, units.to_vec())]), Statistics::Kept).unwrap().graph
    };
    let op = |graph: &Graph, name: &str| graph.nodes.iter().find(|node| node.name == name).unwrap().op.clone();
    let crate::Op::Attention(attention) = op(&cut("heads of layers.0.attn", &[1, 2]), "layers.0.attn") else {
        panic!()
    };
    assert_eq!((attention.heads, attention.kv_heads, attention.head_dim, attention.scored), (2, 2, 4, None));
    let narrow = cut("head-dims of layers.0.attn", &[0]);
    let crate::Op::Attention(attention) = op(&narrow, "layers.0.attn") else { panic!() };
    assert_eq!((attention.heads, attention.head_dim, attention.scored), (4, 2, Some(4)));
    let crate::Op::Rotary(rotary) = op(&narrow, "layers.0.attn.k_rotary") else { panic!() };
    assert_eq!(rotary.frequencies(), [0.01], "the pair that stays turns as before");
    let crate::Op::RmsNorm(norm) = op(&cut("width of embed", &[0, 7]), "layers.0.norm") else { panic!() };
    assert_eq!((norm.features, norm.over), (6, Some(8)));
    let short = cut("sublayers", &[0]);
    assert!(
        short.find_param("layers.0.attn.q_proj.weight").is_none()
            && short.find_param("layers.0.mlp.up.weight").is_some()
    );
}

#[test]
fn what_does_not_exist_is_refused() {
    let graph = cnn();
    let said = |removal: Removal| graph.cut(&graph.groups(), &removal, Statistics::Kept).unwrap_err().to_string();
    assert_eq!(said(Removal::from([(9, vec![0])])), "there is no group 9, only 2");
    assert!(said(Removal::from([(0, vec![0, 1, 2, 3])])).contains("wanted at least one of 4 units to stay"));
}
