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
KINDS = {
    "vit": (ViTForImageClassification, ViTConfig, dict()),
    "deit": (DeiTForImageClassification, DeiTConfig, dict(qkv_bias=False, hidden_act="relu", layer_norm_eps=1e-6)),
}
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def make(out: Path) -> None:
    """Writes `{kind}/{config.json, model.safetensors, f16.safetensors, bf16.safetensors, expected.safetensors}`."""
    for seed, (kind, (Model, Config, extra)) in enumerate(KINDS.items()):
        torch.manual_seed(seed)
        model = Model(Config(**SIZES, **extra)).eval()
        # The default initialisation leaves every LayerNorm at 1, every bias at 0: nothing a wrong name would change.
        for param in model.parameters():
            param.data.add_(torch.randn_like(param) * 0.2)
        pixels = torch.randn(4, 3, 32, 32)
        expected = {"pixels": pixels}
        for name, dtype in DTYPES.items():
            folder = out / kind / name
            model.to(dtype).save_pretrained(folder)
            # Halves are storage only: both sides widen them and compute in f32.
            wide = Model.from_pretrained(folder, dtype=torch.float32).eval()
            with torch.no_grad():
                expected[f"logits.{name}"] = wide(pixels).logits
            file = "model.safetensors" if name == "f32" else f"{name}.safetensors"
            (folder / "model.safetensors").rename(out / kind / file)
            if name == "f32":
                (folder / "config.json").rename(out / kind / "config.json")
            shutil.rmtree(folder)
        save_file(expected, out / kind / "expected.safetensors")
