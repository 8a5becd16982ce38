//! A timm model's sizes from its configuration and its tensors. Most settings are arguments (`model_args`) that change
//! the named `architecture`, and a name says much that is written nowhere else.

use secateur_formats::quote;
use secateur_graph::ops::Activation;

use super::data::{classifies, patches, pictures};
use super::{Pool, Sizes};
use crate::settings::{ASK, activation, heads, layers, only, present, under, word};
use crate::source::{Source, Witness};
use crate::vit::{Layer, Mlp, MlpForm, Names, Patches, Qkv, hidden};
use crate::ModelError;

const NAMES: Names = Names {
    norms: ["norm1", "norm2"],
    qkv: Qkv::Fused("attn.qkv"),
    out: "attn.proj",
    scales: ["ls1.gamma", "ls2.gamma"],
    halves: ["attn", "mlp"],
};

/// timm's classes of MLPs.
pub const PLAIN: &str = "Mlp";
pub const GATED: &str = "SwiGLU";
pub const PACKED: &str = "SwiGLUPacked";

impl Sizes {
    /// What is neither in the configuration nor in the tensors is assumed, and said so.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let made = Made::read(source)?;
        made.check(source)?;
        let args = &made.args;
        let distilled = present(source, "distilled", "dist_token", made.named("distilled"))?;
        let class_token = made.class_token()? || distilled;
        let registers = registers(args)?;
        let special = usize::from(class_token) + usize::from(distilled) + registers.unwrap_or(0);
        let (patches, patch_positions) = patches(source, args, special, assumed)?;
        let pre_norm = present(args, "pre_norm", "norm_pre.weight", false)?;
        let scaled = made.scaled()?;
        if !made.known() && !class_token && !scaled {
            let what = "without a class token, the tensors do not show which of timm's models this is";
            return Err(ModelError::unsupported(what, ASK));
        }
        let (pool, fc_norm) = pool(source, args, class_token)?;
        if distilled && (fc_norm || !matches!(pool, Pool::Token)) {
            return Err(ModelError::setting("global_pool", "\"token\" with a distillation token", quote(pool.word())));
        }
        Ok(Self {
            pictures: pictures(source, &patches, assumed)?,
            patches: Patches { bias: !pre_norm, ..patches },
            class_token,
            distilled,
            registers,
            patch_positions,
            pre_norm,
            layers: layers(args, "depth", "blocks.")?,
            layer: made.layer(patches.features, scaled, pre_norm, assumed)?,
            pool,
            fc_norm,
            classifies: distilled || classifies(source)?,
        })
    }
}

/// What it was made from.
struct Made<'a> {
    /// Empty without a configuration.
    architecture: String,
    args: Source<'a>,
    mlp_layer: Option<String>,
}

impl<'a> Made<'a> {
    fn read(source: &Source<'a>) -> Result<Self, ModelError> {
        Ok(Self {
            architecture: source.setting("architecture")?.unwrap_or_default(),
            args: under(source, "model_args")?,
            mlp_layer: source.setting("mlp_layer")?,
        })
    }

    /// Whether there is an architecture, which says what no tensor shows.
    fn known(&self) -> bool {
        !self.architecture.is_empty()
    }

    fn named(&self, part: &str) -> bool {
        self.architecture.contains(part)
    }

    /// Refuses what would change the numbers, as arguments, names or tensors say it.
    fn check(&self, source: &Source) -> Result<(), ModelError> {
        if ["siglip", "_rpn"].into_iter().any(|part| self.named(part)) {
            let want = "of another kind, as SigLIP and norms after each part are not supported";
            return Err(ModelError::setting("architecture", want, quote(&self.architecture)));
        }
        for key in ["qk_norm", "scale_attn_norm", "scale_mlp_norm", "dynamic_img_pad"] {
            only(&self.args, key, false)?;
        }
        only(&self.args, "final_norm", true)?;
        for key in ["norm_layer", "embed_norm_layer", "block_fn", "attn_layer", "embed_layer", "mlp_layer"] {
            let other = self.args.config.and_then(|args| args.get(key)).filter(|value| !value.is_null());
            if let Some(other) = other {
                let want = "left out, as only the usual is supported";
                return Err(ModelError::setting(key, want, quote(&other.to_string())));
            }
        }
        word(&self.args, "pos_embed", &["learn"], "learn")?;
        foreign(source).map_or(Ok(()), Err)
    }

