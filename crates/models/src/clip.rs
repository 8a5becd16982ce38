//! CLIP (Radford et al., 2021) as Hugging Face stores it: both towers, or one of them with or without its projection
//! into the common space.

mod read;

use secateur_graph::ops::{
    AddPosition, Embedding, Input, Linear, Normalize, PrependToken, SelectHighest, SelectToken,
};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::model::{Plan, Task};
use crate::settings::activation_word;
use crate::source::Source;
use crate::vit::{Layer, Patches};
use crate::{Family, Filter, InputSpec, ModelError, Tensors};

/// OpenAI's, with which all of them are trained.
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// A text input's nominal length, if the model takes more.
const LONGEST: usize = 1024;

pub struct Clip;

impl Family for Clip {
    fn id(&self) -> &'static str {
        "clip"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["clip", "clip_text_model", "clip_vision_model"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        tensors.names().any(|name| name.ends_with("embeddings.class_embedding"))
            || tensors.names().any(|name| name.ends_with("embeddings.token_embedding.weight"))
    }

    fn unused(&self, name: &str) -> bool {
        name == "logit_scale" || name.ends_with("embeddings.position_ids")
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        let mut assumed = Vec::new();
        let towers = Towers::read(source, &mut assumed)?;
        Ok(Plan {
            graph: towers.graph()?,
            task: match (&towers.vision, &towers.text) {
                (Some(_), Some(_)) => Task::TwoTowers,
                (Some(_), None) => Task::ImageFeatures,
                (None, _) => Task::TextFeatures,
            },
            pictures: towers.vision.as_ref().map(Vision::pictures),
            config: towers.config(),
            title: towers.title(),
            labels: Vec::new(),
            assumed,
        })
    }
}

/// Everything about a CLIP but its weights; there is at least one tower.
struct Towers {
    vision: Option<Vision>,
    text: Option<Text>,
}

struct Vision {
    /// What its names start with: `vision_model.` or nothing.
    prefix: &'static str,
    patches: Patches,
    layers: usize,
    layer: Layer,
    /// Features of the common space, if the tower is projected into it.
    projection: Option<usize>,
}

struct Text {
    /// What its names start with: `text_model.` or nothing.
    prefix: &'static str,
    vocabulary: usize,
    /// Most tokens.
    context: usize,
    /// The token that ends a text; 2 stands for the highest, as in old configurations.
    end: usize,
    layers: usize,
    layer: Layer,
    projection: Option<usize>,
}

/// A tower's answers.
struct Answers {
    hidden: NodeId,
    pooled: NodeId,
    projected: Option<NodeId>,
}

impl Towers {
    fn graph(&self) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let vision = self.vision.as_ref().map(|vision| vision.add(&mut g)).transpose()?;
        let text = self.text.as_ref().map(|text| text.add(&mut g)).transpose()?;
        let outputs = match (vision, text) {
            (Some(Answers { projected: Some(image), .. }), Some(Answers { projected: Some(text), .. })) => {
                let image = g.add("image_embeds", Normalize, &[image])?;
                let text = g.add("text_embeds", Normalize, &[text])?;
                vec![("image_embeds", image), ("text_embeds", text)]
            }
            (vision, text) => {
                let one = |tower: Option<Answers>, projected| tower.map(|tower| tower.outputs(projected));
                let towers = [one(vision, "image_embeds"), one(text, "text_embeds")];
                towers.into_iter().flatten().flatten().collect()
            }
        };
        Ok(g.finish_with(&outputs))
    }

    fn title(&self) -> String {
        let vision = self.vision.as_ref().map(|Vision { patches, layers, layer, .. }| {
            format!("vision tower with {}", patches.title(*layers, layer))
        });
        let text = self.text.as_ref().map(|Text { vocabulary, context, layers, layer, .. }| {
            let (Layer { heads, features, .. }, vocabulary) = (layer, grouped(*vocabulary as u64));
            let tokens = format!("{context} tokens of {vocabulary}");
            format!("text tower with {layers} layers of {heads} heads, {features} features, {tokens}")
        });
        let towers: Vec<String> = [vision, text].into_iter().flatten().collect();
        format!("CLIP's {}", towers.join(" and "))
    }

    /// As Hugging Face writes it.
    fn config(&self) -> Map<String, Value> {
        let config = match (&self.vision, &self.text) {
            (Some(vision), Some(text)) => json!({
                "architectures": ["CLIPModel"],
                "model_type": "clip",
                "projection_dim": vision.projection,
                "vision_config": vision.config(),
                "text_config": text.config(),
            }),
            (Some(vision), None) => vision.config(),
            (None, text) => text.as_ref().map_or(Value::Null, Text::config),
        };
        config.as_object().cloned().unwrap_or_default()
    }
}

