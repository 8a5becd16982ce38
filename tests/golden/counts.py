"""Counts the parameters and multiplications of every family's golden as PyTorch sees them, for ours to be held beside.

    ~/.cache/secateur/py/bin/python counts.py

Writes `counts.json`. Per golden, of the model as its family's script makes it and of one sample of the golden's inputs:

- `parameters`: `unique` counts a tied tensor once, `total` once for every module that has it.
- `buffers`: running means and variances, which are no parameters.
- `macs`: what `torch.utils.flop_counter.FlopCounterMode` counts, halved: convolutions, linear layers (`addmm`, and `mm`
  without a bias), the products of attention (`bmm` and fused: scores and values), each for all of the places, masked ones
  too. Biases, norms, softmax, activations, sums, pooling, interpolation and looking up an embedding count nothing.
"""

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "families"))

# What a model may answer with, of which a golden holds some.
ANSWERS = ("logits", "sample", "last_hidden_state", "pooler_output", "image_embeds", "text_embeds")
# FlopCounterMode's operations by what a reader would call them.
KINDS = {"convolution": "conv", "addmm": "linear", "mm": "linear", "bmm": "attention", "baddbmm": "attention"}
NOTES = {
    "bert-bare": "Without the pooler that the file holds: no output of the golden hangs on it.",
    "clip": "9 MACs of `linear` are the product of the two embeddings, which is no output of the golden.",
}


def each_golden(visit: Callable) -> None:
    """Calls `visit(name, model, state, inputs)` for every golden, the way its family's script makes it; `state` has the
    tensors of the file by the file's names, `inputs` two samples. Nothing is written."""
    for kind in ("text", "conv", "diffusion", "vision"):
        torch.manual_seed(0)
        family = __import__(kind)

        def caught(name, model, state, config, inputs, outputs):
            if name == "bert-bare":
                model.pooler = None
            visit(name, model, {key: tensor.detach() for key, tensor in state.items()}, inputs)

        family.save = caught
        family.make()


def answers(model: torch.nn.Module, inputs: dict) -> list[torch.Tensor]:
    """The outputs that a golden may hold."""
    (_, first), *more = inputs.items()
    found = model(first, **dict(more))
    return [found] if isinstance(found, torch.Tensor) else [found[name] for name in ANSWERS if found.get(name) is not None]


def versions(*more: str) -> dict[str, str]:
    return {name: version(name) for name in ("torch", "torchvision", "transformers", "diffusers", "timm", *more)}


def macs(model: torch.nn.Module, inputs: dict) -> dict[str, int]:
    """Of one sample. mkldnn's own recurrent layers would hide their products."""
    one = {name: value[:1] for name, value in inputs.items()}
    with FlopCounterMode(display=False) as counter, torch.backends.mkldnn.flags(enabled=False):
        answers(model, one)
    found = {}
    for operation, flops in counter.get_flop_counts()["Global"].items():
        name = str(operation).split(".")[-1]
        kind = "attention" if "attention" in name else KINDS[name]
        found[kind] = found.get(kind, 0) + flops // 2
    return {"total": sum(found.values())} | dict(sorted(found.items()))


def count(model: torch.nn.Module, inputs: dict) -> dict:
    sizes = lambda **more: sum(param.numel() for _, param in model.named_parameters(**more))
    buffers = sum(value.numel() for name, value in model.named_buffers() if "running_" in name)
    parameters = {"unique": sizes(), "total": sizes(remove_duplicate=False)}
    shapes = {name: [1, *value.shape[1:]] for name, value in inputs.items()}
    return {"inputs": shapes, "parameters": parameters, "buffers": buffers, "macs": macs(model, inputs)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    counts = {}

    def visit(name, model, state, inputs):
        counts[name] = count(model, inputs) | ({"note": NOTES[name]} if name in NOTES else {})
        print(name, counts[name]["parameters"], counts[name]["macs"])

    each_golden(visit)
    lines = [f"{json.dumps(name)}: {json.dumps(counts[name])}" for name in sorted(counts)]
    head = f'"versions": {json.dumps(versions())}'
    (HERE / "counts.json").write_text("{\n" + head + ',\n"models": {\n' + ",\n".join(lines) + "\n}\n}\n")