    /// Architectures without it are named for their pooling, so where one is lost from a file, it is missed.
    fn class_token(&self) -> Result<bool, ModelError> {
        let said = self.known() || self.args.config.is_some();
        let usual = said && !["gap", "map", "test_vit"].into_iter().any(|part| self.named(part));
        let shown = self.args.tensors.is_none_or(|tensors| tensors.has("cls_token"));
        Ok(self.args.setting("class_token")?.unwrap_or(usual || shown))
    }

    /// LayerScale.
    fn scaled(&self) -> Result<bool, ModelError> {
        let said = self.args.setting::<f64>("init_values")?.map(|value| value != 0.0);
        let usual = self.named("dinov2") || self.named("deit3");
        Ok(said.unwrap_or(usual || self.args.has("blocks.0.ls1.gamma")))
    }

    fn layer(
        &self,
        features: usize,
        scaled: bool,
        pre_norm: bool,
        assumed: &mut Vec<String>,
    ) -> Result<Layer, ModelError> {
        let args = &self.args;
        // timm's LayerNorms; those of CLIP and BEiT-3 are PyTorch's.
        let eps = if pre_norm || self.architecture.starts_with("beit3") { 1e-5 } else { 1e-6 };
        if !self.known() {
            assumed.push(format!("layer norm ε = {eps:e}"));
        }
        Ok(Layer {
            names: &NAMES,
            features,
            heads: heads(args, "num_heads", ("embed_dim", features), self.head(features), assumed)?,
            causal: false,
            qkv_bias: present(args, "qkv_bias", "blocks.0.attn.qkv.bias", true)?,
            bias: present(args, "proj_bias", "blocks.0.attn.proj.bias", true)?,
            scaled,
            mlp: self.mlp(features, pre_norm, assumed)?,
            eps,
        })
    }

    /// Features of a head in published models.
    fn head(&self, features: usize) -> Option<usize> {
        match features {
            _ if self.named("test_vit") => Some(32),
            768 if self.named("_gap_224") => Some(48),
            // The test models' width, too.
            64 => None,
            1152 => Some(72),
            1280 => Some(80),
            1408 => Some(88),
            1664 => Some(104),
            _ => Some(64),
        }
    }

    fn mlp(&self, features: usize, pre_norm: bool, assumed: &mut Vec<String>) -> Result<Mlp, ModelError> {
        let kind = self.kind()?;
        let (form, parts) = match kind {
            GATED => (MlpForm::Gated { gate: "mlp.fc1_g", other: "mlp.fc1_x" }, 1),
            PACKED => (MlpForm::Packed("mlp.fc1"), 2),
            _ => (MlpForm::Plain("mlp.fc1"), 1),
        };
        let witness = Witness { tensor: "blocks.0.mlp.fc2.weight", axis: 1, axes: 2 };
        let hidden = hidden(&self.args, features, |wide| wide / parts, witness)?;
        Ok(Mlp { form, out: "mlp.fc2", hidden, activation: self.activation(kind, pre_norm, assumed)? })
    }