impl Answers {
    fn outputs(self, projected: &'static str) -> Vec<(&'static str, NodeId)> {
        let also = self.projected.map(|node| (projected, node));
        [("hidden", self.hidden), ("embedding", self.pooled)].into_iter().chain(also).collect()
    }
}

impl Vision {
    fn pictures(&self) -> InputSpec {
        let Patches { channels, height, width, .. } = self.patches;
        let scaled = InputSpec { filter: Filter::Bicubic, ..InputSpec::new(channels, height, width).cut(1.0) };
        if channels == 3 { InputSpec { mean: MEAN.into(), std: STD.into(), ..scaled } } else { scaled }
    }

    /// image [channels, height, width] -> hidden [tokens, features] and the class token, normalised
    fn add(&self, g: &mut Builder) -> Result<Answers, GraphError> {
        let features = self.layer.features;
        let name = |part: &str| format!("{}{part}", self.prefix);
        let x = self.patches.add(g, &name("embeddings.patch_embedding"))?;
        let class = PrependToken { flat: true, ..PrependToken::one(features) };
        let x = g.add(&name("embeddings.class_embedding"), class, &[x])?;
        let positions = AddPosition::embedding(g.shape(x)[0], features);
        let x = g.add(&name("embeddings.position_embedding"), positions, &[x])?;
        let x = g.add(&name("pre_layrnorm"), self.layer.norm(), &[x])?;
        let hidden = self.layer.stack(g, &name("encoder.layers."), self.layers, x)?;
        let x = g.add(&name("class_token"), SelectToken { index: 0 }, &[hidden])?;
        let pooled = g.add(&name("post_layernorm"), self.layer.norm(), &[x])?;
        let projected = project(g, "visual_projection", features, self.projection, pooled)?;
        Ok(Answers { hidden, pooled, projected })
    }

    fn config(&self) -> Value {
        let Self { patches, projection, .. } = self;
        let class = if projection.is_some() { "CLIPVisionModelWithProjection" } else { "CLIPVisionModel" };
        let mut config = tower_config("clip_vision_model", class, self.layers, &self.layer, *projection);
        config["image_size"] = patches.image();
        config["patch_size"] = json!(patches.side);
        config["num_channels"] = json!(patches.channels);
        config
    }
}

impl Text {
    /// tokens [tokens] -> hidden [tokens, features] and the token that ends the text
    fn add(&self, g: &mut Builder) -> Result<Answers, GraphError> {
        let &Self { vocabulary, context, .. } = self;
        let features = self.layer.features;
        let name = |part: &str| format!("{}{part}", self.prefix);
        g.block();
        let ids = g.add("tokens", Input::new(&[context.min(LONGEST)]), &[])?;
        let x = g.add(&name("embeddings.token_embedding"), Embedding { entries: vocabulary, features }, &[ids])?;
        let x = g.add(&name("embeddings.position_embedding"), AddPosition::embedding(context, features), &[x])?;
        let x = self.layer.stack(g, &name("encoder.layers."), self.layers, x)?;
        let hidden = g.add(&name("final_layer_norm"), self.layer.norm(), &[x])?;
        let pooled = g.add(&name("end_token"), SelectHighest, &[hidden, ids])?;
        let projected = project(g, "text_projection", features, self.projection, pooled)?;
        Ok(Answers { hidden, pooled, projected })
    }

    fn config(&self) -> Value {
        let class = if self.projection.is_some() { "CLIPTextModelWithProjection" } else { "CLIPTextModel" };
        let mut config = tower_config("clip_text_model", class, self.layers, &self.layer, self.projection);
        config["vocab_size"] = json!(self.vocabulary);
        config["max_position_embeddings"] = json!(self.context);
        config["eos_token_id"] = json!(self.end);
        config
    }
}

fn project(
    g: &mut Builder,
    name: &str,
    features: usize,
    projection: Option<usize>,
    pooled: NodeId,
) -> Result<Option<NodeId>, GraphError> {
    projection.map(|outputs| g.add(name, Linear::new(features, outputs, false), &[pooled])).transpose()
}

/// What both towers' configurations have.
fn tower_config(model_type: &str, class: &str, layers: usize, layer: &Layer, projection: Option<usize>) -> Value {
    json!({
        "architectures": [class],
        "model_type": model_type,
        "hidden_size": layer.features,
        "num_hidden_layers": layers,
        "num_attention_heads": layer.heads,
        "intermediate_size": layer.mlp.hidden,
        "hidden_act": activation_word(layer.mlp.activation),
        "layer_norm_eps": layer.eps,
        "projection_dim": projection,
    })
}
