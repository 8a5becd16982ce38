//! Every operation: shape rule, parameters, cost, and what it says about inputs that do not fit.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{Builder, Op, Shape};

/// An operation on inputs that fit.
struct Case {
    op: Op,
    inputs: Vec<Shape>,
    shape: Shape,
    /// Entries of all its parameters.
    entries: usize,
    macs: u64,
}

fn case<const N: usize, const M: usize>(
    op: impl Into<Op>,
    inputs: [&[usize]; N],
    shape: [usize; M],
    entries: usize,
    macs: u64,
) -> Case {
    Case { op: op.into(), inputs: inputs.map(<[usize]>::to_vec).into(), shape: shape.into(), entries, macs }
}

fn conv(padding: usize, stride: usize) -> Conv2d {
    Conv2d { inputs: 3, outputs: 8, kernel: 5, stride, padding, bias: true }
}

fn cases() -> Vec<Case> {
    let attention = Attention { heads: 2, head_dim: 4 };
    vec![
        case(Input { shape: vec![3, 32, 32] }, [], [3, 32, 32], 0, 0),
        case(Linear { inputs: 6, outputs: 10, bias: true }, [&[6]], [10], 70, 60),
        case(Linear { inputs: 6, outputs: 10, bias: false }, [&[5, 6]], [5, 10], 60, 300),
        case(conv(0, 1), [&[3, 9, 7]], [8, 5, 3], 608, 8 * 5 * 3 * 75),
        case(conv(2, 1), [&[3, 9, 7]], [8, 9, 7], 608, 8 * 9 * 7 * 75),
        case(conv(0, 5), [&[3, 11, 14]], [8, 2, 2], 608, 8 * 2 * 2 * 75),
        case(LayerNorm { features: 6, eps: 1e-6 }, [&[5, 6]], [5, 6], 12, 0),
        case(attention.clone(), [&[5, 8], &[5, 8], &[5, 8]], [5, 8], 0, 2 * 5 * 5 * 8),
        case(attention, [&[1, 8], &[5, 8], &[5, 8]], [1, 8], 0, 2 * 5 * 8),
        case(Activation::Relu, [&[5, 6]], [5, 6], 0, 0),
        case(Activation::Gelu, [&[7]], [7], 0, 0),
        case(Add, [&[5, 6], &[5, 6]], [5, 6], 0, 0),
        case(MaxPool2d { kernel: 2 }, [&[3, 9, 7]], [3, 4, 3], 0, 0),
        case(Flatten, [&[3, 4, 5]], [60], 0, 0),
        case(ToTokens, [&[8, 4, 5]], [20, 8], 0, 0),
        case(PrependToken { features: 8 }, [&[20, 8]], [21, 8], 8, 0),
        case(AddPosition { tokens: 21, features: 8 }, [&[21, 8]], [21, 8], 168, 0),
        case(SelectToken { index: 20 }, [&[21, 8]], [8], 0, 0),
    ]
}

#[test]
fn the_cases_name_every_operation() {
    let tried: BTreeSet<_> = cases().iter().map(|case| case.op.name()).collect();
    assert_eq!(tried, Op::NAMES.iter().copied().collect());
}

#[test]
fn shapes_parameters_and_cost() {
    for Case { op, inputs, shape, entries, macs } in cases() {
        let inputs: Vec<&Shape> = inputs.iter().collect();
        assert_eq!(op.rule().infer(&inputs), Ok(shape.clone()), "{op:?}");
        let sizes = |spec: crate::ParamSpec| spec.dims.iter().map(|dim| dim.size).product::<usize>();
        assert_eq!(op.rule().params().into_iter().map(sizes).sum::<usize>(), entries, "{op:?}");
        assert_eq!(op.rule().macs(&inputs, &shape), macs, "{op:?}");
    }
}

/// One input more than fits is refused by all; a missing one too, where there is one to miss.
#[test]
fn the_number_of_inputs_is_checked() {
    for Case { op, inputs, .. } in cases() {
        let extra = vec![2];
        let more: Vec<&Shape> = inputs.iter().chain([&extra]).collect();
        assert!(op.rule().infer(&more).is_err(), "{op:?} takes {more:?}");
        if let Some((_, fewer)) = more[..inputs.len()].split_last() {
            assert!(op.rule().infer(fewer).is_err(), "{op:?} takes {fewer:?}");
        }
    }
}

