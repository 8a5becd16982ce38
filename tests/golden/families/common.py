"""How every family's golden is written: a tiny random checkpoint with upstream's names, and what PyTorch makes of it."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent

# First weights are drawn where a model is made; every golden moves them by draws of its own.
torch.manual_seed(0)

# What our graphs call the inputs that upstream names after their tensors.
NAMES = {"pixel_values": "image", "input_ids": "tokens"}


def shake(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Moves every parameter and running statistic off its initial value: at 0 or 1 a wrong name would change nothing."""
    generator = torch.Generator().manual_seed(seed)
    state = model.state_dict()
    for name in sorted(state):
        tensor = state[name]
        if tensor.is_floating_point():
            noise = torch.randn(tensor.shape, generator=generator) * 0.2
            tensor.add_(noise.abs() if name.endswith("running_var") else noise)
    return model.eval()


def save(name: str, model: torch.nn.Module, state: dict, config: dict | None, inputs: dict, outputs: dict) -> None:
    """Writes `{name}/{model.safetensors, config.json, expected.safetensors}`: `in.*` as the inputs are named in the graph
    (token ids as f32), `out.*` as its outputs are, `grad.*` the gradients of a few parameters."""
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    # Tied tensors are stored once, as upstream stores them: the caller leaves the copy out.
    save_file({key: tensor.detach().contiguous() for key, tensor in state.items()}, folder / "model.safetensors", {"format": "pt"})
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    expected = {f"in.{NAMES.get(key, key)}": value.to(torch.float32).contiguous() for key, value in inputs.items()}
    expected |= {f"out.{key}": value.detach().to(torch.float32).contiguous() for key, value in outputs.items()}
    expected |= {f"grad.{key}": value for key, value in gradients(model, state, outputs).items()}
    save_file(expected, folder / "expected.safetensors")
    size = (folder / "model.safetensors").stat().st_size
    assert size <= 300_000, f"{name}: {size:,} bytes are more than a golden's 300 kB"
    print(f"{name}: {size:,} bytes, {sorted(expected)}")


def gradients(model: torch.nn.Module, state: dict, outputs: dict) -> dict:
    """Of sum(output * cos(place)), for the first parameter of each name in each kind of layer, as the file stores it."""
    chosen, seen = {}, set()
    by_storage = {tensor.data_ptr(): key for key, tensor in state.items()}
    for module in model.modules():
        for own, param in module.named_parameters(recurse=False):
            key = by_storage.get(param.data_ptr())
            if key and (type(module), own) not in seen and tuple(state[key].shape) == tuple(param.shape):
                seen.add((type(module), own))
                chosen[key] = param
    loss = sum((out * torch.cos(torch.arange(out.numel(), dtype=torch.float32)).reshape(out.shape)).sum() for out in outputs.values())
    found = torch.autograd.grad(loss, list(chosen.values()), allow_unused=True)
    found = {key: grad.contiguous() for key, grad in zip(chosen, found) if grad is not None}
    # A key's bias changes nothing, as softmax does not see it: what is computed for its gradient is rounding alone.
    largest = max(grad.abs().max() for grad in found.values())
    return {key: grad for key, grad in found.items() if grad.abs().max() > 1e-5 * largest}
