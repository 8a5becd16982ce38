use super::*;
use crate::ops::*;
use crate::{Builder, NodeId};

/// What a test builds its models with.
pub(crate) struct Toy(pub Builder);

impl Toy {
    pub fn new(input: &[usize]) -> (Self, NodeId) {
        let mut g = Builder::default();
        let x = g.add("x", Input::new(input), &[]).unwrap();
        (Self(g), x)
    }

    pub fn add(&mut self, name: &str, op: impl Into<crate::Op>, inputs: &[NodeId]) -> NodeId {
        self.0.add(name, op, inputs).unwrap()
    }

    pub fn conv(&mut self, name: &str, x: NodeId, outputs: usize) -> NodeId {
        let inputs = self.0.shape(x)[0];
        self.add(name, Conv2d { padding: 1, ..Conv2d::new(inputs, outputs, 3) }, &[x])
    }
}

/// A residual CNN: stem, a block whose branch is added to the stem, depthwise, flatten, linear.
pub(crate) fn cnn() -> Graph {
    let (mut toy, x) = Toy::new(&[1, 4, 4]);
    let stem = toy.conv("stem", x, 4);
    toy.0.block();
    let y = toy.conv("block.conv1", stem, 6);
    let y = toy.add("block.bn", BatchNorm { channels: 6, eps: 1e-5 }, &[y]);
    let y = toy.conv("block.conv2", y, 4);
    let sum = toy.add("block.add", Add, &[stem, y]);
    toy.0.block();
    let y = toy.add("depthwise", Conv2d { groups: 4, outputs: 8, padding: 1, ..Conv2d::new(4, 8, 3) }, &[sum]);
    let y = toy.add("flatten", Flatten, &[y]);
    let y = toy.add("head", Linear::new(8 * 16, 3, true), &[y]);
    toy.0.finish(y)
}

/// A transformer block with four query heads, two key and value heads, rotary positions, and a gated MLP.
pub(crate) fn llama() -> Graph {
    let mut toy = Toy(Builder::default());
    let ids = toy.add("tokens", Input::new(&[5]), &[]);
    let x = toy.add("embed", Embedding { entries: 11, features: 8 }, &[ids]);
    toy.0.block();
    let y = toy.add("layers.0.norm", RmsNorm::new(8, 1e-6), &[x]);
    let q = toy.add("layers.0.attn.q_proj", Linear::new(8, 16, false), &[y]);
    let q = toy.add("layers.0.attn.q_rotary", Rotary::new(4, 4, 1e4, RotaryScaling::None), &[q]);
    let k = toy.add("layers.0.attn.k_proj", Linear::new(8, 8, false), &[y]);
    let k = toy.add("layers.0.attn.k_rotary", Rotary::new(2, 4, 1e4, RotaryScaling::None), &[k]);
    let v = toy.add("layers.0.attn.v_proj", Linear::new(8, 8, false), &[y]);
    let attention = Attention { kv_heads: 2, causal: true, ..Attention::full(4, 4) };
    let y = toy.add("layers.0.attn", attention, &[q, k, v]);
    let y = toy.add("layers.0.attn.o_proj", Linear::new(16, 8, false), &[y]);
    let x = toy.add("layers.0.attn.residual", Add, &[x, y]);
    let y = toy.add("layers.0.mlp.norm", RmsNorm::new(8, 1e-6), &[x]);
    let gate = toy.add("layers.0.mlp.gate", Linear::new(8, 12, false), &[y]);
    let up = toy.add("layers.0.mlp.up", Linear::new(8, 12, false), &[y]);
    let y = toy.add("layers.0.mlp.product", Mul, &[gate, up]);
    let y = toy.add("layers.0.mlp.down", Linear::new(12, 8, false), &[y]);
    let x = toy.add("layers.0.mlp.residual", Add, &[x, y]);
    toy.0.block();
    let y = toy.add("head", Linear::new(8, 11, false), &[x]);
    toy.0.finish(y)
}

fn names(groups: &[Group]) -> Vec<(String, usize)> {
    groups.iter().map(|group| (group.name(), group.units)).collect()
}

fn of(graph: &Graph, name: &str) -> Group {
    let groups = graph.groups();
    let found = groups.iter().find(|group| group.name() == name);
    found.unwrap_or_else(|| panic!("no {name} among {:?}", names(&groups))).clone()
}

