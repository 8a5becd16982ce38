//! How each of the relatives calls its modules and settings.

use secateur_graph::ops::Activation;

/// One relative's names.
pub struct Words {
    /// For people.
    pub title: &'static str,
    /// The first is the one we write where there is no config.
    pub model_types: &'static [&'static str],
    /// What the classes' names start with, in the order of the model types.
    pub classes: &'static [&'static str],
    /// What the tensors' names start with where the model has a head.
    pub prefix: &'static str,
    pub settings: Settings,
    pub layer: Layer,
    pub masked: Masked,
    pub classifier: Classifier,
}

/// Keys of its configuration.
pub struct Settings {
    pub features: &'static str,
    pub layers: &'static str,
    pub heads: &'static str,
    pub hidden: &'static str,
    pub activation: &'static str,
    /// Not a setting in DistilBERT.
    pub eps: Option<&'static str>,
    /// How many kinds of segments there are; none in DistilBERT.
    pub types: Option<&'static str>,
    /// The padding token, after which positions are counted in RoBERTa.
    pub padding: Option<&'static str>,
}

/// Modules of an encoder layer.
pub struct Layer {
    pub list: &'static str,
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub mix: &'static str,
    pub mix_norm: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub norm: &'static str,
}

/// Modules that find the token at a place.
pub struct Masked {
    /// What all their names start with.
    pub start: &'static str,
    pub dense: &'static str,
    pub norm: &'static str,
    pub decoder: &'static str,
    pub bias: &'static str,
    /// RoBERTa's is not the encoder's.
    pub activation: Option<Activation>,
}

/// Modules that tell a text's class from its first token.
pub struct Classifier {
    pub dense: &'static str,
    pub activation: Activation,
    pub out: &'static str,
}

pub const ALL: [&Words; 3] = [&BERT, &ROBERTA, &DISTILBERT];

pub const BERT: Words = Words {
    title: "BERT",
    model_types: &["bert"],
    classes: &["Bert"],
    prefix: "bert.",
    settings: BERT_SETTINGS,
    layer: BERT_LAYER,
    masked: Masked {
        start: "cls.predictions.",
        dense: "cls.predictions.transform.dense",
        norm: "cls.predictions.transform.LayerNorm",
        decoder: "cls.predictions.decoder",
        bias: "cls.predictions.bias",
        activation: None,
    },
    classifier: Classifier { dense: "bert.pooler.dense", activation: Activation::Tanh, out: "classifier" },
};

pub const ROBERTA: Words = Words {
    title: "RoBERTa",
    model_types: &["roberta", "xlm-roberta", "camembert"],
    classes: &["Roberta", "XLMRoberta", "Camembert"],
    prefix: "roberta.",
    settings: Settings { padding: Some("pad_token_id"), ..BERT_SETTINGS },
    layer: BERT_LAYER,
    masked: Masked {
        start: "lm_head.",
        dense: "lm_head.dense",
        norm: "lm_head.layer_norm",
        decoder: "lm_head.decoder",
        bias: "lm_head.bias",
        activation: Some(Activation::Gelu),
    },
    classifier: Classifier {
        dense: "classifier.dense",
        activation: Activation::Tanh,
        out: "classifier.out_proj",
    },
};

pub const DISTILBERT: Words = Words {
    title: "DistilBERT",
    model_types: &["distilbert"],
    classes: &["DistilBert"],
    prefix: "distilbert.",
    settings: Settings {
        features: "dim",
        layers: "n_layers",
        heads: "n_heads",
        hidden: "hidden_dim",
        activation: "activation",
        eps: None,
        types: None,
        padding: None,
    },
    layer: Layer {
        list: "transformer.layer",
        query: "attention.q_lin",
        key: "attention.k_lin",
        value: "attention.v_lin",
        mix: "attention.out_lin",
        mix_norm: "sa_layer_norm",
        up: "ffn.lin1",
        down: "ffn.lin2",
        norm: "output_layer_norm",
    },
    masked: Masked {
        start: "vocab_",
        dense: "vocab_transform",
        norm: "vocab_layer_norm",
        decoder: "vocab_projector",
        bias: "vocab_projector.bias",
        activation: None,
    },
    classifier: Classifier { dense: "pre_classifier", activation: Activation::Relu, out: "classifier" },
};

const BERT_SETTINGS: Settings = Settings {
    features: "hidden_size",
    layers: "num_hidden_layers",
    heads: "num_attention_heads",
    hidden: "intermediate_size",
    activation: "hidden_act",
    eps: Some("layer_norm_eps"),
    types: Some("type_vocab_size"),
    padding: None,
};

const BERT_LAYER: Layer = Layer {
    list: "encoder.layer",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    mix: "attention.output.dense",
    mix_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    norm: "output.LayerNorm",
};
