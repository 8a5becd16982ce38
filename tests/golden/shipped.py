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
        model, pixels = load(MODELS / name).eval(), inputs(digits.TEST, 16)
        with torch.no_grad():
            logits = model(pixels)
        logits = getattr(logits, "logits", logits)
        save_file({"pixels": pixels, "logits": logits.contiguous()}, out / f"{name}.safetensors")
    save_file(wanda(vit(MODELS / "digits-vit")), out / "wanda.safetensors")


def inputs(start: int, count: int) -> torch.Tensor:
    """[count, 1, 28, 28], scaled to -1..1 as Hugging Face's ViT takes it by default."""
    return (torch.tensor(digits.images(start, count)).float().unsqueeze(1) / 255 - 0.5) / 0.5


class Cnn(nn.Module):
    """LeNet: convolutions with ReLU and 2x2 max pooling, then linear layers with ReLU between."""

    def __init__(self, folder: Path):
        super().__init__()
        config = json.loads((folder / "config.json").read_text())
        inputs, paddings = config["num_channels"], config["conv_paddings"]
        for at, (outputs, kernel) in enumerate(zip(config["conv_channels"], config["conv_kernels"]), start=1):
            self.add_module(f"conv{at}", nn.Conv2d(inputs, outputs, kernel, padding=paddings[at - 1]))
            inputs = outputs
        tensors = load_file(folder / "model.safetensors")
        for at in range(1, len(config["fc_features"]) + 2):
            outputs, inputs = tensors[f"fc{at}.weight"].shape
            self.add_module(f"fc{at}", nn.Linear(inputs, outputs))
        self.load_state_dict(tensors)

    def forward(self, x):
        layers = dict(self.named_children())
        for name, layer in layers.items():
            if name.startswith("conv"):
                x = nn.functional.max_pool2d(layer(x).relu(), 2)
            else:
                x = layer(x.flatten(1))
                x = x.relu() if name != list(layers)[-1] else x
        return x


def vit(folder: Path) -> nn.Module:
    return ViTForImageClassification.from_pretrained(folder).eval()


def wanda(model: nn.Module) -> dict[str, torch.Tensor]:
    """Block by block as in locuslab/wanda, lib/prune.py: statistics of a block see everything pruned before it."""
    pixels = inputs(digits.CALIBRATION, SAMPLES)
    kept = {"pixels": pixels}
    for block in blocks(model):
        sums = input_squares(model, pixels, block)
        for name, module in block.items():
            weight = module.weight.data
            flat = weight.flatten(1)
            score = flat.abs() * (sums[name] / SAMPLES).sqrt()
            goes = torch.sort(score, dim=1, stable=True).indices[:, : int(flat.shape[1] * SPARSITY)]
            mask = torch.ones_like(flat).scatter_(1, goes, 0)
            module.weight.data = weight * mask.reshape(weight.shape)
            if name in SHOWN:
                kept |= {f"{name}.scores": score, f"{name}.mask": mask.to(torch.uint8)}
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
