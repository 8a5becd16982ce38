"""Asks Torch-Pruning which parameter slices of every golden must go together, for our dependency groups to be held beside.

    ~/.cache/secateur/py/bin/python groups.py [name ...]

Writes `groups/{name}.json`, one per golden of `families/`. Of a file:

- `ignored`: the layers that make the model's output and are tied to nothing else (`ignored_layers`). Everything else that
  Torch-Pruning can cut is a group: those of `get_all_groups`, and `get_pruning_group` of what it leaves out.
- a group's `root` is the axis whose entries 0 .. `size` - 1 were asked for one by one. Attention is asked for at the columns
  of its output projection, as `BasePruner` does where it is given `num_heads`; `heads` says what it was given.
  `channel_groups`: a cut must take the same entries of so many equal parts of the root (GroupNorm).
- a member is a tensor of the checkpoint, an axis of it, and in `index`, by runs, what goes with the root's entries: entry
  `root` + i, for i < `count`, takes the `each` entries from `first` + i `stride` on. Left out: `root` 0, `count` the size,
  `first` 0, `each` 1, `stride` `each`; no `index` at all: entry i takes entry i.
- `check` is what became of cutting the root's entries `unit` by Torch-Pruning: "equal" if the cut model answers as the whole
  one with the members at 0 and its norms over what is left; else by what part of the largest output it is off, or how it
  failed; a root of one unit has neither. `output`: the group reaches the model's output, which is compared without what was cut.
- `notes`: what is wrong in these groups; `error`: why there are none.

Two things are coarser than they must be, everywhere: what multiplies two tensors ties them, so that queries, keys and values
share the entries of a head though queries need only keys; and no row of an embedding is ever cut.
"""

import json
import sys
import warnings
from pathlib import Path

import torch
import torch_pruning as tp
from torch import nn
from torch_pruning import ops

from counts import each_golden, versions
from groups_ask import ROOTS, ask, tensors
from groups_check import check

OUT = Path(__file__).parent / "groups"
TIED = "The last layer is tied to the embedding, and its columns are cut without those of the embedding: no longer tied."
PADDED = "Channels padded with zeros on both sides are taken to begin at 0: entry 1 of conv1 goes with 3 of stage 2, not with 1."
BEHIND = "Behind a parameter of three axes (positions, class token) no split or concatenation along the features is followed: "
MEAN = BEHIND + "the classifier sees the class token beside the mean of the patches, and only the former's columns are found."
ROTARY = "Two query heads a key head: the halves of the rotary embedding are taken for a concatenation as wide as the queries, \
which moves entries on and on. No group is found."
SHARED = "An entry of `o_proj` goes with one of each key head, which other heads still need: only whole key/value groups can be \
cut. Asked for at `k_proj` or `v_proj`, which `get_all_groups` does too, Torch-Pruning finds that layer alone: left out here."
NORMS = "A GroupNorm over a concatenation has its groups across the parts: what `channel_groups` allows leaves unequal parts of \
its groups, and channels change groups. These differ; the entries found are right."
BUFFER = "The positions are a buffer, which is not cut: the cut model does not run. The members are right."
RECURRENT = "There is no rule for nn.RNN and nn.GRU: their tensors are taken for parameters by themselves."
NOTES = {
    "gpt2": ["The split of `c_attn` is not found: queries, keys and values count as one layer of 90 outputs before `c_proj`."],
    "llama": [SHARED],
    "qwen2": [SHARED],
    "mistral": [ROTARY],
    "qwen3": [ROTARY],
    "bert-mlm": [TIED],
    "roberta-mlm": [TIED],
    "distilbert-mlm": [TIED],
    "resnet-cifar": [PADDED],
    "rnn-classes": [RECURRENT],
    "gru-lm": [RECURRENT],
    "lstm-classes": ["The rule for nn.LSTM knows one layer only, and keeps entries of the first of four gates alone."],
    "dinov2-swiglu": [MEAN],
    "dinov2-registers": [MEAN],
    "timm-swiglu": [BEHIND + "the two halves of `fc1` are taken for one layer before `fc2`."],
    "dit": [BUFFER],
    "dit-learned-norm": [BUFFER],
} | {f"unet2d-{kind}": [NORMS] for kind in ("ddpm", "class", "old", "condition", "condition-linear")}


