"""Tiny random ViT and DeiT checkpoints in Hugging Face's layout, with the logits PyTorch gives for them."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import DeiTConfig, DeiTForImageClassification, ViTConfig, ViTForImageClassification

# 3 heads of 8: neither hidden / 64 nor a power of two, so that a guessed head count shows.
SIZES = dict(
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=40,
    image_size=32,
    patch_size=8,
    num_channels=3,
    num_labels=5,
)
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
KINDS = {
    "vit": (ViTForImageClassification, ViTConfig, SIZES, DTYPES),
    "deit": (
        DeiTForImageClassification,
        DeiTConfig,
        SIZES | dict(qkv_bias=False, hidden_act="relu", layer_norm_eps=1e-6),
        DTYPES,
    ),
    # To be opened without its config: 64 features to a head, as in the published models.
    "bare": (
        ViTForImageClassification,
        ViTConfig,
        SIZES | dict(hidden_size=128, num_hidden_layers=1, num_attention_heads=2, image_size=16),
        ["f16"],
    ),
}


def make(out: Path) -> None:
    """Writes `{kind}/{config.json, f32.safetensors, f16.safetensors, bf16.safetensors, expected.safetensors}`."""
    for seed, (kind, (Model, Config, sizes, dtypes)) in enumerate(KINDS.items()):
        torch.manual_seed(seed)
        model = Model(Config(**sizes)).eval()
        # The default initialisation leaves every LayerNorm at 1, every bias at 0: nothing a wrong name would change.
        for param in model.parameters():
            param.data.add_(torch.randn_like(param) * 0.2)
        pixels = torch.randn(4, 3, sizes["image_size"], sizes["image_size"])
        expected = {"pixels": pixels}
        for name in dtypes:
            folder = out / kind / name
            model.to(DTYPES[name]).save_pretrained(folder)
            # Halves are storage only: both sides widen them and compute in f32.
            wide = Model.from_pretrained(folder, dtype=torch.float32).eval()
            with torch.no_grad():
                expected[f"logits.{name}"] = wide(pixels).logits
            (folder / "model.safetensors").rename(out / kind / f"{name}.safetensors")
            if name == "f32":
                (folder / "config.json").rename(out / kind / "config.json")
            shutil.rmtree(folder)
        save_file(expected, out / kind / "expected.safetensors")
