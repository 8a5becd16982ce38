"""The base of the tests with two checkpoints: digits-cnn after it has seen nothing but 0 to 4 for a while.

Writes the built-in model digits-cnn-0-4, in f16; digits-cnn itself then counts as fine-tuned from it.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parents[1]))
import digits  # noqa: E402

torch.manual_seed(1)


def answers(w, x):
    x = F.max_pool2d(F.relu(F.conv2d(x, w["conv1.weight"], w["conv1.bias"], padding=2)), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, w["conv2.weight"], w["conv2.bias"])), 2).flatten(1)
    for name in ("fc1", "fc2"):
        x = F.relu(F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"]))
    return F.linear(x, w["fc3.weight"], w["fc3.bias"])


def main():
    w = load_file(digits.PUBLIC / "models/digits-cnn/model.safetensors")
    print({name: list(value.shape) for name, value in w.items()})
    shown = lambda start, count: torch.tensor(digits.images(start, count) / 127.5 - 1, dtype=torch.float32).unsqueeze(1)
    test, right = shown(9000, 1000), torch.tensor(digits.labels(9000, 1000).astype("int64"))
    share = lambda: (answers(w, test).argmax(1) == right).float().mean().item()
    print("before", share())
    x, y = shown(0, 8000), torch.tensor(digits.labels(0, 8000).astype("int64"))
    x, y = x[y < 5], y[y < 5]
    leaves = [value.requires_grad_() for value in w.values()]
    optimizer = torch.optim.Adam(leaves, 2e-3)
    for step in range(int(sys.argv[1]) if len(sys.argv) > 1 else 200):
        at = torch.randint(len(y), (64,))
        optimizer.zero_grad()
        F.cross_entropy(answers(w, x[at]), y[at]).backward()
        optimizer.step()
    with torch.no_grad():
        print("after", share())
    save_file({name: value.detach().half() for name, value in w.items()}, digits.PUBLIC / "models/digits-cnn-0-4/model.safetensors")


if __name__ == "__main__":
    main()
