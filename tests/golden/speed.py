"""Times PyTorch's linear layers and convolutions on the CPU, for `secateur bench kernels --device cpu` to be held beside.

    ~/.cache/secateur/tools/golden/bin/python speed.py [--json]

The layers are the command line's, and so is the way of measuring: products follow each other for 5 ms between two looks
at the clock, after some to warm up, on all cores. With --json the last line is one JSON object.
"""

import json
import math
import os
import statistics
import sys
import time
from pathlib import Path

import torch
from torch.nn.functional import conv2d, linear

LAYERS = Path(__file__).parents[2] / "crates/cli/src/commands/bench/layers.json"
REPEATS, LASTS_MS = 20, 5.0


def milliseconds(x: torch.Tensor, w: torch.Tensor, runs: int) -> float:
    """So many products y = x W^T; x [samples, inputs], w [outputs, inputs], or pictures and kernels."""
    multiply = linear if x.dim() == 2 else conv2d
    start = time.perf_counter()
    for _ in range(runs):
        multiply(x, w)
    return (time.perf_counter() - start) * 1e3


@torch.inference_mode()
def measure(samples: int, inputs: int, outputs: int, window: int | None) -> dict[str, float]:
    x, w = torch.randn(samples, inputs), torch.randn(outputs, inputs)
    if window:
        channels, height = inputs // window**2, math.isqrt(samples)
        x = torch.randn(1, channels, height + window - 1, samples // height + window - 1)
        w = w.reshape(outputs, channels, window, window)
    milliseconds(x, w, runs=1)
    runs = 1
    while milliseconds(x, w, runs) < LASTS_MS:
        runs *= 2
    times = [milliseconds(x, w, runs) / runs for _ in range(REPEATS)]
    return dict(zip(("q1", "median", "q3"), statistics.quantiles(times, n=4, method="inclusive")))


def line(layer: str, samples: int, inputs: int, outputs: int, ms: dict[str, float]) -> str:
    rate = 2 * samples * inputs * outputs / ms["median"] / 1e6
    spread = f"{ms['median']:.2f} ({ms['q1']:.2f} to {ms['q3']:.2f})"
    return f"  {layer}: {samples} x {inputs} -> {outputs}, median and quartiles of {REPEATS}\n    {spread:<26} ms {rate:8.1f} GFLOP/s"


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)
    device = f"PyTorch {torch.__version__}, CPU, {torch.get_num_threads()} threads"
    measured = []
    for layer in json.loads(LAYERS.read_text()):
        name, sides = layer["layer"], [layer[side] for side in ("samples", "inputs", "outputs")]
        measured.append((name, *sides, measure(*sides, layer.get("window"))))
    if "--json" in sys.argv[1:]:
        keys = ("layer", "samples", "inputs", "outputs", "ms")
        print(json.dumps({"device": device, "repeats": REPEATS, "layers": [dict(zip(keys, of)) for of in measured]}))
    else:
        print(device, *(line(*of) for of in measured), sep="\n")
