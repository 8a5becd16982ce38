"""Which weights go, by the references: PyTorch's own pruning where it has one, the papers' formulas elsewhere."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import prune

# Names and shapes of a small convolutional net's weights, very unequal on purpose.
SHAPES = {"conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 64), "fc2": (10, 120)}


def make(out: Path) -> None:
    """Writes `selection.safetensors`: the weights, and a 0/1 mask for each `{allocation}.{percent}.{tensor}`."""
    torch.manual_seed(5)
    # A different spread for each tensor, or all allocations would say nearly the same.
    weights = {name: torch.randn(shape) * 0.5**at for at, (name, shape) in enumerate(SHAPES.items())}
    out_tensors = {f"weight.{name}": weight for name, weight in weights.items()}
    # 94, not 95: halves of an entry would test rounding, which the references do in different ways.
    for percent in (30, 80, 94):
        s = percent / 100
        for kind, masks in {
            "uniform": uniform(weights, s),
            "row": row(weights, s),
            "global": global_(weights, s),
            "erk": by_counts(weights, erk_counts(weights, s)),
            "lamp": lamp(weights, s),
        }.items():
            out_tensors |= {f"{kind}.{percent}.{name}": mask for name, mask in masks.items()}
    for n, m in ((2, 4), (1, 4), (3, 16)):
        out_tensors |= {f"{n}of{m}.{name}": n_of_m(weight, n, m) for name, weight in weights.items()}
    save_file({name: tensor.contiguous() for name, tensor in out_tensors.items()}, out / "selection.safetensors")


def modules(weights):
    holders = {}
    for name, weight in weights.items():
        holders[name] = nn.Module()
        holders[name].weight = nn.Parameter(weight.clone())
    return holders


def taken(holders):
    return {name: holder.weight_mask.to(torch.uint8) for name, holder in holders.items()}


def uniform(weights, s):
    """PyTorch's l1_unstructured on each tensor: round(s n) go."""
    holders = modules(weights)
    for holder in holders.values():
        prune.l1_unstructured(holder, "weight", s)
    return taken(holders)


def global_(weights, s):
    """PyTorch's global_unstructured: round(s N) go, one threshold."""
    holders = modules(weights)
    prune.global_unstructured([(holder, "weight") for holder in holders.values()], prune.L1Unstructured, amount=s)
    return taken(holders)


def row(weights, s):
    """Wanda's selection (locuslab/wanda, lib/prune.py): the first int(in * s) of each row's stable ascending sort."""

    def one(weight):
        flat = weight.abs().flatten(1)
        order = torch.sort(flat, dim=1, stable=True).indices[:, : int(flat.shape[1] * s)]
        return torch.ones_like(flat).scatter_(1, order, 0).to(torch.uint8).reshape(weight.shape)

    return {name: one(weight) for name, weight in weights.items()}


def n_of_m(weight, n, m):
    """Keeps the n largest of every m consecutive inputs of a row; left-over columns stay."""
    flat = weight.abs().flatten(1)
    mask = torch.ones_like(flat)
    for start in range(0, flat.shape[1] - m + 1, m):
        goes = torch.topk(flat[:, start : start + m], m - n, dim=1, largest=False).indices + start
        mask.scatter_(1, goes, 0)
    return mask.to(torch.uint8).reshape(weight.shape)


def erk_counts(weights, s):
    """Kept entries of each tensor by Erdos-Renyi-Kernel densities (google-research/rigl, rigl/sparse_utils.py)."""
    total = sum(weight.numel() for weight in weights.values())
    dense = set()
    while True:
        budget = (1 - s) * total - sum(weights[name].numel() for name in dense)
        raw = {name: sum(w.shape) / w.numel() for name, w in weights.items() if name not in dense}
        eps = budget / sum(density * weights[name].numel() for name, density in raw.items())
        largest = max(raw.values())
        if eps * largest <= 1:
            return {name: w.numel() * (eps * raw[name] if name in raw else 1.0) for name, w in weights.items()}
        dense |= {name for name, density in raw.items() if density == largest}


def by_counts(weights, kept):
    """The largest |w| of each tensor; the counts are fractions still, so the test allows one entry a tensor."""

    def one(weight, kept):
        keep = torch.argsort(weight.abs().flatten(), stable=True)[weight.numel() - round(kept) :]
        return torch.zeros(weight.numel(), dtype=torch.uint8).index_fill_(0, keep, 1).reshape(weight.shape)

    return {name: one(weight, kept[name]) for name, weight in weights.items()}


def lamp(weights, s):
    """LAMP (Lee et al., 2021, eq. 4): w^2 over the sum of all squares not smaller, in f64; round(s N) go."""
    scores = {}
    for name, weight in weights.items():
        squares = weight.double().flatten().square()
        order = torch.argsort(squares, stable=True)
        tail = squares[order].flip(0).cumsum(0).flip(0)
        scores[name] = torch.empty_like(squares).index_put_((order,), squares[order] / tail)
    together = torch.cat(list(scores.values()))
    goes = torch.argsort(together, stable=True)[: round(s * together.numel())]
    mask = torch.ones(together.numel(), dtype=torch.uint8).index_fill_(0, goes, 0)
    parts = mask.split([weight.numel() for weight in weights.values()])
    return {name: part.reshape(weights[name].shape) for name, part in zip(weights, parts)}