#[test]
fn a_residual_network_has_the_groups_of_a_hand_count() {
    let graph = cnn();
    // The only sub-layer cannot go.
    let want = [("channels of stem", 4), ("channels of block.conv1", 6)];
    assert_eq!(names(&graph.groups()), want.map(|(name, units)| (name.to_string(), units)));
    let stem = of(&graph, "channels of stem").describe(&graph, 1);
    let want = "channel 1: rows 1 of stem, block.conv2; input channel 1 of block.conv1; rows 2..3 of depthwise; columns 32..63 of head";
    assert_eq!(stem, want.replacen("rows 1 of", "row 1 of", 1));
    let neck = of(&graph, "channels of block.conv1").describe(&graph, 5);
    assert_eq!(
        neck,
        "channel 5 of block: row 5 of conv1; entry 5 of bn, bn.running_mean, bn.running_var; input channel 5 of conv2"
    );
}

#[test]
fn attention_is_cut_by_heads_groups_and_dimensions() {
    let graph = llama();
    let want = [
        ("neurons of layers.0.mlp.gate", 12),
        ("heads of layers.0.attn", 4),
        ("kv-groups of layers.0.attn", 2),
        ("head-dims of layers.0.attn", 2),
        ("width of embed", 8),
        ("sublayers", 2),
        ("tokens of embed", 11),
    ];
    assert_eq!(names(&graph.groups()), want.map(|(name, units)| (name.to_string(), units)));
    let text = |name: &str, unit| of(&graph, name).describe(&graph, unit);
    assert_eq!(
        text("heads of layers.0.attn", 3),
        "head 3 of layers.0.attn: rows 12..15 of q_proj; columns 12..15 of o_proj"
    );
    assert_eq!(
        text("kv-groups of layers.0.attn", 1),
        "key/value group 1 of layers.0.attn: rows 8..15 of q_proj; rows 4..7 of k_proj, v_proj; columns 8..15 of o_proj"
    );
    // Dimension 1 turns with dimension 3.
    assert_eq!(
        text("head-dims of layers.0.attn", 1),
        "head dimension 1 of layers.0.attn: rows 1, 3, 5, 7, 9, 11, 13, 15 of q_proj; rows 1, 3, 5, 7 of k_proj, v_proj; \
         columns 1, 3, 5, 7, 9, 11, 13, 15 of o_proj"
    );
    assert_eq!(
        text("sublayers", 1),
        "MLP of layers.0.mlp: 296 parameters of layers.0.mlp.norm, layers.0.mlp.gate, layers.0.mlp.up, layers.0.mlp.down"
    );
}

#[test]
fn concat_and_slices_keep_count_of_places() {
    let (mut toy, x) = Toy::new(&[1, 4, 4]);
    let (a, b) = (toy.conv("a", x, 2), toy.conv("b", x, 3));
    let both = toy.add("both", Concat { axis: 0 }, &[a, b]);
    let y = toy.conv("c", both, 6);
    let half = |start| Slice { axis: 0, start, len: 3 };
    let (left, right) = (toy.add("left", half(0), &[y]), toy.add("right", half(3), &[y]));
    let y = toy.add("gated", Mul, &[left, right]);
    let y = toy.conv("d", y, 2);
    let graph = toy.0.finish(y);
    let want = [("channels of a", 2), ("channels of b", 3), ("channels of c", 3)];
    assert_eq!(names(&graph.groups()), want.map(|(name, units)| (name.to_string(), units)));
    assert_eq!(of(&graph, "channels of b").describe(&graph, 1), "channel 1: row 1 of b; input channel 3 of c");
    assert_eq!(of(&graph, "channels of c").describe(&graph, 1), "channel 1: rows 1, 4 of c; input channel 1 of d");
}

#[test]
fn group_norm_and_grouped_convolution_lose_the_same_places_of_each_group() {
    let (mut toy, x) = Toy::new(&[1, 4, 4]);
    let y = toy.conv("a", x, 6);
    let y = toy.add("norm", GroupNorm::new(6, 3, 1e-5), &[y]);
    let y = toy.conv("b", y, 4);
    let y = toy.add("grouped", Conv2d { groups: 2, ..Conv2d::new(4, 6, 1) }, &[y]);
    let y = toy.conv("c", y, 1);
    let graph = toy.0.finish(y);
    let want = [("channels of a", 2), ("channels of b", 2), ("channels of grouped", 3)];
    assert_eq!(names(&graph.groups()), want.map(|(name, units)| (name.to_string(), units)));
    assert_eq!(
        of(&graph, "channels of b").describe(&graph, 1),
        "channel 1: rows 1, 3 of b; input channel 1 of grouped"
    );
}

