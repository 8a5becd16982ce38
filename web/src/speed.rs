//! What the kernels' times say: which layers there are to time, how their products compare, and what follows.

use secateur_graph::{Graph, Node, Op, Role};
use secateur_protocol::{LARGEST_SIDE, ProductTime, Products, Spread};

use crate::figures;

/// Weights of a layer that is timed, at most: every kernel holds the layer in its own form.
const MOST_WEIGHTS: usize = 1 << 24;
/// No product: a copy of as many bytes as the dense one moves.
const COPY: &str = "copy";

/// All linear layers of one size, or all convolutions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    pub outputs: u32,
    /// Of a convolution: what its window sees of all channels.
    pub inputs: u32,
    /// The side of a convolution's window.
    pub window: Option<u32>,
    pub layers: u32,
    /// Of the whole model's multiplications, 0 to 1.
    pub share: f64,
}

/// The sizes of the layers that can be cut and multiply with a matrix, those with the most multiplications first.
pub fn shapes(graph: &Graph) -> Vec<Shape> {
    let total = graph.macs().max(1) as f64;
    let mut shapes: Vec<Shape> = Vec::new();
    for (node, size) in graph.nodes.iter().filter_map(|node| Some((node, size(graph, node)?))) {
        let share = graph.macs_of(node) as f64 / total;
        match shapes.iter_mut().find(|shape| (shape.outputs, shape.inputs, shape.window) == size) {
            Some(shape) => (shape.layers, shape.share) = (shape.layers + 1, shape.share + share),
            None => {
                let (outputs, inputs, window) = size;
                shapes.push(Shape { outputs, inputs, window, layers: 1, share });
            }
        }
    }
    shapes.sort_by(|a, b| b.share.total_cmp(&a.share));
    shapes
}

/// Outputs, inputs and window of a linear layer or a convolution of one group that is cut and not too large to be timed.
fn size(graph: &Graph, node: &Node) -> Option<(u32, u32, Option<u32>)> {
    let window = match &node.op {
        Op::Linear(_) => None,
        Op::Conv2d(conv) if conv.groups == 1 => Some(u32::try_from(conv.kernel).ok()?),
        _ => return None,
    };
    let weight = graph.param(*node.params.first()?);
    let (outputs, inputs) = weight.matrix();
    let small = outputs.checked_mul(inputs).is_some_and(|weights| weights <= MOST_WEIGHTS);
    let side = |side: usize| u32::try_from(side).ok().filter(|side| (1..=LARGEST_SIDE).contains(side));
    (weight.role == Role::Weight && small).then_some((side(outputs)?, side(inputs)?, window))
}

/// `512 × 128`, `64 × 288 of a 3 × 3 convolution`.
pub fn size_words(outputs: u32, inputs: u32, window: Option<u32>) -> String {
    let convolution = window.map_or_else(String::new, |side| format!(" of a {side} × {side} convolution"));
    format!("{outputs} × {inputs}{convolution}")
}

/// A time beside that of the better dense product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beside {
    /// How many times as fast.
    pub ratio: f64,
    /// The middle halves of two measurements overlap.
    pub noise: bool,
}

impl Beside {
    fn is_faster(&self) -> bool {
        self.ratio > 1.0 && !self.noise
    }

    /// `1.42 ×`, `0.80 ×, slower`, `≈ 1.03 ×`.
    pub fn words(&self) -> String {
        let about = if self.noise { "≈ " } else { "" };
        let slower = if self.ratio < 1.0 && !self.noise { ", slower" } else { "" };
        format!("{about}{} ×{slower}", factor(self.ratio))
    }
}

/// Two decimals, none where they mean nothing.
fn factor(ratio: f64) -> String {
    if ratio < 9.995 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}

/// Compares with the better of the dense products; none when there is none.
pub fn beside(products: &Products, time: &ProductTime) -> Option<Beside> {
    let dense = products.times.iter().filter(|time| is_dense(&time.kernel)).map(|time| time.ms);
    let dense = dense.min_by(|a, b| a.median.total_cmp(&b.median))?;
    let Spread { q1, median, q3 } = time.ms;
    let ratio = dense.median / median.max(f64::MIN_POSITIVE);
    (time.kernel != COPY).then_some(Beside { ratio, noise: ratio != 1.0 && q1 <= dense.q3 && dense.q1 <= q3 })
}

