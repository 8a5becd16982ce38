"""Torch-Pruning's graph of a model and its groups, for groups.py."""

import signal

import torch_pruning as tp
from torch import nn
from torch_pruning import ops
from transformers.pytorch_utils import Conv1D

from counts import answers

# Queries, keys and values by the names of their layers, and what the libraries call the number of heads.
PROJECTIONS = [("query", "key", "value"), *([form.format(one) for one in "qkv"] for form in ("{}_proj", "{}_lin", "to_{}"))]
HEADS = ("num_heads", "num_attention_heads", "n_heads", "heads")
ROOTS = (ops.TORCH_CONV, ops.TORCH_LINEAR, ops.TORCH_LSTM, Conv1D)
# Some groups are never finished; the slowest that is takes a few seconds.
LIMIT_S = 30


class Gpt2Linear(tp.BasePruningFunc):
    """GPT-2's linear layer, whose weight is [inputs, outputs]: Torch-Pruning has no rule of its own for it."""

    def prune_out_channels(self, layer: Conv1D, idxs: list[int]) -> Conv1D:
        keep = self.kept(layer.nf, idxs)
        layer.weight = self._prune_parameter_and_grad(layer.weight, keep, 1)
        layer.bias, layer.nf = self._prune_parameter_and_grad(layer.bias, keep, 0), len(keep)
        return layer

    def prune_in_channels(self, layer: Conv1D, idxs: list[int]) -> Conv1D:
        layer.weight = self._prune_parameter_and_grad(layer.weight, self.kept(self.get_in_channels(layer), idxs), 0)
        return layer

    @staticmethod
    def kept(of: int, idxs: list[int]) -> list[int]:
        return sorted(set(range(of)) - set(idxs))

    def get_out_channels(self, layer: Conv1D) -> int:
        return layer.weight.shape[1]

    def get_in_channels(self, layer: Conv1D) -> int:
        return layer.weight.shape[0]


GPT2_LINEAR = Gpt2Linear()


def attention_heads(model: nn.Module) -> dict[nn.Module, int]:
    """Heads by projection, as Torch-Pruning takes them: of the fused one, or of queries, keys and values."""
    found = {}
    for parent in model.modules():
        layers = dict(parent.named_children())
        counts = [vars(parent)[name] for name in HEADS if name in vars(parent)]
        heads = counts[0] if counts else getattr(getattr(parent, "config", None), "num_attention_heads", None)
        found |= {layers[fused]: heads for fused in ("qkv", "c_attn") if fused in layers}
        for names in PROJECTIONS:
            if names[0] in layers:
                width = layers[names[0]].out_features // heads
                found |= {layers[name]: layers[name].out_features // width for name in names}
    return found


def trace(model: nn.Module, inputs: dict) -> tp.DependencyGraph:
    """Torch-Pruning's graph of the model."""
    return tp.DependencyGraph().build_dependency(model, inputs, answers, customized_pruners={Conv1D: GPT2_LINEAR})


def ask(model: nn.Module, inputs: dict) -> tp.pruner.BasePruner:
    """Torch-Pruning's own pruner on the traced model. The defaults of its dicts are shared by all pruners: none is used."""

    def stop(*_):
        raise TimeoutError(f"looks for a group for more than {LIMIT_S} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT_S)
    pruner = tp.pruner.BasePruner(
        model,
        inputs,
        tp.importance.MagnitudeImportance(),
        forward_fn=answers,
        num_heads=attention_heads(model),
        in_channel_groups={},
        out_channel_groups={},
        customized_pruners={Conv1D: GPT2_LINEAR},
        root_module_types=ROOTS,
    )
    signal.alarm(0)
    return pruner


def tensors(graph: tp.DependencyGraph, dep) -> list[tuple[str, int]]:
    """The parameters and running statistics that a dependency cuts, by their names in the model, and along which axis."""
    module, outputs = dep.target.module, graph.is_out_channel_pruning_fn(dep.handler)
    if isinstance(module, nn.Parameter):
        return [(graph._param_to_name[module], dep.target.pruning_dim)]
    name = graph._module2name.get(module)
    if name is None:
        return []
    if isinstance(module, Conv1D):
        return [(f"{name}.weight", 1), (f"{name}.bias", 0)] if outputs else [(f"{name}.weight", 0)]
    if isinstance(module, nn.Embedding):
        return [(f"{name}.weight", 1)]
    if isinstance(module, ROOTS) and not outputs:
        inner = ("weight", "weight_ih_l0", "weight_ih_l0_reverse")
        return [(f"{name}.{own}", 1) for own, _ in module.named_parameters() if own in inner]
    own = [*module.named_parameters(), *module.named_buffers()]
    return [(f"{name}.{key}", 0) for key, value in own if value.dim()]
