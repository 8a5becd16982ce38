"""Tiny random vision transformers: Hugging Face's ViT, DeiT, DINOv2 and CLIP, and timm's.

Sizes are awkward on purpose: 3 heads of 8, pictures that are not square where upstream takes them, widths that are no
multiples of each other.
"""

import json
import tempfile
from pathlib import Path

import timm
import torch
import transformers as hf
from safetensors.torch import load_file
from timm.layers import SwiGLU
from timm.models._hub import save_config_for_hf

from common import save, shake

SAMPLES = 2
ENCODER = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, num_channels=3, patch_size=4)
VIT = ENCODER | dict(intermediate_size=40, image_size=[12, 8])
DINO = ENCODER | dict(image_size=12, patch_size=6)
TIMM = dict(embed_dim=24, depth=2, num_heads=3, patch_size=4, qkv_bias=True, proj_bias=True, no_embed_class=False)


def pixels(seed: int, height: int, width: int, channels: int = 3) -> torch.Tensor:
    return torch.randn(SAMPLES, channels, height, width, generator=torch.Generator().manual_seed(seed))


def as_saved(model: hf.PreTrainedModel) -> tuple[dict, dict]:
    """The tensors and the configuration as upstream writes them: names in a file are older than those in memory, and
    are found again by what they hold."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        saved, config = load_file(f"{folder}/model.safetensors"), Path(folder, "config.json").read_text()
    own = list(model.state_dict().values())
    same = lambda tensor: next((one for one in own if one.shape == tensor.shape and torch.equal(one, tensor)), tensor)
    return {key: same(tensor) for key, tensor in saved.items()}, json.loads(config)


def hugging_face(name: str, seed: int, model: hf.PreTrainedModel, inputs: dict, answers) -> None:
    """`answers`: what of upstream's output is which output of ours."""
    shake(model, seed)
    save(name, model, *as_saved(model), inputs, answers(model(**inputs)))


def logits(output) -> dict:
    return {"logits": output.logits}


def features(output) -> dict:
    pooled = {} if output.pooler_output is None else {"embedding": output.pooler_output}
    return {"hidden": output.last_hidden_state} | pooled


def vits() -> None:
    plain, wide = {"pixel_values": pixels(1, 12, 8)}, {"pixel_values": pixels(2, 8, 12, 1)}
    deit = hf.DeiTConfig(**VIT, num_labels=5, hidden_act="gelu_new", layer_norm_eps=1e-3)
    hugging_face("deit-teacher", 1, hf.DeiTForImageClassificationWithTeacher(deit), plain, logits)
    settings = dict(image_size=[8, 12], num_channels=1, qkv_bias=False, layer_norm_eps=1e-3, hidden_act="quick_gelu")
    bare = hf.ViTConfig(**VIT | settings, pooler_output_size=10, pooler_act="sigmoid")
    hugging_face("vit-bare", 2, hf.ViTModel(bare), wide, features)
    bare = hf.DeiTConfig(**VIT)
    hugging_face("deit-bare", 3, hf.DeiTModel(bare, add_pooling_layer=False), plain, features)


def dinos() -> None:
    inputs = {"pixel_values": pixels(3, 12, 12)}
    plain = hf.Dinov2Config(**DINO, mlp_ratio=2, layer_norm_eps=1e-3)
    hugging_face("dinov2", 4, hf.Dinov2Model(plain), inputs, features)
    settings = dict(hidden_size=18, mlp_ratio=3, use_swiglu_ffn=True, qkv_bias=False)
    swiglu = hf.Dinov2Config(**DINO | settings, num_labels=5)
    hugging_face("dinov2-swiglu", 5, hf.Dinov2ForImageClassification(swiglu), inputs, logits)
    registers = hf.Dinov2WithRegistersConfig(**DINO, mlp_ratio=1, num_register_tokens=3, num_labels=5)
    hugging_face("dinov2-registers", 6, hf.Dinov2WithRegistersForImageClassification(registers), inputs, logits)


