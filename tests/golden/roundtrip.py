"""Does Hugging Face transformers open what `secateur prune` wrote, and say the same?

    secateur prune builtin:digits-vit --method wanda --set sparsity=0.5 -o out
    cargo run -p secateur-tests --example logits -- out logits.safetensors
    python roundtrip.py out logits.safetensors

Exits non-zero when a tensor is missing or left over, or a logit differs by more than 1e-4.
"""

import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageClassification

if __name__ == "__main__":
    folder, ours = sys.argv[1], load_file(sys.argv[2])
    # Halves are storage only: both sides compute in f32.
    load = AutoModelForImageClassification.from_pretrained
    model, info = load(folder, dtype=torch.float32, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[kind], f"{kind}: {info[kind]}"
    with torch.no_grad():
        theirs = model.eval()(ours["pixels"]).logits
    worst = (theirs - ours["logits"]).abs().max().item()
    zeros = {name: (param == 0).sum().item() for name, param in model.named_parameters()}
    print(f"{type(model).__name__}: {len(theirs)} pictures, {sum(zeros.values()):,} zeros, worst logit off by {worst:.1e}")
    assert worst <= 1e-4, "the logits differ"
