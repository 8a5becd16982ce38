"""Statistics, scores and updates of pruning methods on small models, as the papers and their authors' code have them.

    python tests/golden/methods_stats.py

writes methods_stats.safetensors, which tests/tests/methods_stats.rs reads. SparseGPT's sweep follows IST-DASLab/sparsegpt,
`fasterprune`, but that exactly int(n * s) entries of a block of columns go and not one more; GBLM-Pruner's score follows
RocktimJyotiDas/GBLM-Pruner, `prune_gblm`; FLAP's metric and search CASIA-IVA-Lab/FLAP, `prune_flap` (WIFV, AL-AM), with the
variance of all inputs; OBSPA's update is solved as a least-squares problem; relevance is passed on rule by rule.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

SIZES = [150, 20, 10, 4]
NAMES = ["first", "second", "head"]
SAMPLES = 64
ALPHA = 3.0
GONE = {0: [1, 4, 13], 1: [0, 7]}  # Units of each hidden layer that OBSPA loses.

out: dict[str, Tensor] = {}
torch.manual_seed(5)
torch.set_default_dtype(torch.float64)


def rounded(x: Tensor) -> Tensor:
    """As both sides read it."""
    return x.float().double()


def mlp() -> tuple[list[Tensor], list[Tensor], Tensor, Tensor]:
    weights = [rounded(torch.randn(b, a) / a**0.5) for a, b in zip(SIZES, SIZES[1:])]
    biases = [rounded(torch.randn(b) * 0.1) for b in SIZES[1:]]
    mix = torch.randn(SIZES[0], SIZES[0]) / SIZES[0] ** 0.5
    inputs = rounded(torch.randn(SAMPLES, SIZES[0]) @ mix + 0.3)
    return weights, biases, inputs, torch.arange(SAMPLES) % SIZES[-1]


def run(weights: list[Tensor], biases: list[Tensor], x: Tensor) -> list[Tensor]:
    """What each layer reads, and the answers."""
    seen = [x]
    for at, (weight, bias) in enumerate(zip(weights, biases)):
        x = F.linear(x, weight, bias)
        x = x if at + 1 == len(weights) else x.relu()
        seen.append(x)
    return seen


def products(x: Tensor) -> Tensor:
    """2 / samples * XᵀX, damped; columns without life are left alone."""
    h = 2 / len(x) * x.T @ x
    dead = h.diag() == 0
    h[dead, dead] = 1
    return h + 0.01 * h.diag().mean() * torch.eye(len(h))


def fasterprune(weight: Tensor, x: Tensor, sparsity: float, n: int = 0, m: int = 0, block: int = 128):
    weight, (rows, cols) = weight.clone(), weight.shape
    weight[:, (x**2).sum(0) == 0] = 0
    upper = torch.linalg.cholesky(torch.linalg.inv(products(x)), upper=True)
    kept = torch.ones_like(weight, dtype=torch.bool)
    for i1 in range(0, cols, block):
        i2 = min(i1 + block, cols)
        w, u = weight[:, i1:i2].clone(), upper[i1:i2, i1:i2]
        q, errors, mask = torch.zeros_like(w), torch.zeros_like(w), torch.zeros_like(w, dtype=torch.bool)
        if not m:
            saliency = w**2 / u.diag() ** 2
            mask = saliency < saliency.flatten().sort().values[int(saliency.numel() * sparsity)]
        for i in range(i2 - i1):
            if m and i % m == 0:
                now = w[:, i : i + m] ** 2 / u.diag()[i : i + m] ** 2
                mask.scatter_(1, i + now.topk(m - n, dim=1, largest=False).indices, True)
            q[:, i] = torch.where(mask[:, i], 0, w[:, i])
            errors[:, i] = (w[:, i] - q[:, i]) / u[i, i]
            w[:, i:] -= errors[:, i : i + 1] * u[i : i + 1, i:]
        weight[:, i1:i2], kept[:, i1:i2] = q, ~mask
        weight[:, i2:] -= errors @ upper[i1:i2, i2:]
    return weight, kept


def sparsegpt(key: str, model, **how) -> None:
    """Layer after layer, each with what the pruned ones before it give."""
    weights, biases, inputs, _ = model
    x = inputs
    for name, weight, bias in zip(NAMES, weights, biases):
        if how.get("m") and weight.shape[1] % how["m"]:
            whole = weight.shape[1] // how["m"] * how["m"]
            raise SystemExit(f"{name}: {whole} of {weight.shape[1]} columns fill groups")
        pruned, kept = fasterprune(weight, x, **how)
        out[f"{key}.{name}.weight"], out[f"{key}.{name}.kept"] = pruned, kept
        x = F.linear(x, pruned, bias).relu()


def gradients(model) -> list[Tensor]:
    """Of each sample's own loss, [samples, out, in] for each layer."""
    weights, biases, inputs, labels = model
    each = [[] for _ in weights]
    for x, y in zip(inputs, labels):
        leaves = [weight.clone().requires_grad_() for weight in weights]
        F.cross_entropy(run(leaves, biases, x[None])[-1], y[None]).backward()
        [grads.append(leaf.grad) for grads, leaf in zip(each, leaves)]
    return [torch.stack(grads) for grads in each]


