"""Does onnxruntime run what we write, and say what PyTorch says?

    cargo build -p secateur-models --example onnx
    python onnx_out.py TARGET/debug/examples/onnx [FAMILY ...]

Writes every golden of families/ as ONNX, runs it on the golden's inputs and on the first sample alone, and prints the largest
difference to upstream's outputs, relative to the largest entry. Exits non-zero when one is above 1e-4.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

FAMILIES = Path(__file__).parent / "families"
LIMIT = 1e-4


def session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def run(file: onnxruntime.InferenceSession, inputs: dict) -> dict:
    """Outputs by name, `out_sample` as `sample`: a value of ONNX cannot be called as an input is."""
    wanted = file.get_inputs() + file.get_overridable_initializers()
    types = {value.name: np.int64 if value.type == "tensor(int64)" else np.float32 for value in wanted}
    given = {name: inputs[name].astype(type) for name, type in types.items() if name in inputs}
    names = [value.name for value in file.get_outputs()]
    return {name.removeprefix("out_"): value for name, value in zip(names, file.run(names, given))}


def off(want: np.ndarray, got: np.ndarray) -> float:
    """Infinite where something is no number."""
    assert want.shape == got.shape, f"{want.shape} is not {got.shape}"
    return float(np.abs(want - got).max() / np.abs(want).max()) if np.isfinite(got).all() else np.inf


def goldens(names: list[str]) -> list[Path]:
    return sorted(folder.parent for folder in FAMILIES.glob("*/model.safetensors") if not names or folder.parent.name in names)


def parts(folder: Path) -> tuple[dict, dict]:
    """The golden's inputs and outputs."""
    expected = load_file(folder / "expected.safetensors")
    part = lambda start: {name.removeprefix(start): value for name, value in expected.items() if name.startswith(start)}
    return part("in."), part("out.")


if __name__ == "__main__":
    writer, wrong = sys.argv[1], []
    folders = goldens(sys.argv[2:])
    for folder in folders:
        inputs, outputs = parts(folder)
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / f"{folder.name}.onnx"
            subprocess.run([writer, folder, file, folder / "expected.safetensors"], check=True, stdout=subprocess.DEVNULL)
            onnx.checker.check_model(file, full_check=True)
            model = session(file)
        several, alone = run(model, inputs), run(model, {name: value[:1] for name, value in inputs.items()})
        worst = max(max(off(want, several[name]), off(want[:1], alone[name])) for name, want in outputs.items())
        print(f"{folder.name:<28} {len(next(iter(inputs.values())))} samples and 1  {', '.join(outputs):<32} {worst:.1e}")
        wrong += [folder.name] if worst > LIMIT else []
    assert folders and not wrong, f"too far off: {wrong}"