    /// The tensors tell the classes of MLPs apart, without them our own setting or the architecture.
    fn kind(&self) -> Result<&'static str, ModelError> {
        let shape = |name: &str| self.args.tensors.and_then(|tensors| tensors.shape(name));
        let widths = (shape("blocks.0.mlp.fc1.weight"), shape("blocks.0.mlp.fc2.weight"));
        let shown = match widths {
            _ if self.args.has("blocks.0.mlp.fc1_g.weight") => Some(GATED),
            (Some(&[both, _]), Some(&[_, hidden])) if hidden.checked_mul(2) == Some(both) => Some(PACKED),
            _ => self.args.tensors.map(|_| PLAIN),
        };
        let usual = if self.named("giant_patch14_dinov2") { PACKED } else { PLAIN };
        match (&self.mlp_layer, shown) {
            (Some(said), Some(shown)) if said != shown => {
                Err(ModelError::setting("mlp_layer", format!("{shown}, as the tensors show"), quote(said)))
            }
            (_, Some(shown)) => Ok(shown),
            (None, None) => Ok(usual),
            (Some(said), None) => [PLAIN, GATED, PACKED].into_iter().find(|known| known == said).ok_or_else(|| {
                ModelError::setting("mlp_layer", format!("{PLAIN}, {GATED} or {PACKED}"), quote(said))
            }),
        }
    }

    fn activation(&self, kind: &str, pre_norm: bool, assumed: &mut Vec<String>) -> Result<Activation, ModelError> {
        let usual = match kind {
            PLAIN if self.named("quickgelu") => Activation::QuickGelu,
            PLAIN if pre_norm && !self.known() => {
                let what = "the tensors do not show whether this CLIP tower has GELU or quick GELU";
                return Err(ModelError::unsupported(what, ASK));
            }
            PLAIN => Activation::Gelu,
            _ => Activation::Silu,
        };
        let mut silent = Vec::new();
        let read = activation(&self.args, "act_layer", usual, &mut silent)?;
        if !self.known() {
            assumed.append(&mut silent);
        }
        Ok(read)
    }
}

fn registers(args: &Source) -> Result<Option<usize>, ModelError> {
    let there = args.has("reg_token") || args.setting::<usize>("reg_tokens")?.is_some_and(|registers| registers > 0);
    let witness = Witness { tensor: "reg_token", axis: 1, axes: 3 };
    there.then(|| args.size("reg_tokens", witness)).transpose()
}

/// And whether the last norm comes after pooling.
fn pool(source: &Source, args: &Source, class_token: bool) -> Result<(Pool, bool), ModelError> {
    let said = match args.setting::<String>("global_pool")? {
        Some(said) => Some(said),
        None => source.setting("global_pool")?,
    };
    let shown = source.tensors.map(|tensors| tensors.has("fc_norm.weight"));
    let usual = if shown == Some(true) || !class_token { "avg" } else { "token" };
    let all = args.setting("pool_include_prefix")?.unwrap_or(false);
    let pool = match said.as_deref().unwrap_or(usual) {
        "token" if class_token => Pool::Token,
        "avg" => Pool::Mean { all },
        other => {
            let want = if class_token { "\"token\" or \"avg\"" } else { "\"avg\", as there is no class token" };
            return Err(ModelError::setting("global_pool", want, quote(other)));
        }
    };
    let mean = matches!(pool, Pool::Mean { .. });
    Ok((pool, args.setting("fc_norm")?.or(shown).unwrap_or(mean)))
}

/// Parts of relatives that are not supported.
fn foreign(source: &Source) -> Option<ModelError> {
    let parts = [
        ("blocks.0.attn.q_norm.weight", "norms on queries and keys"),
        ("blocks.0.attn.norm.weight", "a norm after attention"),
        ("blocks.0.attn.gate.weight", "gated attention"),
        ("blocks.0.mlp.norm.weight", "a norm inside the MLP"),
        ("blocks.0.attn.relative_position_bias_table", "relative positions"),
        ("attn_pool.latent", "attention pooling"),
        ("patch_embed.norm.weight", "a norm on patches"),
    ];
    let (tensor, what) = parts.into_iter().find(|(tensor, _)| source.has(tensor))?;
    let what = format!("this timm model has {what} ({tensor}), which is not supported");
    Some(ModelError::unsupported(what, "choose a plain ViT or DeiT"))
}