#[test]
fn illegal_cuts_say_what_is_legal() {
    let graph = llama();
    let heads = of(&graph, "heads of layers.0.attn");
    assert_eq!(heads.legal_counts().collect::<Vec<_>>(), [0, 2]);
    assert_eq!(heads.check(&[0, 3]), Ok(()));
    let said = |units: &[u32]| heads.check(units).unwrap_err().to_string();
    assert!(said(&[0, 1]).ends_with("the nearest that can go are 2, the same number from each"), "{}", said(&[0, 1]));
    assert!(said(&[0, 1, 2, 3]).contains("at least one of 4 units to stay"));
    assert!(said(&[4]).contains("0 to 3; there is no unit 4"));
    assert_eq!([0, 1, 2, 9].map(|wanted| heads.nearest(wanted)), [0, 0, 2, 2]);
}

#[test]
fn gates_stand_before_what_sums() {
    let graph = llama();
    let readers = |name: &str| -> Vec<String> {
        let sites = of(&graph, name).gate_sites(&graph);
        sites.iter().map(|site| graph.node(site.reader).name.clone()).collect()
    };
    assert_eq!(readers("heads of layers.0.attn"), ["layers.0.attn.o_proj"]);
    assert_eq!(readers("neurons of layers.0.mlp.gate"), ["layers.0.mlp.down"]);
    assert_eq!(readers("head-dims of layers.0.attn"), ["layers.0.attn", "layers.0.attn.o_proj"]);
    assert_eq!(readers("width of embed").len(), 8);
}

/// A vocabulary of `entries` tokens whose head answers about `answers` of them, or is tied to the table.
fn vocabulary(entries: usize, answers: Option<usize>) -> Graph {
    let mut toy = Toy(Builder::default());
    let ids = toy.add("tokens", Input::new(&[5]), &[]);
    let table = toy.add("embed", Embedding { entries, features: 8 }, &[ids]);
    let x = toy.add("places", AddPosition::embedding(entries, 8), &[table]);
    let logits = match answers {
        Some(answers) => toy.add("head", Linear::new(8, answers, true), &[x]),
        None => toy.0.tie("head", Linear::new(8, entries, false), &[x], table).unwrap(),
    };
    toy.0.finish(logits)
}

#[test]
fn tokens_are_rows_of_the_table_and_what_the_head_answers_about_them() {
    let text = |graph: &Graph| of(graph, "tokens of embed").describe(graph, 3);
    assert_eq!(text(&vocabulary(11, Some(11))), "token 3: row 3 of embed, head");
    assert_eq!(text(&vocabulary(11, None)), "token 3: row 3 of embed");
    // The classes of another head are no tokens and stay.
    let classes = vocabulary(11, Some(4));
    assert_eq!(text(&classes), "token 3: row 3 of embed");
    let members = |graph: &Graph| of(graph, "tokens of embed").members.len();
    assert_eq!([Some(11), None, Some(4)].map(|answers| members(&vocabulary(11, answers))), [3, 1, 1]);
    let groups = classes.groups();
    let at = groups.iter().position(|group| group.kind == UnitKind::Tokens).unwrap();
    let cut = classes.cut(&groups, &[(at, vec![0, 7])].into(), crate::surgery::Statistics::Kept).unwrap();
    assert_eq!(cut.tokens(&classes), Some(&[1, 2, 3, 4, 5, 6, 8, 9, 10][..]));
    assert_eq!(cut.graph.nodes.last().unwrap().shape, [5, 4]);
}

#[test]
fn images_have_no_tokens() {
    assert_eq!(cnn().token_table(), None);
    assert!(cnn().groups().iter().all(|group| group.kind != UnitKind::Tokens));
}

#[test]
fn needed_tokens_stay_and_the_nearest_other_is_offered() {
    let graph = vocabulary(5, None);
    let needed = [(0, "it is a special token".to_string()), (1, "every text is made of it".to_string())];
    let texts = ["<s>", "a", "\n"].map(String::from).to_vec();
    let with = |needed: &[(u32, String)]| {
        let needed = needed.iter().cloned().collect();
        let known = Vocabulary { texts: texts.clone(), needed, ..Vocabulary::default() };
        graph.groups_with(&known).into_iter().find(|group| group.kind == UnitKind::Tokens)
    };
    let tokens = with(&needed).unwrap();
    assert_eq!(tokens.legal_counts().collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(tokens.describe(&graph, 2), "token 2 ('\\n'): row 2 of embed");
    assert_eq!(tokens.check(&[2, 3, 4]), Ok(()));
    let said = tokens.check(&[4, 0]).unwrap_err().to_string();
    let want = "tokens of embed: token 0 ('<s>') cannot go, because it is a special token; the nearest that can go is token 2 ('\\n')";
    assert_eq!(said, want);
    let all: Vec<_> = (0..5).map(|token| (token, "it must".to_string())).collect();
    assert!(with(&all).is_none(), "nothing can go");
}
