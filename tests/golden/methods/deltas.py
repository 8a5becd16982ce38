"""DAREx' analytic q and TIES' trim, elect and merge as their published code works them out.

Writes deltas.json beside this file. After vengdeng/DAREx (utils/analyticalq.py) and prateeky2806/ties-merging
(src/ties_minimal.ipynb), written anew; TIES keeps exactly as many entries as asked.
"""

import json
import math
from pathlib import Path

import torch

torch.manual_seed(5)


def analytic(p, c, eta, prob=0.95, settled=0.8):
    """The q of each row of c on a grid of thousandths; all rows stop when enough of them got worse."""
    phi = (1 - 2 * p) / math.log((1 - p) / p)
    total, squares = c.sum(1), (c * c).sum(1)
    best, q_of = torch.full_like(total, 1e4), torch.full_like(total, 1 - p)
    worse = torch.zeros_like(total)
    for at in range(int((1 - p) * 1000), 999):
        q = at * 0.001
        bound = (eta * (1 - (1 - p) / q) * total + eta**2 * phi * squares / (4 * q**2) + math.log(2 / (1 - prob))).abs()
        worse[bound >= best] = 1
        better = bound <= best
        best[better], q_of[better] = bound[better], q
        if worse.mean() >= settled:
            break
    return q_of


def ties(deltas, keep):
    """The merged delta of [tasks, entries]."""
    count = int(keep * deltas.shape[1])
    trimmed = torch.zeros_like(deltas)
    for task, delta in zip(trimmed, deltas):
        largest = delta.abs().topk(count).indices
        task[largest] = delta[largest]
    sign = trimmed.sum(0).sign()
    sign[sign == 0] = sign.sum().sign()
    agrees = torch.where(sign > 0, trimmed > 0, trimmed < 0)
    return (trimmed * agrees).sum(0) / agrees.sum(0).clamp(min=1)


def main():
    numbers = lambda x: [round(v, 6) for v in x.flatten().tolist()]
    c = torch.tensor(numbers(torch.randn(32, 64) * 0.6), dtype=torch.float64).reshape(32, 64)
    deltas = torch.tensor(numbers(torch.randn(3, 262)), dtype=torch.float64).reshape(3, 262)
    # Two entries that cancel exactly.
    deltas[:, 7] = torch.tensor([2.5, -2.5, 0.0])
    q = [{"p": p, "eta": eta, "rows": analytic(p, c, eta).tolist()} for p in (0.9, 0.99) for eta in (0.05, 0.37, 1.0)]
    golden = {"c": numbers(c), "q": q, "deltas": numbers(deltas), "keep": 0.2, "ties": ties(deltas, 0.2).tolist()}
    Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
