//! Dependency groups and cuts of every golden's graph, without weights. What the smaller models answer is in the
//! workspace's `tests/`.

use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::surgery::{Removal, Statistics};

use super::goldens::{golden, goldens};

/// The first units of a group, about half of them.
fn half(group: &Group) -> Vec<u32> {
    let each = group.nearest(group.units / 2).max(group.bin_count()) / group.bin_count();
    let place = |unit: u32| (0..unit).filter(|other| group.bin(*other) == group.bin(unit)).count();
    (0..group.units as u32).filter(|unit| place(*unit) < each).collect()
}

/// Every group of every golden can be cut, and what is left has as many parameters as the masks keep.
#[test]
fn every_group_can_be_cut() {
    for name in goldens() {
        let graph = golden(&name).graph;
        let groups = graph.groups();
        for (at, group) in groups.iter().enumerate() {
            let removal = Removal::from([(at, half(group))]);
            let cut = graph.cut(&groups, &removal, Statistics::Kept).unwrap_or_else(|error| panic!("{name}: {error}"));
            let gone = graph.unit_masks(&groups, &removal).unwrap().count_pruned() as u64;
            assert_eq!(cut.graph.params_total(), graph.params_total() - gone, "{name}: {}", group.name());
            // Tokens cost a product in a head only.
            let cheaper = group.values.is_empty() && group.skips.is_empty() || cut.graph.macs() < graph.macs();
            assert!(gone > 0 && cheaper, "{name}: {}", group.name());
        }
    }
}

/// Every kind of unit is found in some model, and the well-known ones where they must be.
#[test]
fn every_kind_is_found() {
    let mut found = std::collections::BTreeSet::new();
    for name in goldens() {
        found.extend(golden(&name).graph.groups().iter().map(|group| group.kind));
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), UnitKind::ALL);
    let named = |name: &str| golden(name).graph.groups().iter().map(Group::name).collect::<Vec<_>>();
    assert!(named("llama").contains(&"kv-groups of model.layers.1.self_attn".to_string()));
    assert!(named("timm-vit").contains(&"heads of blocks.0.attn.attention".to_string()));
    assert!(named("bert-classes").contains(&"width of bert.embeddings.word_embeddings".to_string()));
    assert!(named("mobilenet-v2").contains(&"channels of features.2.conv.0.0".to_string()));
}