def taylor_and_gblm(model) -> None:
    weights, biases, inputs, _ = model
    seen = run(weights, biases, inputs)
    for at, (name, w, g, x) in enumerate(zip(NAMES, weights, gradients(model), seen)):
        out[f"taylor.fisher.{name}"] = (g * w).square().mean(0)
        out[f"taylor.magnitudes.{name}"] = (g * w).abs().mean(0)
        out[f"taylor.mean.{name}"] = (g.mean(0) * w).abs()
        out[f"taylor.mixed.{name}"] = (w**2 * g.square().mean(0) / 2 - g.mean(0) * w).abs()
        if at:
            # The gate of an input multiplies it: d loss / d gate is the sum over rows of w * g.
            out[f"taylor.gates.{at - 1}"] = (g * w).sum(1).square().mean(0)
        norm = (x.square().sum(0) / SAMPLES).sqrt()
        out[f"wanda.{name}"] = w.abs() * norm
        for key, gradient in [("l1", (ALPHA * g).abs().sum(0)), ("l2", (ALPHA * g).square().sum(0).sqrt())]:
            out[f"gblm.{key}.{name}"] = w.abs() * norm + w.abs() * gradient


def flap(model, ratio: float = 0.4) -> None:
    """Columns of the layers that read hidden units; each unit costs the weights that go with it."""
    weights, biases, inputs, _ = model
    seen = run(weights, biases, inputs)
    scores, costs, units = [], [], []
    for group, (name, w, x) in enumerate(zip(NAMES[1:], weights[1:], seen[1:])):
        out[f"flap.{name}"] = w**2 * x.var(0)
        metric = x.var(0) * w.square().sum(0)
        metric = (metric - metric.mean()) / metric.std()
        scores.append(metric)
        costs.append(torch.full_like(metric, weights[group].shape[1] + w.shape[0]))
        units += [(group, unit) for unit in range(len(metric))]
    score, cost = torch.cat(scores), torch.cat(costs)
    order = score.sort(descending=True).indices
    used = cost[order].cumsum(0)
    kept = int((used - used[-1] * (1 - ratio)).abs().argmin()) + 1
    gone = sorted(units[at] for at in order[kept:])
    for group, (name, w, b, x) in enumerate(zip(NAMES[1:], weights[1:], biases[1:], seen[1:])):
        go = [unit for of, unit in gone if of == group]
        out[f"flap.gone.{group}"] = torch.tensor(go, dtype=torch.float64)
        out[f"flap.{name}.bias"] = b + w[:, go] @ x.mean(0)[go]


