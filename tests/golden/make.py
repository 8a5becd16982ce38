"""Writes the golden files beside it: numbers made by PyTorch that the Rust tests must meet.

    python -m venv ~/.cache/secateur/golden && . ~/.cache/secateur/golden/bin/activate
    pip install -r requirements.txt
    python make.py [tiny] [selection] [shipped] [families] [tokens] [diffusion] [pictures] [sparse] [gates]

`shipped` needs the trained models in public/models. Every draw is seeded; running it again on the
same versions gives the same bytes.
"""

import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
PARTS = ("tiny", "selection", "shipped", "families", "tokens", "diffusion", "pictures", "sparse", "gates")

if __name__ == "__main__":
    torch.use_deterministic_algorithms(True)
    for part in sys.argv[1:] or PARTS:
        __import__(part).make(HERE)
    for file in sorted(HERE.rglob("*.safetensors")):
        print(f"{file.stat().st_size:>9,} {file.relative_to(HERE)}")
