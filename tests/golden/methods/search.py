"""Distances between answers as FinerCut's and EvoPress' published code works them out, and RD pruning's dynamic programme.

Writes search.json beside this file. Formulas after YaNgZhAnG-V5/llm_dissect (dissect/evaluators/output.py),
IST-DASLab/EvoPress (src/metrics.py) and Akimoto-Cris/RD_PRUNE (tools/algo.py), written anew.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

torch.manual_seed(3)


def distances(dense, pruned):
    """Of logits [samples, places, classes]; element means as FinerCut has them."""
    p, q = F.log_softmax(dense, -1), F.log_softmax(pruned, -1)
    middle = 0.5 * (p.exp() + q.exp())
    mean = lambda log_of, target: F.kl_div(log_of, target, reduction="none").mean()
    return {
        "norm": torch.linalg.matrix_norm(dense - pruned).mean(),
        "angular": torch.arccos(F.cosine_similarity(dense, pruned, dim=-1).clamp(0, 1)).mean(),
        "kl": mean(q, p.exp()),
        "js-swapped": 0.5 * (mean(p, middle) + mean(q, middle)),
        "js": 0.5 * (mean(middle.log(), p.exp()) + mean(middle.log(), q.exp())),
        # EvoPress: the mean over tokens, teacher first.
        "kl-tokens": F.kl_div(q.flatten(0, 1), p.flatten(0, 1), log_target=True, reduction="batchmean"),
        "squares": ((dense - pruned) ** 2).mean(),
    }


def allocate(curves, sizes, kept):
    """Survivors by layer with the least sum of distortions: the exact recursion over single weights."""
    least, came = [0.0] * (kept + 1), []
    for curve, size in zip(curves, sizes):
        choices = [(size - int(d / (len(curve) - 1) * size), cost) for d, cost in enumerate(curve)]
        row, taken = [], []
        for budget in range(kept + 1):
            sums = [(cost + least[budget - n], d) for d, (n, cost) in enumerate(choices) if n <= budget]
            best = min(sums, default=(float("inf"), None))
            row.append(best[0])
            taken.append(best[1])
        least = row
        came.append((taken, choices))
    picked, budget = [], kept
    for taken, choices in reversed(came):
        picked.append(taken[budget])
        budget -= choices[taken[budget]][0]
    return picked[::-1], least[kept]


def convex(steps, steep):
    return [steep * (d / steps) ** 3 for d in range(steps + 1)]


def main():
    dense, pruned = torch.randn(2, 16, 50), torch.randn(2, 16, 50)
    pruned = dense + 0.7 * pruned
    sizes, curves = [150, 300, 480, 90], [convex(20, steep) for steep in (1.0, 0.4, 2.5, 9.0)]
    picked, cost = allocate(curves, sizes, 306)
    numbers = lambda x: [round(v, 6) for v in x.flatten().tolist()]
    dense, pruned = (torch.tensor(numbers(x), dtype=torch.float64).reshape(2, 16, 50) for x in (dense, pruned))
    golden = {
        "shape": [2, 16, 50],
        "dense": numbers(dense),
        "pruned": numbers(pruned),
        "distances": {name: value.item() for name, value in distances(dense, pruned).items()},
        "programme": {"sizes": sizes, "curves": curves, "kept": 306, "picked": picked, "cost": cost},
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