def obspa(model) -> None:
    """Each layer fitted anew to what it gave with all inputs, on inputs of the layers before it as they are by then."""
    weights, biases, inputs, _ = model
    x = inputs
    for at, (name, w, b) in enumerate(zip(NAMES, weights, biases)):
        out[f"obspa.{name}.scores"] = w**2 / (2 * torch.linalg.inv(products(x)).diag())
        go = GONE.get(at - 1, [])
        stay = [col for col in range(w.shape[1]) if col not in go]
        fitted = torch.zeros_like(w)
        # Damped least squares: rows that ask for small changes are put below the inputs.
        damping = (products(x) - 2 / len(x) * x.T @ x).diag()[0]
        below = (damping * len(x) / 2).sqrt() * torch.eye(len(stay))
        wanted = x[:, go] @ w[:, go].T
        rows = torch.cat([x[:, stay], below]), torch.cat([wanted, torch.zeros(len(stay), len(w))])
        fitted[:, stay] = w[:, stay] + torch.linalg.lstsq(*rows).solution.T
        out[f"obspa.{name}"] = fitted
        x = F.linear(x, fitted, b).relu()


def passed_on(x: Tensor, w: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Positive terms take relevance in proportion: what each weight passes on, and what each input gets."""
    terms = (x[:, None, :] * w).clamp(min=0)
    total = terms.sum(2, keepdim=True)
    share = terms / torch.where(total < 1e-9, 1e-9, total) * relevance[:, :, None]
    return share.sum(0), share.sum(1)


def relevance(model) -> None:
    weights, biases, inputs, labels = model
    seen = run(weights, biases, inputs)
    given = F.one_hot(labels, SIZES[-1]).double()
    for name, w, x in reversed(list(zip(NAMES, weights, seen))):
        by_weight, given = passed_on(x, w, given)
        out[f"lrp.{name}"] = by_weight / SAMPLES
    attention()


def attention(samples: int = 6, tokens: int = 5, width: int = 8, heads: int = 2, classes: int = 3) -> None:
    """Queries, keys, values, what they come to, and a head on the first token."""
    w = {name: rounded(torch.randn(width, width) / width**0.5) for name in ["query", "key", "value", "output"]}
    w["classes"] = rounded(torch.randn(classes, width))
    x = rounded(torch.randn(samples, tokens, width))
    labels = torch.arange(samples) % classes
    split = lambda y: y.unflatten(2, (heads, -1)).transpose(1, 2)
    q, k, v = (split(x @ w[name].T) for name in ["query", "key", "value"])
    shares = (q @ k.transpose(2, 3) / (width / heads) ** 0.5).softmax(3)
    mixed = shares @ v
    y = mixed.transpose(1, 2).flatten(2)
    first = (y @ w["output"].T)[:, 0]
    found = {}
    found["classes"], given = passed_on(first, w["classes"], F.one_hot(labels, classes).double())
    found["output"], given = passed_on(y[:, 0], w["output"], given)
    # Of the first token's mixture, each value in proportion to what it adds.
    per = given.unflatten(1, (heads, -1)) / mixed[:, :, 0]
    given = (shares[:, :, 0, :, None] * v * per[:, :, None]).transpose(1, 2).flatten(2)
    found["value"], _ = passed_on(x.flatten(0, 1), w["value"], given.flatten(0, 1))
    found["query"] = found["key"] = torch.zeros(width, width)
    out["attention.inputs"] = x
    for name in w:
        out[f"attention.{name}.weight"] = w[name]
        out[f"attention.{name}.relevance"] = found[name] / samples


def main() -> None:
    model = mlp()
    weights, biases, inputs, _ = model
    out["inputs"] = inputs
    for name, weight, bias in zip(NAMES, weights, biases):
        out[f"{name}.weight"], out[f"{name}.bias"] = weight, bias
    sparsegpt("sparsegpt", model, sparsity=0.5)
    sparsegpt("sparsegpt.1:2", model, sparsity=0.5, n=1, m=2)
    taylor_and_gblm(model)
    flap(model)
    obspa(model)
    relevance(model)
    file = Path(__file__).with_name("methods_stats.safetensors")
    save_file({name: x.to(torch.float32).contiguous() for name, x in out.items()}, file)
    print(f"{file.name}: {len(out)} arrays, {np.sum([x.numel() for x in out.values()]):,} numbers")


if __name__ == "__main__":
    main()
