"""Group scores of LLM-Pruner, worked out by PyTorch's gradients.

Writes structural.json beside this file: a gated MLP, samples, and what each of its hidden neurons scores. After
horseee/LLM-Pruner (LLMPruner/pruner/hf_llama_pruner.py, TaylorImportance), written anew.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

torch.manual_seed(11)
SAMPLES, INPUTS, HIDDEN, CLASSES = 10, 6, 8, 5


def numbers(x):
    return [round(v, 6) for v in x.flatten().tolist()]


def random(*shape):
    return torch.tensor(numbers(torch.randn(*shape)), dtype=torch.float64).reshape(shape)


def loss(weights, x, labels):
    hidden = F.silu(x @ weights["gate"].T) * (x @ weights["up"].T)
    return F.cross_entropy(hidden @ weights["down"].T, labels)


def gradients(weights, x, labels):
    leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    loss(leaves, x, labels).backward()
    return {name: leaf.grad for name, leaf in leaves.items()}


def slices(importance, weight, gradient, fisher):
    """For each entry, or for "vector" before the absolute sum, what it scores."""
    match importance:
        case "vector" | "element1":
            entries = gradient * weight
        case "element2":
            entries = weight**2 * fisher
        case "mixed":
            entries = gradient * weight - 0.5 * weight**2 * fisher
    return entries if importance == "vector" else entries.abs()


def scores(importance, weights, gradient, fisher):
    """By weight, in the order in which the model uses them."""
    by_weight = []
    for name, weight in weights.items():
        entries = slices(importance, weight, gradient[name], fisher[name])
        by_weight.append(entries.sum(0 if name == "down" else 1).abs())
    return torch.stack(by_weight)


def main():
    weights = {"gate": random(HIDDEN, INPUTS), "up": random(HIDDEN, INPUTS), "down": random(CLASSES, HIDDEN)}
    x, labels = random(SAMPLES, INPUTS), torch.arange(SAMPLES) % CLASSES
    gradient = gradients(weights, x, labels)
    each = [gradients(weights, x[at : at + 1], labels[at : at + 1]) for at in range(SAMPLES)]
    fisher = {name: torch.stack([one[name] ** 2 for one in each]).mean(0) for name in weights}
    join = {"sum": lambda s: s.sum(0), "product": lambda s: s.prod(0), "max": lambda s: s.amax(0), "last": lambda s: s[-1]}
    golden = {
        "weights": {name: numbers(weight) for name, weight in weights.items()},
        "inputs": numbers(x),
        "scores": {
            importance: {name: joined(scores(importance, weights, gradient, fisher)).tolist() for name, joined in join.items()}
            for importance in ("vector", "element1", "element2", "mixed")
        },
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
