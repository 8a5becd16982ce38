"""Gates that are learnt, by the formulas of their papers and of the authors' code, in PyTorch and double precision."""

import json
import math
from pathlib import Path

import torch

BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1
UNITS = 24


def make(out: Path) -> None:
    """Writes `gates.json`: what is learnt and drawn, each beside what becomes of it."""
    torch.manual_seed(7)
    torch.set_default_dtype(torch.float64)
    draw = torch.rand(UNITS).clamp(1e-4, 1 - 1e-4)
    log_alpha = torch.randn(UNITS) * 3
    golden = {
        "draw": draw.tolist(),
        "log_alpha": log_alpha.tolist(),
        "concrete": [concrete(draw, log_alpha, beta, calm) for beta, calm in ((BETA, 0.0), (0.83, 0.5), (0.83, 0.1))],
        "open": torch.sigmoid(log_alpha - BETA * math.log(-GAMMA / ZETA)).tolist(),
        "settled": (torch.sigmoid(log_alpha) * (ZETA - GAMMA) + GAMMA).clamp(0, 1).tolist(),
        "compresso": compresso(log_alpha),
        "size": size(),
        "bottleneck": bottleneck(),
        "ecodiff": [ecodiff(norm) for norm in ("l0", "l1")],
        "pdp": [pdp(share) for share in (0.1, 0.5, 0.9)],
        "pdp_runs": pdp_runs(),
        "movement": movement(),
    }
    (out / "gates.json").write_text(json.dumps(golden) + "\n")
    torch.set_default_dtype(torch.float32)


def concrete(u, log_alpha, beta, calm):
    """EcoDiff's `hard_concrete_distribution`; with calm = 0 that of Louizos et al."""
    s = torch.sigmoid((torch.log(u + calm) - torch.log(1 - u + calm) + log_alpha) / beta)
    return {"beta": beta, "calm": calm, "gate": (s * (ZETA - GAMMA) + GAMMA).clamp(0, 1).tolist()}


def compresso(log_alpha):
    """`deterministic_z_from_log_alpha`: as many zeros as are expected, the smallest first; the others stay soft."""
    shut = 1 - torch.sigmoid(log_alpha - BETA * math.log(-GAMMA / ZETA))
    zeros = round(shut.sum().item())
    soft = torch.sigmoid(log_alpha / BETA * 0.8)
    keep = torch.ones(UNITS)
    keep[soft.topk(zeros, largest=False).indices] = 0
    return {"zeros": zeros, "keep": keep.tolist(), "soft": soft.tolist()}


def size():
    """What is expected to stay of a transformer: 2 layers of width 16, 2 heads of 8, 32 neurons, patches of 16, 5 classes."""
    width, layers = torch.rand(16), []
    total = left = 0.0
    for _ in range(2):
        head, neuron = torch.rand(2), torch.rand(32)
        layers.append({"heads": head.tolist(), "neurons": neuron.tolist()})
        left += 4 * 8 * torch.outer(head, width).sum() + 2 * torch.outer(neuron, width).sum()
        total += 4 * 16 * 16 + 2 * 16 * 32
    left, total = left + (16 + 5) * width.sum(), total + (16 + 5) * 16
    return {"width": width.tolist(), "layers": layers, "left": (left / total).item()}


def bottleneck():
    """`InformationBottleneck`: KL, log alpha, hard and weighted mask, soft keeping with tau = 10."""
    mean, log_variance = torch.randn(UNITS), torch.randn(UNITS) * 2 - 2
    log_ratio = log_variance - torch.log(mean**2 + 1e-8)
    keep = (log_ratio < 0).double()
    return {
        "mean": mean.tolist(),
        "log_variance": log_variance.tolist(),
        "kl": (0.5 * torch.log(1 + mean**2 / (log_variance.exp() + 1e-8)).sum()).item(),
        "log_ratio": log_ratio.tolist(),
        "weighted": (mean * keep).tolist(),
        "kept": torch.sigmoid(-10 * log_ratio).tolist(),
    }


def ecodiff(norm):
    """`calculate_reg_loss` of two layers, and the expected number of open gates of Louizos et al."""
    rows = [torch.randn(6), torch.randn(10)]
    if norm == "l0":
        price = sum(torch.sigmoid(row - 0.83 * math.log(0.1 / 1.1)).sum() for row in rows)
    else:
        price = sum(row.abs().sum() / len(row) for row in rows) / len(rows)
    return {"norm": norm, "rows": [row.tolist() for row in rows], "price": price.item()}


def fence(weight, share):
    """PQuant's `get_mask`: half-way between the magnitudes at the two places around the cut."""
    magnitudes = weight.abs().flatten().sort(descending=True).values
    at, last = int((1 - share) * len(magnitudes)), len(magnitudes) - 1
    return 0.5 * (magnitudes[min(max(at - 1, 0), last)] + magnitudes[min(at, last)])


def pdp(share, tau=0.04):
    """The threshold, the masked weights and their gradient along a direction, with the threshold held still."""
    weight, pull = torch.randn(9, 14).requires_grad_(), torch.randn(9, 14)
    t = fence(weight.detach(), share)
    masked = weight * torch.sigmoid((weight**2 - t**2) / tau)
    (masked * pull).sum().backward()
    return {
        "share": share,
        "tau": tau,
        "weight": weight.flatten().tolist(),
        "pull": pull.flatten().tolist(),
        "threshold": t.item(),
        "masked": masked.flatten().tolist(),
        "slope": weight.grad.flatten().tolist(),
    }


def pdp_runs():
    """The thresholds of 2:4, run by run."""
    weight = torch.randn(6, 8)
    return {"weight": weight.flatten().tolist(), "thresholds": [fence(run, 0.5).item() for run in weight.reshape(-1, 4)]}


def movement(first=1.0, last=0.15, begin=20, end=80):
    """`schedule_threshold` at ten times, and the top of a matrix of scores."""
    scores = torch.randn(7, 11)
    shares, masks = [], []
    for step in range(0, 100, 10):
        done = min(max((step - begin) / (end - begin), 0.0), 1.0)
        shares.append(last + (first - last) * (1 - done) ** 3)
        keep = torch.zeros(scores.numel())
        keep[scores.flatten().topk(scores.numel() - math.floor((1 - shares[-1]) * scores.numel() + 0.5)).indices] = 1
        masks.append(keep.tolist())
    return {"scores": scores.flatten().tolist(), "shares": shares, "keep": masks}


if __name__ == "__main__":
    make(Path(__file__).parent)
