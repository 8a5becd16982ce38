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
    Conv2d { inputs: 3, outputs: 8, kernel: 5, stride, padding, groups: 1, bias: true }
}

fn cases() -> Vec<Case> {
    let attention = Attention::full(2, 4);
    let shared = Attention { kv_heads: 1, causal: true, ..attention.clone() };
    let rotary = Rotary::new(2, 4, 1e4, RotaryScaling::None);
    let gru = Recurrent { cell: Cell::Gru, inputs: 3, hidden: 4, bias: true, layer: 0, reverse: false };
    vec![
        case(Input::new(&[3, 32, 32]), [], [3, 32, 32], 0, 0),
        case(Linear::new(6, 10, true), [&[6]], [10], 70, 60),
        case(Linear::new(6, 10, false), [&[5, 6]], [5, 10], 60, 300),
        case(conv(0, 1), [&[3, 9, 7]], [8, 5, 3], 608, 8 * 5 * 3 * 75),
        case(conv(2, 1), [&[3, 9, 7]], [8, 9, 7], 608, 8 * 9 * 7 * 75),
        case(conv(0, 5), [&[3, 11, 14]], [8, 2, 2], 608, 8 * 2 * 2 * 75),
        case(Conv2d { groups: 4, ..Conv2d::new(4, 8, 3) }, [&[4, 3, 3]], [8, 1, 1], 8 * 9 + 8, 8 * 9),
        case(Embedding { entries: 9, features: 6 }, [&[5]], [5, 6], 54, 0),
        case(Embedding { entries: 9, features: 6 }, [&[]], [6], 54, 0),
        case(LayerNorm::new(6, 1e-6), [&[5, 6]], [5, 6], 12, 0),
        case(LayerNorm { learned: false, ..LayerNorm::new(6, 1e-6) }, [&[5, 6]], [5, 6], 0, 0),
        case(RmsNorm::new(6, 1e-6), [&[5, 12]], [5, 12], 6, 0),
        case(GroupNorm::new(6, 3, 1e-5), [&[6, 4, 4]], [6, 4, 4], 12, 0),
        case(BatchNorm { channels: 6, eps: 1e-5 }, [&[6, 4, 4]], [6, 4, 4], 24, 0),
        case(attention.clone(), [&[5, 8], &[5, 8], &[5, 8]], [5, 8], 0, 2 * 5 * 5 * 8),
        case(attention, [&[1, 8], &[5, 8], &[5, 8]], [1, 8], 0, 2 * 5 * 8),
        case(shared, [&[5, 8], &[5, 4], &[5, 4]], [5, 8], 0, 2 * 5 * 5 * 8),
        case(rotary, [&[5, 8]], [5, 8], 0, 0),
        case(gru, [&[5, 3]], [5, 4], 12 * 3 + 12 * 4 + 24, 5 * 12 * 7),
        case(Activation::Relu, [&[5, 6]], [5, 6], 0, 0),
        case(Activation::Gelu, [&[7]], [7], 0, 0),
        case(Add, [&[5, 6], &[5, 6]], [5, 6], 0, 0),
        case(Add, [&[6, 4, 4], &[6]], [6, 4, 4], 0, 0),
        case(Mul, [&[5, 6], &[6]], [5, 6], 0, 0),
        case(Affine { scale: 0.5, shift: 1.0 }, [&[5, 6]], [5, 6], 0, 0),
        case(Bias { features: 6 }, [&[5, 6]], [5, 6], 6, 0),
        case(LayerScale { features: 6 }, [&[5, 6]], [5, 6], 6, 0),
        case(AddPosition::parameter(21, 8), [&[21, 8]], [21, 8], 168, 0),
        case(AddPosition { first: 2, ..AddPosition::embedding(21, 8) }, [&[19, 8]], [19, 8], 168, 0),
        case(Timestep { features: 8, cosines_first: true, shift: 0.0 }, [&[]], [8], 0, 0),
        case(Concat { axis: 0 }, [&[3, 4, 4], &[5, 4, 4]], [8, 4, 4], 0, 0),
        case(SinePositions { height: 4, width: 5, features: 8 }, [&[20, 8]], [20, 8], 0, 0),
        case(Slice { axis: 1, start: 2, len: 3 }, [&[5, 6]], [5, 3], 0, 0),
        case(Pad2d { before: 0, after: 1 }, [&[3, 4, 6]], [3, 5, 7], 0, 0),
        case(PadChannels { before: 1, after: 2 }, [&[3, 4, 6]], [6, 4, 6], 0, 0),
        case(MaxPool2d::tiled(2), [&[3, 9, 7]], [3, 4, 3], 0, 0),
        case(MaxPool2d { kernel: 3, stride: 2, padding: 1 }, [&[3, 8, 7]], [3, 4, 4], 0, 0),
        case(AvgPool2d { kernel: 2 }, [&[3, 9, 7]], [3, 4, 3], 0, 0),
        case(MeanPlaces, [&[3, 9, 7]], [3], 0, 0),
        case(MeanTokens { from: 1 }, [&[5, 6]], [6], 0, 0),
        case(Upsample { factor: 2 }, [&[3, 4, 5]], [3, 8, 10], 0, 0),
        case(Flatten, [&[3, 4, 5]], [60], 0, 0),
        case(ToTokens, [&[8, 4, 5]], [20, 8], 0, 0),
        case(ToPlaces { height: 4, width: 5 }, [&[20, 8]], [8, 4, 5], 0, 0),
        case(Unpatch { height: 4, width: 5, patch: 2, channels: 3 }, [&[20, 12]], [3, 8, 10], 0, 0),
        case(PrependToken::one(8), [&[20, 8]], [21, 8], 8, 0),
        case(PrependToken { flat: true, ..PrependToken::one(8) }, [&[20, 8]], [21, 8], 8, 0),
        case(PrependToken { tokens: 4, ..PrependToken::one(8) }, [&[20, 8]], [24, 8], 32, 0),
        case(SelectToken { index: 20 }, [&[21, 8]], [8], 0, 0),
        case(LastToken, [&[21, 8]], [8], 0, 0),
        case(SelectHighest, [&[21, 8], &[21]], [8], 0, 0),
        case(Normalize, [&[8]], [8], 0, 0),
        case(Loose { shape: vec![2, 3, 4, 5, 6] }, [], [], 720, 0),
        case(Loose { shape: vec![] }, [], [], 1, 0),
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
        let add = |g: &mut Builder, shape: &&[usize]| g.add("x", Input::new(shape), &[]).unwrap();
        let ids: Vec<_> = inputs.iter().map(|shape| add(&mut g, shape)).collect();
        g.add("here", op, &ids).unwrap_err().to_string()
    };
    let attention = Attention::full(2, 4);
    let linear = Linear::new(6, 10, true);
    let cases: [(Op, &[&[usize]], &str); 14] = [
        (Input::new(&[3]).into(), &[&[4]], "Input at here: wanted no inputs, got [[4]]"),
        (linear.into(), &[&[6, 5]], "Linear at here: wanted one input with 6 features last, got [[6, 5]]"),
        (
            conv(0, 1).into(),
            &[&[3, 4, 9]],
            "wanted [3, height, width] of at least the kernel's 5 each way, got [[3, 4, 9]]",
        ),
        (conv(0, 1).into(), &[&[1, 9, 9]], "got [[1, 9, 9]]"),
        (conv(0, 0).into(), &[&[3, 9, 9]], "Conv2d at here: wanted a kernel and a stride of at least 1, got 5 and 0"),
        (LayerNorm::new(6, 0.0).into(), &[&[5]], "LayerNorm at here: wanted one input with 6 features last"),
        (
            attention.into(),
            &[&[5, 8], &[5, 8], &[4, 8]],
            "Attention at here: wanted queries of [tokens, 8], keys and values of [tokens, 8]",
        ),
        (Activation::Relu.into(), &[], "Activation at here: wanted one input, got []"),
        (
            Add.into(),
            &[&[5, 6], &[6, 5]],
            "Add at here: wanted two inputs of one shape, or the second a vector of features",
        ),
        (
            MaxPool2d::tiled(4).into(),
            &[&[3, 3, 9]],
            "MaxPool2d at here: wanted [channels, height, width] of at least 4",
        ),
        (ToTokens.into(), &[&[3, 4]], "ToTokens at here: wanted [channels, height, width], got [[3, 4]]"),
        (PrependToken::one(8).into(), &[&[5, 7]], "PrependToken at here: wanted [tokens, 8], got [[5, 7]]"),
        (
            AddPosition::parameter(5, 8).into(),
            &[&[4, 8]],
            "AddPosition at here: wanted [tokens, 8] of 5 tokens, got [[4, 8]]",
        ),
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
    assert!(titles.iter().all(|title| (1..60).contains(&title.chars().count())), "{titles:?}");
    assert!(titles.iter().any(|title| title == "Conv 5×5 3 → 8"), "{titles:?}");
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..6_usize, 1 => Just(1 << 31), 1 => Just(usize::MAX)]
}

