//! The whole model as a map: which matrices stand where, how large, and what they are called.

use secateur_graph::{Graph, ParamId};

/// The matrices of one block of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    pub title: String,
    pub tiles: Vec<Tile>,
}

/// One prunable matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    pub param: u32,
    /// A few words, e.g. "query".
    pub label: String,
    /// As in the checkpoint.
    pub name: String,
    pub rows: usize,
    pub cols: usize,
    /// Size on the map, 1 = the side of the largest square tile. Areas grow with the number of entries.
    pub width: f64,
    pub height: f64,
}

/// Sides of tiles never fall below this part of the largest.
const LEAST_SIDE: f64 = 0.34;

/// Every prunable matrix, grouped by block, in graph order.
pub fn regions(graph: &Graph) -> Vec<Region> {
    let sides: Vec<(usize, usize)> = graph.prunable().map(|id| graph.param(id).matrix()).collect();
    let square = sides.iter().map(|(rows, cols)| ((rows * cols) as f64).sqrt()).fold(1.0, f64::max);
    let mut regions: Vec<(u32, Region)> = Vec::new();
    for id in graph.prunable() {
        let block = graph.node(graph.param(id).node).block;
        let tile = tile(graph, id, square);
        match regions.last_mut().filter(|(last, _)| *last == block) {
            Some((_, region)) => region.tiles.push(tile),
            None => regions.push((block, Region { title: title(&tile.name), tiles: vec![tile] })),
        }
    }
    regions.into_iter().map(|(_, region)| region).collect()
}

fn tile(graph: &Graph, id: ParamId, square: f64) -> Tile {
    let param = graph.param(id);
    let (rows, cols) = param.matrix();
    // Square roots keep a 10:1 matrix recognisable as long without making it a thread.
    let area = ((rows * cols) as f64).sqrt() / square;
    let aspect = (cols.max(1) as f64 / rows.max(1) as f64).powf(0.25);
    let side = |x: f64| x.sqrt().clamp(LEAST_SIDE, 1.5);
    let (width, height) = (side(area) * aspect, side(area) / aspect);
    let name = param.name.clone();
    Tile { param: id.0, label: label(&name), name, rows, cols, width: width.max(0.25), height: height.max(0.25) }
}

/// Words in checkpoint names that tell nothing on a map.
const SILENT: &[&str] =
    &["weight", "dense", "vit", "deit", "model", "encoder", "layer", "layers", "embeddings", "projection"];

fn words(name: &str) -> Vec<&str> {
    name.split(['.', '_']).filter(|word| !SILENT.contains(word) && word.parse::<u32>().is_err()).collect()
}

/// `vit.encoder.layer.0.attention.output.dense.weight` as "attn output".
pub fn label(name: &str) -> String {
    let mut words = words(name);
    words.dedup();
    let telling = match words.as_slice() {
        [.., last @ ("query" | "key" | "value")] => vec![*last],
        [.., a, b] => vec![*a, *b],
        other => other.to_vec(),
    };
    let label = telling.join(" ").replace("attention", "attn");
    if label.is_empty() { name.to_string() } else { label }
}

/// Where a module stands, e.g. "Layer 1, attn"; nothing for the whole model.
pub fn place(name: &str) -> String {
    match name {
        "" => "The whole model".into(),
        name => {
            let (title, label) = (title(name), label(name));
            if title.eq_ignore_ascii_case(&label) { title } else { format!("{title}, {label}") }
        }
    }
}

/// `vit.encoder.layer.0.…` as "Layer 1"; without a number, the first telling word.
fn title(name: &str) -> String {
    match name.split('.').find_map(|word| word.parse::<u32>().ok()) {
        Some(number) => format!("Layer {}", number + 1),
        None if name.contains("embeddings") => "Embeddings".into(),
        None => {
            let word = words(name).first().copied().unwrap_or(name);
            let mut chars = word.chars();
            chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use secateur_graph::Builder;
    use secateur_graph::ops::{Input, Linear};

    use super::*;

    fn graph(layers: &[(&str, usize, usize)]) -> Graph {
        let mut builder = Builder::default();
        let mut x = builder.add("image", Input::new(&[layers[0].1]), &[]).unwrap();
        for &(name, inputs, outputs) in layers {
            builder.block();
            x = builder.add(name, Linear::new(inputs, outputs, true), &[x]).unwrap();
        }
        builder.finish(x)
    }

    #[test]
    fn every_prunable_matrix_has_one_tile() {
        let graph = graph(&[("vit.encoder.layer.0.output.dense", 4, 6), ("classifier", 6, 3)]);
        let regions = regions(&graph);
        let params: Vec<u32> = regions.iter().flat_map(|r| &r.tiles).map(|tile| tile.param).collect();
        assert_eq!(params, graph.prunable().map(|id| id.0).collect::<Vec<_>>());
        assert_eq!(regions.iter().map(|r| r.title.as_str()).collect::<Vec<_>>(), ["Layer 1", "Classifier"]);
        assert_eq!((regions[0].tiles[0].rows, regions[0].tiles[0].cols), (6, 4));
    }

    #[test]
    fn tiles_stay_drawable_whatever_the_shape() {
        for (inputs, outputs) in [(1, 1), (1, 5000), (5000, 1), (64, 64)] {
            for tile in &regions(&graph(&[("a", inputs, outputs), ("b", outputs, 64)]))[0].tiles {
                assert!((0.2..=16.0).contains(&tile.width) && (0.2..=16.0).contains(&tile.height), "{tile:?}");
            }
        }
    }

    #[test]
    fn places_are_short() {
        assert_eq!(place("vit.encoder.layer.0.attention.attention"), "Layer 1, attn");
        assert_eq!(place("vit.encoder.layer.2.intermediate.dense"), "Layer 3, intermediate");
        assert_eq!(place("stem"), "Stem");
        assert_eq!(place(""), "The whole model");
    }

    #[test]
    fn labels_are_the_telling_words() {
        assert_eq!(label("vit.encoder.layer.0.attention.attention.query.weight"), "query");
        assert_eq!(label("vit.encoder.layer.3.attention.output.dense.weight"), "attn output");
        assert_eq!(label("vit.encoder.layer.3.intermediate.dense.weight"), "intermediate");
        assert_eq!(label("vit.embeddings.patch_embeddings.projection.weight"), "patch");
        assert_eq!(label("fc1.weight"), "fc1");
        assert_eq!(label("weight"), "weight");
    }
}
