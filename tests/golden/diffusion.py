"""Goldens of drawing: diffusers' DDPM and DDIM schedulers, step by step and with whole models.

`schedules/configs.json` holds scheduler configs by name, `schedules/expected.safetensors` for each of them the share of
signal, the time steps of several numbers of steps, and a trajectory of each sampler: made-up answers and noise go in,
all pictures on the way come out. `schedules/drawn.safetensors` holds pictures drawn by the tiny models in families/.
"""

import json
from pathlib import Path

import torch
from diffusers import DDIMScheduler, DDPMScheduler, DiTTransformer2DModel, UNet2DModel
from diffusers.schedulers import scheduling_ddpm
from safetensors.torch import load_file, save_file

SAMPLERS = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler}
# Numbers of steps whose time steps are compared; 48 makes NumPy round halves.
COUNTS = (1, 7, 10, 48, 50)

CONFIGS = {
    "linear": {"_class_name": "DDPMScheduler"},
    "cosine": {"_class_name": "DDPMScheduler", "beta_schedule": "squaredcos_cap_v2", "steps_offset": 1},
    "velocity": {
        "_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
        "prediction_type": "v_prediction", "clip_sample": False, "set_alpha_to_one": False, "timestep_spacing": "trailing",
    },
    "picture": {
        "_class_name": "DDIMScheduler", "beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample",
        "timestep_spacing": "linspace", "clip_sample_range": 1.5,
    },
    "given": {
        "_class_name": "DDPMScheduler", "num_train_timesteps": 60, "trained_betas": [0.001 * (1 + at) for at in range(60)],
        "variance_type": "fixed_large", "steps_offset": 1, "clip_sample": False,
    },
    "to-nothing": {
        "_class_name": "DDIMScheduler", "rescale_betas_zero_snr": True, "prediction_type": "v_prediction",
        "timestep_spacing": "trailing",
    },
    "learned": {"_class_name": "DDPMScheduler", "variance_type": "learned", "timestep_spacing": "linspace"},
    "learned-range": {"_class_name": "DDPMScheduler", "variance_type": "learned_range", "clip_sample": False},
    "small-log": {"_class_name": "DDPMScheduler", "variance_type": "fixed_small_log", "timestep_spacing": "trailing"},
}  # fmt: skip

# Model, scheduler, steps, labels and guidance of each drawing; the last class stands for none.
DRAWN = {
    "unet2d-ddpm": (UNet2DModel, "velocity", 8, None, 1.0),
    "unet2d-class": (UNet2DModel, "velocity", 7, [3, 1], 2.5),
    "dit": (DiTTransformer2DModel, "velocity", 10, [2, 5], 1.75),
}

SHAPE = (1, 2, 3, 4)
STEPS = 10


def make(out: Path) -> None:
    folder = out / "schedules"
    folder.mkdir(exist_ok=True)
    configs = {name: {"num_train_timesteps": 1000} | config for name, config in CONFIGS.items()}
    (folder / "configs.json").write_text(json.dumps(configs, indent=1) + "\n")
    expected = {"start": noise(1, SHAPE), "answers": noise(2, (STEPS, *SHAPE)), "fresh": noise(3, (STEPS, *SHAPE))}
    # Variances are positive; shares of a range go a little beyond it.
    expected |= {"spread.learned": noise(4, (STEPS, *SHAPE)).square(), "spread.learned-range": noise(5, (STEPS, *SHAPE))}
    given = dict(expected)
    for name, config in configs.items():
        for sampler, scheduler in SAMPLERS.items():
            expected |= {f"{name}.{sampler}.{key}": value for key, value in tables(scheduler.from_config(config)).items()}
            expected[f"{name}.{sampler}.pictures"] = trajectory(scheduler.from_config(config), sampler, name, given)
        expected[f"{name}.signal"] = DDIMScheduler.from_config(config).alphas_cumprod[::19].contiguous()
    save_file(expected, folder / "expected.safetensors")
    drawn = {}
    for name, (model, schedule, steps, labels, guidance) in DRAWN.items():
        model = opened(out / "families" / name, model)
        drawn |= {f"{name}.{key}": value for key, value in draw(model, configs[schedule], steps, labels, guidance).items()}
    save_file(drawn, folder / "drawn.safetensors")


def noise(seed: int, shape: tuple) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def tables(scheduler) -> dict:
    found = {}
    for count in COUNTS:
        scheduler.set_timesteps(count)
        found[f"timesteps.{count}"] = scheduler.timesteps.to(torch.float32)
    return found


def trajectory(scheduler, sampler: str, name: str, given: dict) -> torch.Tensor:
    """Every picture from the first step's to the last one's: [steps, ...]"""
    scheduler.set_timesteps(STEPS)
    x, pictures = given["start"], []
    for at, timestep in enumerate(scheduler.timesteps):
        answer = given["answers"][at]
        if sampler == "ddpm" and f"spread.{name}" in given:
            answer = torch.cat([answer, given[f"spread.{name}"][at]], dim=1)
        # diffusers draws its noise here; ours is handed in.
        scheduling_ddpm.randn_tensor = lambda shape, at=at, **_: fitting(given["fresh"][at], shape)
        x = scheduler.step(answer, timestep, x).prev_sample
        pictures.append(x)
    return torch.stack(pictures)


def fitting(fresh: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    assert tuple(shape) == tuple(fresh.shape)
    return fresh


def opened(folder: Path, model):
    """A tiny model of families/."""
    config = {key: value for key, value in json.loads((folder / "config.json").read_text()).items() if key[0] != "_"}
    model = model.from_config(config)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.eval()


@torch.no_grad()
def draw(model, config: dict, steps: int, labels: list | None, guidance: float) -> dict:
    """Two pictures with DDIM: `start` and `drawn`."""
    scheduler = DDIMScheduler.from_config(config)
    scheduler.set_timesteps(steps)
    channels, size = model.config.in_channels, model.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    x = start = noise(6, (2, channels, height, width))
    for timestep in scheduler.timesteps:
        answer = answered(model, x, timestep, labels)
        if guidance != 1.0:
            none = answered(model, x, timestep, [last_class(model)] * 2)
            answer = none + guidance * (answer - none)
        x = scheduler.step(answer, timestep, x).prev_sample
    print(f"{type(model).__name__}: drawn pictures of mean {x.mean():.3f} and deviation {x.std():.3f}")
    return {"start": start, "drawn": x}


def answered(model, x: torch.Tensor, timestep: torch.Tensor, labels: list | None) -> torch.Tensor:
    """Without the spread that some models tell beside it."""
    classes = {} if labels is None else {"class_labels": torch.tensor(labels)}
    return model(x, timestep.expand(2), **classes).sample[:, : x.shape[1]]


def last_class(model) -> int:
    config = model.config
    return config["num_embeds_ada_norm"] if "num_embeds_ada_norm" in config else config["num_class_embeds"] - 1