fn is_dense(kernel: &str) -> bool {
    ["burn", "dense"].contains(&kernel)
}

/// What a kernel does, in words.
pub fn words(kernel: &str) -> String {
    match kernel {
        "burn" => "dense, burn's".into(),
        "dense" => "dense, ours".into(),
        COPY => "copy of as many bytes".into(),
        "masked" => "masked in the product".into(),
        "rows" => "single weights".into(),
        _ => match (kernel.strip_prefix("blocks"), kernel.split_once(':')) {
            (Some(side), _) if !side.is_empty() => format!("blocks of {side} × {side}"),
            (_, Some((n, m))) => format!("{n} of every {m}"),
            _ => kernel.into(),
        },
    }
}

/// Times kernel by kernel, in the order in which they came; each from dense to sparse.
pub fn by_kernel(products: &Products) -> Vec<(&str, Vec<&ProductTime>)> {
    let mut kernels: Vec<(&str, Vec<&ProductTime>)> = Vec::new();
    for time in &products.times {
        match kernels.iter_mut().find(|(kernel, _)| *kernel == time.kernel) {
            Some((_, times)) => times.push(time),
            None => kernels.push((&time.kernel, vec![time])),
        }
    }
    kernels.iter_mut().for_each(|(_, times)| times.sort_by(|a, b| b.density.total_cmp(&a.density)));
    kernels
}

/// Up to which density leaving weights out pays, or that it does not.
pub fn sentence(products: &Products) -> String {
    let (mut pays, mut does_not) = (Vec::new(), Vec::new());
    for (kernel, times) in by_kernel(products).iter().filter(|(kernel, _)| !is_dense(kernel) && *kernel != COPY) {
        match paying(products, times) {
            Some(found) => pays.push(format!("{}{found}", words(kernel))),
            None => does_not.push(words(kernel)),
        }
    }
    if pays.is_empty() {
        return match does_not.is_empty() {
            true => "This device has no product that leaves weights out of a layer of this size.".into(),
            false => {
                "Leaving weights out does not pay here: no product of this size is faster than the dense one.".into()
            }
        };
    }
    let exceptions = if does_not.is_empty() { "".into() } else { format!(" It does not: {}.", does_not.join("; ")) };
    let hint = if products.repeats == 1 { " One run of each is no more than a hint." } else { "" };
    format!("Leaving weights out pays here: {}.{exceptions}{hint}", pays.join("; "))
}

/// The most that a kernel may keep and still be faster, there and wherever it keeps less.
fn paying(products: &Products, times: &[&ProductTime]) -> Option<String> {
    let sparsest_first = times.iter().rev().map(|time| (time.density, beside(products, time)));
    let faster = sparsest_first.map_while(|(density, beside)| Some((density, beside.filter(Beside::is_faster)?)));
    let (density, Beside { ratio, .. }) = faster.last()?;
    let density = match times.len() {
        1 => String::new(),
        _ => format!(" with {} kept or less", figures::percent(density, 0)),
    };
    Some(format!("{density} ({} × as fast)", factor(ratio)))
}

#[cfg(test)]
mod tests {
    use secateur_graph::Builder;
    use secateur_graph::ops::{Activation, Conv2d, Embedding, Input, Linear};

    use super::*;

    fn graph() -> Graph {
        let mut g = Builder::default();
        let tokens = g.add("tokens", Input::new(&[5]), &[]).unwrap();
        let table = g.add("table", Embedding { entries: 9, features: 4 }, &[tokens]).unwrap();
        let x = g.add("square", Linear::new(4, 4, true), &[table]).unwrap();
        let x = g.add("up", Linear::new(4, 16, true), &[x]).unwrap();
        let x = g.add("relu", Activation::Relu, &[x]).unwrap();
        let x = g.add("down", Linear::new(16, 4, true), &[x]).unwrap();
        let x = g.add("up again", Linear::new(4, 16, true), &[x]).unwrap();
        let x = g.add("down again", Linear::new(16, 4, true), &[x]).unwrap();
        let large = g.add("large", Linear::new(4, LARGEST_SIDE as usize + 1, false), &[x]).unwrap();
        g.add("also large", Linear::new(LARGEST_SIDE as usize + 1, 1, false), &[large]).unwrap();
        let x = g.tie("head", Linear::new(4, 9, false), &[x], table).unwrap();
        g.finish(x)
    }

