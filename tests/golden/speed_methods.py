"""Seconds that PyTorch takes for Wanda and SparseGPT on a Llama-like model, beside ours.

    python tests/golden/speed_methods.py MODEL TEXT [SAMPLES] [LENGTH]

The same tokens as `secateur prune MODEL --method wanda|sparsegpt --calibration TEXT --calibration-samples SAMPLES
--calibration-length LENGTH`: consecutive pieces from the text's beginning. Two threads, f32. Both follow their papers (2306.11695,
algorithm 1; 2301.00774, algorithm 1 with blocks of 128), one decoder block after the other, each seeing what the cut ones before
it give.
"""

import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(2)
MODEL, TEXT = sys.argv[1:3]
SAMPLES, LENGTH = (int(word) for word in (sys.argv[3:5] + ["128", "128"][len(sys.argv) - 3 :]))
SPARSITY, BLOCK, DAMP = 0.5, 128, 0.01


def pieces():
    tokens = AutoTokenizer.from_pretrained(MODEL)(open(TEXT, encoding="utf-8").read(), return_tensors="pt").input_ids[0]
    return tokens[: SAMPLES * LENGTH].reshape(SAMPLES, LENGTH)


class Stop(Exception):
    pass


@torch.no_grad()
def by_block(model, tokens, gather, cut):
    """Runs each block twice: to gather what its layers see, and, cut, for the blocks behind it."""
    seen, settings = [], {}

    def catch(module, args, kwargs):
        seen.append(args[0] if args else kwargs.pop("hidden_states"))
        settings.update(kwargs)
        raise Stop

    handle = model.model.layers[0].register_forward_pre_hook(catch, with_kwargs=True)
    for piece in tokens.split(8):
        try:
            model.model(piece, use_cache=False)
        except Stop:
            pass
    handle.remove()
    first = lambda out: out[0] if isinstance(out, tuple) else out
    for block in model.model.layers:
        layers = [module for module in block.modules() if isinstance(module, torch.nn.Linear)]
        stats = {}
        hooks = [layer.register_forward_pre_hook(lambda layer, args: gather(stats, layer, args[0])) for layer in layers]
        for x in seen:
            block(x, **settings)
        for hook in hooks:
            hook.remove()
        for layer in layers:
            cut(layer, stats[layer])
        seen = [first(block(x, **settings)) for x in seen]


def squares(stats, layer, x):
    stats[layer] = stats.get(layer, 0) + x.flatten(0, 1).square().sum(0)


def wanda(layer, squares):
    score = layer.weight.abs() * (squares / SAMPLES).sqrt()
    lowest = score.argsort(dim=1, stable=True)[:, : int(score.shape[1] * SPARSITY)]
    layer.weight.scatter_(1, lowest, 0.0)


def gram(stats, layer, x):
    x = x.flatten(0, 1)
    stats[layer] = stats.get(layer, 0) + x.T @ x


def sparsegpt(layer, gram):
    weight, hessian = layer.weight.clone(), gram * (2.0 / SAMPLES)
    dead = hessian.diagonal() == 0
    hessian[dead, dead] = 1.0
    weight[:, dead] = 0.0
    hessian.diagonal().add_(DAMP * hessian.diagonal().mean())
    inverse = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(hessian)), upper=True)
    for start in range(0, weight.shape[1], BLOCK):
        end = min(start + BLOCK, weight.shape[1])
        block, factor = weight[:, start:end].clone(), inverse[start:end, start:end]
        score = block.square() / factor.diagonal().square()
        pruned = score <= score.flatten().sort().values[int(score.numel() * SPARSITY)]
        errors = torch.zeros_like(block)
        for at in range(end - start):
            kept = torch.where(pruned[:, at], 0.0, block[:, at])
            errors[:, at] = (block[:, at] - kept) / factor[at, at]
            block[:, at:] -= errors[:, at : at + 1] * factor[at, at:]
            block[:, at] = kept
        weight[:, start:end] = block
        weight[:, end:] -= errors @ inverse[start:end, end:]
    layer.weight.copy_(weight)


tokens = pieces()
for name, gather, cut in [("wanda", squares, wanda), ("sparsegpt", gram, sparsegpt)]:
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    start = time.perf_counter()
    by_block(model, tokens, gather, cut)
    zeros = sum((layer.weight == 0).sum().item() for layer in model.model.layers.modules() if isinstance(layer, torch.nn.Linear))
    print(f"{name}: {time.perf_counter() - start:.1f} s for {tokens.numel()} tokens, {zeros} zeros", flush=True)