/// Any operation with any attributes.
fn op() -> impl Strategy<Value = Op> {
    (0..Op::NAMES.len(), prop::collection::vec(size(), 6), any::<bool>())
        .prop_map(|(which, s, flag)| any_op(Op::NAMES[which], &s, flag))
}

fn any_op(name: &str, s: &[usize], flag: bool) -> Op {
    let (eps, base, scaling) = (1e-6, 1e4, RotaryScaling::None);
    match name {
        "Input" => Input::new(s).into(),
        "Linear" => Linear::new(s[0], s[1], flag).into(),
        "Conv2d" => {
            let [inputs, outputs, kernel, stride, padding, groups] = s else { unreachable!() };
            let (&inputs, &outputs, &kernel) = (inputs, outputs, kernel);
            Conv2d { inputs, outputs, kernel, stride: *stride, padding: *padding, groups: *groups, bias: flag }.into()
        }
        "Embedding" => Embedding { entries: s[0], features: s[1] }.into(),
        "LayerNorm" => LayerNorm::new(s[0], eps).into(),
        "RmsNorm" => RmsNorm::new(s[0], eps).into(),
        "GroupNorm" => GroupNorm::new(s[0], s[1], eps).into(),
        "BatchNorm" => BatchNorm { channels: s[0], eps }.into(),
        "Attention" => Attention { kv_heads: s[1], causal: flag, ..Attention::full(s[0], s[2]) }.into(),
        "Rotary" => Rotary::new(s[0], s[1], base, scaling).into(),
        "Recurrent" => {
            let cell = if flag { Cell::Lstm } else { Cell::Tanh };
            Recurrent { cell, inputs: s[0], hidden: s[1], bias: flag, layer: s[2], reverse: !flag }.into()
        }
        "Activation" => Activation::Gelu.into(),
        "Add" => Add.into(),
        "Mul" => Mul.into(),
        "Affine" => Affine { scale: 2.0, shift: 0.0 }.into(),
        "Bias" => Bias { features: s[0] }.into(),
        "LayerScale" => LayerScale { features: s[0] }.into(),
        "AddPosition" => {
            let stored = if flag { PositionTable::Parameter } else { PositionTable::Embedding };
            AddPosition { entries: s[0], features: s[1], first: s[2], stored }.into()
        }
        "Timestep" => Timestep { features: s[0], cosines_first: flag, shift: 1.0 }.into(),
        "Concat" => Concat { axis: s[0] }.into(),
        "SinePositions" => SinePositions { height: s[0], width: s[1], features: s[2] }.into(),
        "Slice" => Slice { axis: s[0], start: s[1], len: s[2] }.into(),
        "Pad2d" => Pad2d { before: s[0], after: s[1] }.into(),
        "PadChannels" => PadChannels { before: s[0], after: s[1] }.into(),
        "MaxPool2d" => MaxPool2d { kernel: s[0], stride: s[1], padding: s[2] }.into(),
        "AvgPool2d" => AvgPool2d { kernel: s[0] }.into(),
        "MeanPlaces" => MeanPlaces.into(),
        "MeanTokens" => MeanTokens { from: s[0] }.into(),
        "Upsample" => Upsample { factor: s[0] }.into(),
        "Flatten" => Flatten.into(),
        "ToTokens" => ToTokens.into(),
        "ToPlaces" => ToPlaces { height: s[0], width: s[1] }.into(),
        "Unpatch" => Unpatch { height: s[0], width: s[1], patch: s[2], channels: s[3] }.into(),
        "PrependToken" => PrependToken { tokens: s[0], features: s[1], flat: flag }.into(),
        "SelectToken" => SelectToken { index: s[0] }.into(),
        "LastToken" => LastToken.into(),
        "SelectHighest" => SelectHighest.into(),
        "Normalize" => Normalize.into(),
        "Loose" => Loose { shape: s.to_vec() }.into(),
        other => unreachable!("{other} is not tried here"),
    }
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