    #[test]
    fn equal_layers_are_one_shape_and_the_largest_share_comes_first() {
        let shapes = shapes(&graph());
        let sizes: Vec<_> = shapes.iter().map(|shape| (shape.outputs, shape.inputs, shape.layers)).collect();
        assert_eq!(sizes, [(16, 4, 2), (4, 16, 2), (4, 4, 1)], "no tied head, nothing too large");
        assert_eq!(shapes[0].share, 2.0 * 5.0 * 64.0 / graph().macs() as f64);
        assert!(shapes.is_sorted_by(|a, b| a.share >= b.share));
    }

    #[test]
    fn a_convolution_is_a_product_with_what_its_window_sees() {
        let mut g = Builder::default();
        let x = g.add("picture", Input::new(&[4, 6, 6]), &[]).unwrap();
        let x = g.add("first", Conv2d { padding: 1, ..Conv2d::new(4, 8, 3) }, &[x]).unwrap();
        let x = g.add("groups", Conv2d { groups: 2, ..Conv2d::new(8, 8, 3) }, &[x]).unwrap();
        let x = g.add("last", Conv2d::new(8, 36, 1), &[x]).unwrap();
        let shapes = shapes(&g.finish(x));
        let said: Vec<_> = shapes.iter().map(|shape| size_words(shape.outputs, shape.inputs, shape.window)).collect();
        assert_eq!(said, ["8 × 36 of a 3 × 3 convolution", "36 × 8 of a 1 × 1 convolution"]);
        assert_eq!(size_words(8, 36, None), "8 × 36");
    }

    /// Each time with its quartiles a tenth below and above.
    fn products(times: &[(&str, f64, f64)]) -> Products {
        let time = |&(kernel, density, median): &(&str, f64, f64)| {
            let ms = Spread { q1: median * 0.9, median, q3: median * 1.1 };
            ProductTime { kernel: kernel.into(), density, ms }
        };
        let times = times.iter().map(time).collect();
        Products { samples: 64, inputs: 4, outputs: 16, window: None, repeats: 9, device: String::new(), times }
    }

    #[test]
    fn the_better_dense_product_is_the_measure() {
        let products = products(&[("burn", 1.0, 10.0), ("copy", 1.0, 1.0), ("dense", 1.0, 6.0), ("rows", 0.5, 12.0)]);
        let said: Vec<_> =
            products.times.iter().map(|time| beside(&products, time).map(|beside| beside.words())).collect();
        assert_eq!(said, [Some("0.60 ×, slower".into()), None, Some("1.00 ×".into()), Some("0.50 ×, slower".into())]);
    }

    #[test]
    fn the_sentence_names_the_most_that_may_be_kept() {
        let dense = ("dense", 1.0, 10.0);
        let said = |times: &[(&str, f64, f64)]| sentence(&products(&[&[dense], times].concat()));
        let blocks = [("blocks16", 1.0, 11.0), ("blocks16", 0.5, 5.0), ("blocks16", 0.1, 1.0)];
        assert_eq!(
            said(&blocks),
            "Leaving weights out pays here: blocks of 16 × 16 with 50\u{202f}% kept or less (2.00 × as fast)."
        );
        let both = said(&[("2:4", 0.5, 5.0), ("masked", 0.5, 9.9), ("masked", 0.1, 9.9)]);
        let words = "pays here: 2 of every 4 (2.00 × as fast). It does not: masked in the product.";
        assert!(both.ends_with(words), "{both}");
        let gap = said(&[("rows", 0.5, 5.0), ("rows", 0.25, 20.0), ("rows", 0.1, 2.0)]);
        assert!(
            gap.contains("with 10\u{202f}% kept or less (5.00"),
            "a lucky measurement above a slow one does not count: {gap}"
        );
        let once = Products { repeats: 1, ..products(&[dense, ("2:4", 0.5, 5.0)]) };
        assert!(sentence(&once).ends_with("a hint."));
        assert!(said(&[("rows", 0.1, 9.5)]).contains("does not pay"), "within the noise");
        assert!(said(&[("copy", 1.0, 0.1)]).contains("no product that leaves weights out"));
    }

    #[test]
    fn kernels_that_are_not_known_keep_their_names() {
        let said = ["blocks32", "blocks", "1:4", "rows", "winograd"].map(words);
        assert_eq!(said, ["blocks of 32 × 32", "blocks", "1 of every 4", "single weights", "winograd"]);
    }
}