def places(model: nn.Module, state: dict) -> dict[str, tuple[str, int]]:
    """By a tensor's name in the model: its name in the checkpoint, and at which row it begins there (of a fused one)."""

    def place(tensor: torch.Tensor) -> tuple[str, int] | None:
        for key, stored in state.items():
            rows = len(stored) if stored.dim() and stored.shape[1:] == tensor.shape[1:] else 0
            for first in range(0, rows, len(tensor)):
                if torch.equal(stored[first : first + len(tensor)], tensor):
                    return key, first

    return {name: place(tensor) for name, tensor in model.state_dict().items() if tensor.dim()}


def segments(entries: list[int]) -> list[list[int]]:
    """Ascending numbers as [first, how many follow each other]."""
    found = []
    for entry in entries:
        if found and entry == sum(found[-1]):
            found[-1][1] += 1
        else:
            found.append([entry, 1])
    return found


def runs(taken: dict[int, list[int]], size: int) -> list[dict[str, int]]:
    """`index` of a member: entries by root entry."""
    done, latest = [], {}
    for root in sorted(taken):
        for at, (first, each) in enumerate(segments(taken[root])):
            run = latest.get(at)
            follows = run and run["each"] == each and run["root"] + run["count"] == root
            if follows and run["count"] == 1:
                run["stride"] = first - run["first"]
            if follows and first == run["first"] + run["count"] * run["stride"]:
                run["count"] += 1
            else:
                latest[at] = dict(root=root, count=1, first=first, each=each, stride=each)
                done.append(latest[at])
    plain = lambda run: dict(root=0, count=size, first=0, each=1, stride=run["each"])
    return [{key: value for key, value in run.items() if value != plain(run)[key]} for run in done]


def unit_of(size: int, channel_groups: int, heads: list[int]) -> list[int]:
    """The second of what is cut at once: a head with all of its group, an entry of each channel group, or an entry."""
    if heads:
        width = size // min(heads)
        return [*range(width, 2 * width)] if min(heads) > 1 else []
    part = size // channel_groups
    return [*range(1, size, part)] if part > 1 else []


def described(model: nn.Module, inputs: dict, pruner: tp.pruner.BasePruner, group, where: dict) -> dict:
    """A group as the file has it."""
    graph, (_, projections) = pruner.DG, pruner._is_atten_group(group)
    root, handler, size = group[0].dep.target.module, group[0].dep.handler, len(group[0].idxs)
    members = {}
    for entry in range(size):
        for dep, entries in graph.get_pruning_group(root, handler, [entry]):
            for name, axis in tensors(graph, dep):
                key, first = where[name]
                shifted = {at + (first if axis == 0 else 0) for at in entries}
                taken = members.setdefault((key, axis), {})
                taken[entry] = sorted(shifted | set(taken.get(entry, ())))
    name = lambda module: where[f"{graph._module2name[module]}.weight"][0]
    heads = {name(layer): pruner.num_heads[layer] for layer in projections}
    channel_groups = 1 if heads else pruner._get_channel_groups(group)
    unit = unit_of(size, channel_groups, list(heads.values()))
    key, axis = tensors(graph, group[0].dep)[0]
    found = {"root": {"param": where[key][0], "axis": axis}, "size": size}
    found |= {"heads": dict(sorted(heads.items()))} if heads else {}
    found |= {"channel_groups": channel_groups} if channel_groups > 1 else {}
    if unit:
        fewer = max(heads.values()) // min(heads.values()) if heads else 0
        verdict, output = check(model, inputs, graph._module2name[root], handler, unit, fewer)
        found |= {"unit": unit, "check": verdict} | ({"output": True} if output else {})
    index = lambda taken: {} if runs(taken, size) == [{}] else {"index": runs(taken, size)}
    listed = [{"param": key, "axis": axis} | index(taken) for (key, axis), taken in sorted(members.items())]
    return found | {"members": listed}


