"""Smaller models as ONNX: what onnxruntime answers beside `secateur run`, for every golden and every kind of unit.

    cargo build -p secateur-cli
    python tests/golden/onnx_cut.py target/debug/secateur [GOLDEN ...]

Each model is cut to half by magnitude, written as ONNX and as ragged safetensors, and both are asked about the same random
inputs. Ends with 1 where an answer is off by more than 1e-4 of the largest.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load_file, save_file

FAMILIES = Path(__file__).parent / "families"
LIMIT = 1e-4
SAMPLES = 2


def secateur(*args):
    done = subprocess.run([str(arg) for arg in args], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return done.stdout


def drawn(session, rng):
    """Random inputs of the file's sizes: whole numbers that every table has, or normal ones."""
    inputs = {}
    for given in session.get_inputs():
        shape = [SAMPLES] + [int(size) for size in given.shape[1:]]
        whole = given.type == "tensor(int64)"
        inputs[given.name] = rng.integers(0, 2, shape) if whole else rng.standard_normal(shape).astype(np.float32)
    if "timestep" in inputs:
        inputs["timestep"] = np.full(SAMPLES, 10, inputs["timestep"].dtype)
    return inputs


def difference(binary, folder, cut, where, rng):
    secateur(binary, "export", folder, *cut, "--format", "onnx", "-o", where / "onnx")
    model = folder
    if cut:
        secateur(binary, "export", folder, *cut, "--format", "ragged", "-o", where / "ragged")
        model = where / "ragged"
    session = onnxruntime.InferenceSession(str(where / "onnx" / "model.onnx"))
    inputs = drawn(session, rng)
    save_file({name: value.astype(np.float32) for name, value in inputs.items()}, where / "in.safetensors")
    secateur(binary, "run", model, "--input", where / "in.safetensors", "-o", where / "out.safetensors", "--device", "cpu")
    ours = load_file(where / "out.safetensors")
    names = [output.name for output in session.get_outputs()]
    # An answer that is called as an input is has a longer name in the file.
    theirs = dict(zip([name.removeprefix("out_") for name in names], session.run(names, inputs)))
    assert ours.keys() == theirs.keys(), (ours.keys(), theirs.keys())
    return max(float(abs(ours[name] - theirs[name]).max() / abs(ours[name]).max()) for name in theirs)


def main():
    binary, only = Path(sys.argv[1]).resolve(), sys.argv[2:]
    rng = np.random.default_rng(0)
    wrong, count = [], 0
    for folder in sorted(path.parent for path in FAMILIES.glob("*/model.safetensors")):
        if only and folder.name not in only:
            continue
        groups = json.loads(secateur(binary, "groups", folder, "--json").strip().splitlines()[-1])["groups"]
        kinds = list(dict.fromkeys(group["kind"] for group in groups))
        for kind in [None, *kinds]:
            method = ["--method", "magnitude", "--pattern", "unit", "--set", f"units={kind}", "--set", "sparsity=0.5"]
            with tempfile.TemporaryDirectory() as where:
                off = difference(binary, folder, method if kind else [], Path(where), rng)
            print(f"{folder.name:<28} {kind or 'dense':<10} {off:.1e}", flush=True)
            count += 1
            if not off <= LIMIT:
                wrong.append((folder.name, kind, off))
    print(f"{count} models, {len(wrong)} off by more than {LIMIT}: {wrong}")
    sys.exit(bool(wrong))


main()