def clips() -> None:
    text = dict(vocab_size=40, hidden_size=24, intermediate_size=30, num_hidden_layers=2, num_attention_heads=3)
    text |= dict(max_position_embeddings=11, eos_token_id=39, projection_dim=7)
    vision = dict(hidden_size=18, intermediate_size=20, num_hidden_layers=1, num_attention_heads=2, projection_dim=7)
    vision |= dict(image_size=12, patch_size=5, hidden_act="gelu", layer_norm_eps=1e-3)
    # The first text is padded with the token that ends it, so that the first of several must be found.
    ids = torch.tensor([[38, 5, 17, 3, 39, 39, 39, 39, 39], [38, 9, 2, 2, 30, 11, 12, 6, 39]])
    both = {"input_ids": ids, "pixel_values": pixels(4, 12, 12)}
    embeds = lambda output: {"image_embeds": output.image_embeds, "text_embeds": output.text_embeds}
    config = hf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=9)
    hugging_face("clip", 7, hf.CLIPModel(config), both, embeds)
    # As OpenAI's own configurations have it: 2 stands for the highest token.
    old = hf.CLIPTextConfig(**text | dict(eos_token_id=2))
    hugging_face("clip-text", 8, hf.CLIPTextModel(old), {"input_ids": ids}, features)
    projected = hf.CLIPVisionModelWithProjection(hf.CLIPVisionConfig(**vision))
    inputs = {"pixel_values": both["pixel_values"]}
    answers = lambda output: {"hidden": output.last_hidden_state, "image_embeds": output.image_embeds}
    hugging_face("clip-vision", 9, projected, inputs, answers)


def timm_model(name: str, seed: int, inputs: dict, architecture: str, saved: dict | None = None, **arguments) -> None:
    """`saved`: arguments as they can stand in a configuration, where they differ."""
    model = shake(timm.create_model(architecture, **arguments), seed)
    x = inputs["pixel_values"]
    hidden = model.forward_features(x)
    pooled = model.forward_head(hidden, pre_logits=True)
    outputs = {"logits": model(x)} if model.num_classes else {"hidden": hidden, "embedding": pooled}
    with tempfile.TemporaryDirectory() as folder:
        save_config_for_hf(model, f"{folder}/config.json", model_args=saved)
        config = json.loads(Path(folder, "config.json").read_text())
    save(name, model, model.state_dict(), config, inputs, outputs)


def timms() -> None:
    wide, square = {"pixel_values": pixels(5, 8, 12)}, {"pixel_values": pixels(6, 12, 12)}
    plain, labels = "vit_tiny_patch16_224", dict(num_classes=5)
    oblong, even = TIMM | dict(img_size=(8, 12)), TIMM | dict(img_size=12)
    timm_model("timm-vit", 10, wide, plain, mlp_ratio=1.7, **oblong | dict(qkv_bias=False), **labels)
    timm_model("timm-deit-distilled", 11, wide, "deit_tiny_distilled_patch16_224", mlp_ratio=1.5, **oblong, **labels)
    # No class token, mean of patches, LayerScale, registers, positions for patches only, norm after pooling.
    tokens = dict(class_token=False, reg_tokens=3, no_embed_class=True, init_values=0.1, global_pool="avg")
    timm_model("timm-layerscale", 12, square, plain, mlp_ratio=1.5, **even | tokens, **labels)
    # DINOv2's giant: packed SwiGLU, LayerScale, no classifier.
    giant = dict(mlp_ratio=2.5, init_values=0.1, num_classes=0)
    timm_model("timm-swiglu", 14, square, "vit_giant_patch14_dinov2", **giant, **even)
    split = oblong | dict(mlp_layer=SwiGLU, act_layer="silu", mlp_ratio=1.5, proj_bias=False)
    timm_model("timm-swiglu-split", 15, wide, plain, {"mlp_layer": None}, **split, **labels)
    clip = "vit_base_patch32_clip_quickgelu_224"
    timm_model("timm-clip", 16, square, clip, mlp_ratio=1.5, pre_norm=True, **even, **labels)
    mean = dict(global_pool="avg", fc_norm=False, pool_include_prefix=True, reg_tokens=2, act_layer="gelu_tanh")
    mean |= dict(no_embed_class=True, init_values=0.1, mlp_ratio=1.5)
    timm_model("timm-deit3", 17, wide, "deit3_small_patch16_224", **oblong | mean, **labels)


def make() -> None:
    torch.manual_seed(0)
    vits()
    dinos()
    clips()
    timms()


if __name__ == "__main__":
    make()
