"""One change of the masks by each method that trains with sparse weights, and low-rank adapters under a mask, by their papers'
formulas in PyTorch. Only numbers that differ are drawn, so that no rule for ties matters."""

import json
from pathlib import Path

import torch
from torch import nn

ROWS, COLS = 12, 20


def make(out: Path) -> None:
    """Writes `sparse.json`: weights, gradients and masks row by row, each beside what becomes of it."""
    torch.manual_seed(11)
    weight, slope = torch.randn(ROWS, COLS), torch.randn(ROWS, COLS)
    mask = (torch.rand(ROWS, COLS) < 0.4).float()
    golden = {
        "shape": [ROWS, COLS],
        "weight": flat(weight),
        "slope": flat(slope),
        "mask": flat(mask.bool()),
        "cubic": [cubic(step, 0.1, 0.9, 20, 120) for step in range(0, 140, 7)],
        "gmp": [{"sparsity": s, "keep": flat(by_count(weight, s))} for s in (0.0, 0.5203125, 0.7875, 0.9)],
        "rigl": [{"share": f, "keep": flat(rigl(weight * mask, slope, mask, f))} for f in (0.05, 0.3, 0.77, 1.0)],
        "granet": [granet(weight, slope, s, r) for s, r in ((0.3, 0.5), (0.8, 0.25), (0.95, 0.005))],
        "lottery": [{"share": p, "keep": flat(survivors(weight, mask, p))} for p in (0.1, 0.2, 0.5)],
        "adapters": adapters(),
    }
    (out / "sparse.json").write_text(json.dumps(golden) + "\n")


def cubic(step, first, last, begin, end):
    """Keras' `PolynomialDecay` of power 3, with its clipping of steps before and after."""
    done = min(1.0, max(0.0, (step - begin) / (end - begin)))
    return last + (first - last) * (1 - done) ** 3


def by_count(weight, sparsity):
    """The later code of gradual pruning: the round(n (1 - s)) largest stay."""
    keep = round(weight.numel() * (1 - sparsity))
    return weight.abs() >= weight.abs().flatten().sort(descending=True).values[keep - 1]


def rigl(weight, slope, mask, share):
    """`top_k` of |w| among the active, then of |gradient| among all that it leaves, without noise."""
    ones = int(mask.sum())
    swapped = int(torch.tensor(ones, dtype=torch.float32) * share)
    stay = torch.zeros(mask.numel())
    stay[weight.abs().flatten().topk(mask.numel()).indices[: ones - swapped]] = 1
    appeal = slope.abs().flatten()
    lifted = torch.where(stay == 1, appeal.min() - 1, appeal)
    stay[lifted.topk(mask.numel()).indices[:swapped]] = 1
    return stay.reshape(mask.shape) == 1


def granet(weight, slope, sparsity, share):
    """A cut at the K-th largest of all weights, which stays, against the authors' strict comparison; then for each layer
    (here one) the ceil(r a) smallest go and as many of the largest gradients among the masked come, at 0."""
    kept = weight.numel() - round(sparsity * weight.numel())
    cut = weight.abs() >= weight.abs().flatten().sort(descending=True).values[kept - 1]
    weight = weight * cut
    swapped = -int(-(share * kept) // 1)
    zeros = weight.numel() - kept
    threshold = weight.abs().flatten().sort().values[zeros + swapped - 1]
    without = weight.abs() > threshold
    appeal = slope.abs() * ~without
    grown = without.clone().flatten()
    grown[appeal.flatten().sort(descending=True).indices[:swapped]] = True
    grown = grown.reshape(without.shape)
    after = weight * without
    return {"sparsity": sparsity, "share": share, "cut": flat(cut), "keep": flat(grown), "after": flat(after * grown)}


def survivors(weight, mask, share):
    """`sorted(survivors)[round(p a)]`: what is at or below goes, one weight more than asked."""
    alive = (weight * mask).flatten()[mask.flatten() == 1].abs().sort().values
    return (mask == 1) & (weight.abs() > alive[round(share * len(alive))])


def adapters():
    """MaskLoRA, LoRA that is masked late, and ScaleLoRA, by their formulas; `a` and `b` as `nn.Linear` would hold them."""
    rows, cols, rank, alpha = 32, 48, 4, 8.0
    weight, mask = torch.randn(rows, cols), torch.rand(rows, cols) < 0.5
    weight = weight * mask
    a, b = nn.Linear(cols, rank, bias=False).weight.detach(), torch.randn(rows, rank)
    x = torch.randn(3, cols)
    masked = weight + (alpha / rank) * mask * (b @ a)
    scaled = weight * (b @ a)
    ones = torch.full((rows, rank), rank**-0.5) @ torch.full((rank, cols), rank**-0.5)
    assert torch.allclose(ones, torch.ones(rows, cols), atol=1e-6)
    return {
        "shape": [rows, cols],
        "rank": rank,
        "alpha": alpha,
        "weight": flat(weight),
        "mask": flat(mask),
        "a": flat(a),
        "b": flat(b),
        "x": flat(x),
        "mask_lora": flat(x @ masked.T),
        "scale_lora": flat(x @ scaled.T),
        "late_seen": flat(x @ weight.T + (alpha / rank) * (x @ a.T) @ b.T),
        "late_merged": flat(x @ (weight + (alpha / rank) * (b @ a) * mask).T),
    }


def flat(tensor):
    if tensor.dtype == torch.bool:
        return tensor.flatten().int().tolist()
    return [round(x, 7) for x in tensor.flatten().tolist()]
