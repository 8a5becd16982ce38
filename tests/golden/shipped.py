"""The shipped models in PyTorch: logits on test digits, and Wanda's scores and masks on digits-vit."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import ViTForImageClassification

import digits

MODELS = digits.PUBLIC / "models"
SAMPLES, SPARSITY = 32, 0.5
# One layer of each kind: a projection, a wide layer, and the last one, which sees all pruning before it.
SHOWN = (
    "vit.encoder.layer.0.attention.attention.query",
    "vit.encoder.layer.1.intermediate.dense",
    "classifier",
)
# transformers 5 renames the modules in memory; files keep these names.
RENAMES = {
    "vit.layers.": "vit.encoder.layer.",
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}


def make(out: Path) -> None:
    """Writes `digits-vit.safetensors`, `digits-cnn.safetensors` {pixels, logits} and `wanda.safetensors`."""
    for name, load in (("digits-vit", vit), ("digits-cnn", Cnn)):
        model, pixels = load(MODELS / name).eval(), inputs(name, digits.TEST, 16)
        with torch.no_grad():
            logits = model(pixels)
        logits = getattr(logits, "logits", logits)
        save_file({"pixels": pixels, "logits": logits.contiguous()}, out / f"{name}.safetensors")
    save_file(wanda(vit(MODELS / "digits-vit")), out / "wanda.safetensors")


def inputs(model: str, start: int, count: int) -> torch.Tensor:
    """[count, 1, 28, 28], normalised as the model wants it."""
    config = json.loads((MODELS / model / "config.json").read_text())
    grey = torch.tensor(digits.images(start, count)).float().unsqueeze(1) / 255
    return (grey - config["image_mean"][0]) / config["image_std"][0]


def vit(folder: Path) -> nn.Module:
    return ViTForImageClassification.from_pretrained(folder).eval()


def wanda(model: nn.Module) -> dict[str, torch.Tensor]:
    """Block by block as in locuslab/wanda, lib/prune.py: statistics of a block see everything pruned before it."""
    pixels, kept = inputs("digits-vit", digits.CALIBRATION, SAMPLES), {}
    for block in blocks(model):
        sums = input_squares(model, pixels, block)
        for name, module in block.items():
            weight = module.weight.data
            flat = weight.flatten(1)
            score = flat.abs() * sums[name].sqrt()
            goes = torch.sort(score, dim=1, stable=True).indices[:, : int(flat.shape[1] * SPARSITY)]
            mask = torch.ones_like(flat).scatter_(1, goes, 0)
            module.weight.data = weight * mask.reshape(weight.shape)
            if name in SHOWN:
                kept |= {f"{name}.squares": sums[name], f"{name}.mask": mask.to(torch.uint8)}
    return kept


def blocks(model: nn.Module):
    """Modules with weights to prune, by checkpoint name, in the order in which they are calibrated."""
    yield {"vit.embeddings.patch_embeddings.projection": model.vit.embeddings.patch_embeddings.projection}
    for at, layer in enumerate(model.vit.layers):
        linears = {name: module for name, module in layer.named_modules() if isinstance(module, nn.Linear)}
        yield {rename(f"vit.layers.{at}.{name}"): module for name, module in linears.items()}
    yield {"classifier": model.classifier}


def rename(name: str) -> str:
    for new, old in RENAMES.items():
        name = name.replace(new, old)
    return name


def input_squares(model, pixels, modules):
    """Sum over samples and tokens of each input column's square, in f64; a convolution's inputs are unfolded."""
    sums = {}

    def hook(name):
        def add(module, args):
            x = args[0].double()
            if isinstance(module, nn.Conv2d):
                x = nn.functional.unfold(x, module.kernel_size, padding=module.padding, stride=module.stride).mT
            sums[name] = x.flatten(0, -2).square().sum(0).float()

        return add

    handles = [module.register_forward_pre_hook(hook(name)) for name, module in modules.items()]
    with torch.no_grad():
        model(pixels)
    for handle in handles:
        handle.remove()
    return sums
