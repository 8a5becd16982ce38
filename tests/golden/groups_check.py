"""Whether cutting a unit as Torch-Pruning does is the same as setting it to 0, for groups.py."""

import copy

import torch
import torch_pruning as tp
from torch import nn

from counts import answers
from groups_ask import HEADS, tensors, trace


def over_kept(norm: nn.Module, x: torch.Tensor, gone: list[int]) -> torch.Tensor:
    """What a LayerNorm, RMSNorm or GroupNorm answers where its statistics leave channels out; those answer 0."""
    groups, at = (norm.num_groups, 1) if isinstance(norm, nn.GroupNorm) else (1, -1)
    weight, bias = norm.weight, getattr(norm, "bias", None)
    keep = torch.ones(x.shape[at]).index_fill(0, torch.tensor(gone), 0).reshape(1, groups, -1, 1)
    y = x.reshape(len(x), groups, keep.shape[2], -1) if at == 1 else x.reshape(-1, 1, keep.shape[2], 1)
    mean = lambda value: (value * keep).sum((2, 3), keepdim=True) / (keep.sum((2, 3), keepdim=True) * y.shape[3]).clamp(min=1)
    y = y if "RMS" in type(norm).__name__ else y - mean(y)
    eps = norm.eps if hasattr(norm, "eps") else norm.variance_epsilon
    y = (y * torch.rsqrt(mean(y * y) + eps) * keep).reshape(x.shape).movedim(at, -1)
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias).movedim(-1, at)


@torch.no_grad()
def masked(model: nn.Module, inputs: dict, graph: tp.DependencyGraph, group) -> list[torch.Tensor]:
    """The answers with the group's members at 0."""
    model, gone = copy.deepcopy(model), {}
    state = model.state_dict()
    for dep, entries in group:
        for name, axis in tensors(graph, dep):
            state[name].index_fill_(axis, torch.tensor(entries), 0)
            gone[name.rpartition(".")[0]] = entries
        gone |= {graph._module2name[dep.target.module]: entries} if isinstance(dep.target.module, nn.LayerNorm) else {}
    for name, entries in gone.items():
        norm = model.get_submodule(name)
        if isinstance(norm, (nn.LayerNorm, nn.GroupNorm)) or "RMSNorm" in type(norm).__name__:
            norm.register_forward_hook(lambda norm, x, _, entries=entries: over_kept(norm, x[0], entries))
    return answers(model, inputs)


def resize(model: nn.Module, root: str, heads: int, width: int) -> None:
    """Sizes that modules keep beside their tensors: `heads` fewer, of `width` in all, around an attention's projection."""
    for module in model.modules():
        if hasattr(module, "channels") and hasattr(getattr(module, "conv", None), "in_channels"):
            module.channels = module.conv.in_channels
    while heads and root:
        root = root.rpartition(".")[0]
        own = vars(model.get_submodule(root))
        less = {name: heads for name in HEADS} | {"attn_dim": width, "split_size": width}
        own |= {name: own[name] - by for name, by in less.items() if name in own}
        if "heads" in own or "num_heads" in own:
            return


def check(model: nn.Module, inputs: dict, root: str, handler, unit: list[int], heads: int) -> tuple[str, bool]:
    """What became of cutting a copy of the model, and whether its outputs got smaller."""
    cut = copy.deepcopy(model)
    graph = trace(cut, inputs)
    group = graph.get_pruning_group(cut.get_submodule(root), handler, unit)
    try:
        want = masked(model, inputs, graph, group)
        group.prune()
        resize(cut, root, heads, len(unit))
        with torch.no_grad():
            got = answers(cut, inputs)
    except (RuntimeError, AssertionError, ValueError, IndexError) as error:
        return f"fails: {(str(error).strip() or type(error).__name__).splitlines()[0]}", False
    worst, output = 0.0, False
    for ours, theirs in zip(want, got, strict=True):
        for axis in (at for at in range(ours.dim()) if ours.shape[at] != theirs.shape[at]):
            ours, output = ours.index_select(axis, torch.tensor(sorted(set(range(ours.shape[axis])) - set(unit)))), True
        if ours.shape != theirs.shape:
            return f"fails: an output has shape {list(theirs.shape)}", True
        worst = max(worst, ((ours - theirs).abs().max() / ours.abs().max()).item())
    return "equal" if worst < 1e-4 else f"differs by {worst:.1g}", output
