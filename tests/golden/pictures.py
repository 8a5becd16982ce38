"""Goldens of picture files: how Hugging Face's processors bring them into shape with Pillow.

`pictures/` holds a colour and a grey png, one that is partly transparent, and a jpeg that its camera turned;
`processors.json` preprocessor_config.json files by name; `expected.safetensors` what each makes of each png.
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPImageProcessor, DeiTImageProcessor, ViTImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

SIDE = 12
CUT = {"height": SIDE, "width": SIDE}

# With Pillow and with torchvision, which rounds a little differently.
PROCESSORS = {
    "vit": (ViTImageProcessorPil, ViTImageProcessor, {"size": CUT, "do_convert_rgb": True}),
    "clip": (CLIPImageProcessorPil, CLIPImageProcessor, {"size": {"shortest_edge": SIDE}, "crop_size": CUT}),
    "clip-large": (CLIPImageProcessorPil, CLIPImageProcessor, {"size": {"shortest_edge": 61}, "crop_size": CUT, "resample": 2}),
    "deit": (DeiTImageProcessorPil, DeiTImageProcessor, {"size": {"height": 15, "width": 15}, "crop_size": CUT, "do_convert_rgb": True}),
    "plain": (ViTImageProcessorPil, ViTImageProcessor, {"size": CUT, "do_normalize": False, "do_convert_rgb": True, "resample": 3}),
}  # fmt: skip


def make(out: Path) -> None:
    folder = out / "pictures"
    folder.mkdir(exist_ok=True)
    colours = drawn((25, 40, 3))
    pngs = {"colours": colours, "grey": drawn((33, 19)), "transparent": np.concatenate([colours, drawn((25, 40, 1))], axis=2)}
    for name, values in pngs.items():
        Image.fromarray(values).save(folder / f"{name}.png", optimize=True)
    turned(Image.fromarray(colours), folder / "turned.jpg")
    settings, expected, worst = {}, {}, 0.0
    for name, (with_pillow, with_torchvision, options) in PROCESSORS.items():
        processor = with_pillow(**options)
        settings[name] = {key: value for key, value in processor.to_dict().items() if value is not None}
        for png in pngs:
            picture = Image.open(folder / f"{png}.png")
            values = processor(picture, return_tensors="pt")["pixel_values"][0]
            expected[f"{name}.{png}"] = values.to(torch.float32).contiguous()
            worst = max(worst, (with_torchvision(**options)(picture, return_tensors="pt")["pixel_values"][0] - values).abs().max())
    (folder / "processors.json").write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")
    save_file(expected, folder / "expected.safetensors")
    print(f"pictures: Pillow and torchvision differ by at most {worst:.4f}")


def drawn(shape: tuple) -> np.ndarray:
    """Waves with noise on them, so that neighbours are alike and all values occur."""
    generator = np.random.default_rng(1)
    places = np.indices(shape).astype(np.float64)
    waves = sum(np.sin(place / (2.0 + 3.0 * axis)) for axis, place in enumerate(places))
    waves = (waves - waves.min()) / (waves.max() - waves.min()) * 255
    return np.clip(waves + generator.normal(0, 20, shape), 0, 255).astype(np.uint8)


def turned(picture: Image.Image, path: Path) -> None:
    """A jpeg that says that it has to be turned clockwise by a quarter (orientation 6)."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(path, quality=95, subsampling=0, exif=exif)
