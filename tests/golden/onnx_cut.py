"""Smaller models as ONNX: what onnxruntime answers beside `secateur run`, for every golden and every kind of unit.

    cargo build -p secateur-cli
    python tests/golden/onnx_cut.py target/debug/secateur [GOLDEN ...]
    python tests/golden/onnx_cut.py target/debug/secateur --kept FOLDER

The second line takes one model's ONNX file as it lies in FOLDER, with the recipe and the report beside it: what
tests/e2e/units.test.mjs downloads from the page where SECATEUR_KEEP names that folder.

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


def exported(binary, folder, cut, where):
    secateur(binary, "export", folder, *cut, "--format", "onnx", "-o", where / "onnx")
    return where / "onnx" / "model.onnx"


def difference(binary, folder, cut, onnx, where, rng):
    """How far onnxruntime's answers for a file are from ours for the same cut of the model in `folder`."""
    model = folder
    if cut:
        secateur(binary, "export", folder, *cut, "--format", "ragged", "-o", where / "ragged")
        model = where / "ragged"
    session = onnxruntime.InferenceSession(str(onnx))
    inputs = drawn(session, rng)
    save_file({name: value.astype(np.float32) for name, value in inputs.items()}, where / "in.safetensors")
    secateur(binary, "run", model, "--input", where / "in.safetensors", "-o", where / "out.safetensors", "--device", "cpu")
    ours = load_file(where / "out.safetensors")
    names = [output.name for output in session.get_outputs()]
    # An answer that is called as an input is has a longer name in the file.
    theirs = dict(zip([name.removeprefix("out_") for name in names], session.run(names, inputs)))
    assert ours.keys() == theirs.keys(), (ours.keys(), theirs.keys())
    return max(float(abs(ours[name] - theirs[name]).max() / abs(ours[name]).max()) for name in theirs)


def kept(binary, folder, rng):
    model = json.loads((folder / "report.json").read_text())["model"]
    with tempfile.TemporaryDirectory() as where:
        off = difference(binary, model, ["--recipe", folder / "recipe.json"], folder / "model.onnx", Path(where), rng)
    print(f"{model:<28} {'kept':<10} {off:.1e}")
    sys.exit(off > LIMIT)


def main():
    binary, only = Path(sys.argv[1]).resolve(), sys.argv[2:]
    rng = np.random.default_rng(0)
    if only[:1] == ["--kept"]:
        kept(binary, Path(only[1]), rng)
    wrong, count = [], 0
    for folder in sorted(path.parent for path in FAMILIES.glob("*/model.safetensors")):
        if only and folder.name not in only:
            continue
        groups = json.loads(secateur(binary, "groups", folder, "--json").strip().splitlines()[-1])["groups"]
        kinds = list(dict.fromkeys(group["kind"] for group in groups))
        for kind in [None, *kinds]:
            method = ["--method", "magnitude", "--pattern", "unit", "--set", f"units={kind}", "--set", "sparsity=0.5"]
            with tempfile.TemporaryDirectory() as where:
                cut, where = method if kind else [], Path(where)
                off = difference(binary, folder, cut, exported(binary, folder, cut, where), where, rng)
            print(f"{folder.name:<28} {kind or 'dense':<10} {off:.1e}", flush=True)
            count += 1
            if not off <= LIMIT:
                wrong.append((folder.name, kind, off))
    print(f"{count} models, {len(wrong)} off by more than {LIMIT}: {wrong}")
    sys.exit(bool(wrong))


main()