#[test]
fn misfits_are_sentences() {
    let said = |op: Op, inputs: &[&[usize]]| {
        let mut g = Builder::default();
        let add = |g: &mut Builder, shape: &&[usize]| g.add("x", Input { shape: shape.to_vec() }, &[]).unwrap();
        let ids: Vec<_> = inputs.iter().map(|shape| add(&mut g, shape)).collect();
        g.add("here", op, &ids).unwrap_err().to_string()
    };
    let attention = Attention { heads: 2, head_dim: 4 };
    let linear = Linear { inputs: 6, outputs: 10, bias: true };
    let cases: [(Op, &[&[usize]], &str); 14] = [
        (Input { shape: vec![3] }.into(), &[&[4]], "Input at here: wanted no inputs, got [[4]]"),
        (linear.into(), &[&[6, 5]], "Linear at here: wanted one input with 6 features last, got [[6, 5]]"),
        (
            conv(0, 1).into(),
            &[&[3, 4, 9]],
            "wanted [3, height, width] of at least the kernel's 5 each way, got [[3, 4, 9]]",
        ),
        (conv(0, 1).into(), &[&[1, 9, 9]], "got [[1, 9, 9]]"),
        (conv(0, 0).into(), &[&[3, 9, 9]], "Conv2d at here: wanted a kernel and a stride of at least 1, got 5 and 0"),
        (
            LayerNorm { features: 6, eps: 0.0 }.into(),
            &[&[5]],
            "LayerNorm at here: wanted one input with 6 features last",
        ),
        (
            attention.into(),
            &[&[5, 8], &[5, 8], &[4, 8]],
            "Attention at here: wanted queries, keys and values of [tokens, 8]",
        ),
        (Activation::Relu.into(), &[], "Activation at here: wanted one input, got []"),
        (Add.into(), &[&[5, 6], &[6, 5]], "Add at here: wanted two inputs of one shape, got [[5, 6], [6, 5]]"),
        (
            MaxPool2d { kernel: 4 }.into(),
            &[&[3, 3, 9]],
            "MaxPool2d at here: wanted [channels, height, width] of at least 4",
        ),
        (ToTokens.into(), &[&[3, 4]], "ToTokens at here: wanted [channels, height, width], got [[3, 4]]"),
        (PrependToken { features: 8 }.into(), &[&[5, 7]], "PrependToken at here: wanted [tokens, 8], got [[5, 7]]"),
        (AddPosition { tokens: 5, features: 8 }.into(), &[&[4, 8]], "AddPosition at here: wanted [5, 8], got [[4, 8]]"),
        (
            SelectToken { index: 5 }.into(),
            &[&[5, 8]],
            "SelectToken at here: wanted [tokens, features] with more than 5 tokens",
        ),
    ];
    for (op, inputs, sentence) in cases {
        let said = said(op, inputs);
        assert!(said.contains(sentence), "{said}");
    }
}

#[test]
fn titles_are_short_and_differ() {
    let titles: Vec<String> = cases().iter().map(|case| case.op.rule().title()).collect();
    assert!(titles.iter().all(|title| (1..30).contains(&title.chars().count())), "{titles:?}");
    assert!(titles.iter().any(|title| title == "Conv 5×5 3 → 8"), "{titles:?}");
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..6_usize, 1 => Just(1 << 31), 1 => Just(usize::MAX)]
}

/// Any operation with any attributes.
fn op() -> impl Strategy<Value = Op> {
    (0..Op::NAMES.len(), prop::collection::vec(size(), 5), any::<bool>()).prop_map(|(which, s, bias)| match which {
        0 => Input { shape: s }.into(),
        1 => Linear { inputs: s[0], outputs: s[1], bias }.into(),
        2 => Conv2d { inputs: s[0], outputs: s[1], kernel: s[2], stride: s[3], padding: s[4], bias }.into(),
        3 => LayerNorm { features: s[0], eps: 1e-6 }.into(),
        4 => Attention { heads: s[0], head_dim: s[1] }.into(),
        5 => Activation::Gelu.into(),
        6 => Add.into(),
        7 => MaxPool2d { kernel: s[0] }.into(),
        8 => Flatten.into(),
        9 => ToTokens.into(),
        10 => PrependToken { features: s[0] }.into(),
        11 => AddPosition { tokens: s[0], features: s[1] }.into(),
        _ => SelectToken { index: s[0] }.into(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 5000, ..ProptestConfig::default() })]

    #[test]
    fn no_size_makes_it_panic(op in op(), inputs in prop::collection::vec(prop::collection::vec(size(), 0..4), 0..4)) {
        let inputs: Vec<&Shape> = inputs.iter().collect();
        if let Ok(shape) = op.rule().infer(&inputs) {
            op.rule().macs(&inputs, &shape);
        }
        op.rule().params();
        prop_assert!(!op.rule().title().is_empty());
    }
}