def makes_output(graph: tp.DependencyGraph, layer: nn.Module) -> bool:
    """Whether the layer's outputs are the model's and nothing else goes with them."""
    pruner = graph.get_pruner_of_module(layer)
    group = graph.get_pruning_group(layer, pruner.prune_out_channels, [0])
    others = {dep.target.module for dep, _ in group if tensors(graph, dep)} - {layer}
    last = not graph.module2node[layer].outputs or any(dep.target.type == ops.OPTYPE.OUTPUT for dep, _ in group)
    return last and not others


def groups_of(model: nn.Module, inputs: dict, state: dict) -> dict:
    """`ignored` and `groups` of the file."""
    pruner, where = ask(model, inputs), places(model, state)
    graph = pruner.DG
    layers = [layer for layer in model.modules() if isinstance(layer, (*ROOTS, nn.Embedding)) and layer in graph.module2node]
    ignored = [layer for layer in layers if makes_output(graph, layer)]
    whole = list(graph.get_all_groups(ignored_layers=ignored, root_module_types=ROOTS))
    found = [rerooted(pruner, group) for group in whole]
    reached = {}
    for group in filter(None, found):
        reach(graph, group, reached)
    for layer in layers:
        rule = graph.get_pruner_of_module(layer)
        size = rule.get_out_channels(layer)
        if layer not in ignored and len(reached.get(layer, ())) < size:
            found.append(graph.get_pruning_group(layer, rule.prune_out_channels, list(range(size))))
            reach(graph, found[-1], reached)
    groups = [described(model, inputs, pruner, group, where) for group in found if group]
    names = [graph._module2name[layer] for layer in ignored]
    ignored = {name: where[f"{name}.weight"][0] for name in names}
    return {"ignored": ignored, "groups": sorted(groups, key=lambda group: (group["root"]["param"], group["root"]["axis"]))}


def rerooted(pruner: tp.pruner.BasePruner, group):
    """Attention from its output projection on, or None, where Torch-Pruning passes over it."""
    return pruner._downstream_node_as_root_if_attention(group) if pruner._is_atten_group(group)[0] else group


def reach(graph: tp.DependencyGraph, group, reached: dict[nn.Module, set[int]]) -> None:
    """Adds the outputs that the group cuts of each layer."""
    for dep, entries in group:
        if graph.is_out_channel_pruning_fn(dep.handler):
            reached.setdefault(dep.target.module, set()).update(entries)


def write(name: str, model: nn.Module, state: dict, inputs: dict) -> None:
    """Writes the golden's file. Attention step by step and without a cache is what Torch-Pruning can follow."""
    if hasattr(model, "set_attn_implementation"):
        model.set_attn_implementation("eager")
        model.config.use_cache = False
    try:
        found = groups_of(model, inputs, state)
    except (TimeoutError, IndexError) as error:
        found = {"error": f"{type(error).__name__}: {error}", "groups": []}
    groups, verdicts = found.pop("groups"), {}
    for group in groups:
        kind = group.get("check", "one unit").split()[0]
        verdicts[kind] = verdicts.get(kind, 0) + 1
    notes = {"notes": NOTES[name]} if name in NOTES else {}
    head = {"versions": versions("torch-pruning"), "model": type(model).__name__} | found | notes
    lines = ",\n".join(json.dumps(group, separators=(",", ":")) for group in groups)
    (OUT / f"{name}.json").write_text(f'{json.dumps(head)[:-1]}, "groups": [\n{lines}\n]}}\n')
    print(f"{name}: {len(groups)} groups, {sum(len(group['members']) for group in groups)} members, {verdicts}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    OUT.mkdir(exist_ok=True)
    each_golden(lambda name, *golden: write(name, *golden) if name in sys.argv[1:] or not sys.argv[1:] else None)
