"""Goldens of the diffusion families: diffusers' UNet2DModel, UNet2DConditionModel and DiTTransformer2DModel."""

import json

import torch
from diffusers import DiTTransformer2DModel, UNet2DConditionModel, UNet2DModel

from common import save, shake

# What diffusers called an attention's matrices before its version 0.15; published DDPM checkpoints still do.
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def make() -> None:
    for name, (model, inputs) in unets().items():
        write(name, model, inputs)
    old = shake(old_unet(), 3)
    write("unet2d-old", old, noise(3, 1, (8, 8)), {renamed(key): value for key, value in old.state_dict().items()})
    for name, model in dits().items():
        labels = {"class_labels": torch.tensor([2, 7])}  # The last entry stands for "no class".
        write(name, shake(model, 6), noise(6, 3, (8, 8)) | labels)


def unets() -> dict:
    """Two samples of each; sizes, heads and settings differ so that a wrong one shows."""
    return {
        "unet2d-ddpm": (shake(ddpm(), 1), noise(1, 3, (8, 12))),
        "unet2d-class": (shake(with_classes(), 2), noise(2, 1, (12, 8)) | {"class_labels": torch.tensor([4, 1])}),
        "unet2d-condition": (shake(with_text(), 4), noise(4, 4, (8, 12)) | text(4, 5)),
        "unet2d-condition-linear": (
            shake(with_text_and_classes(), 5),
            noise(5, 2, (4, 6)) | text(5, 7) | {"class_labels": torch.tensor([0, 2])},
        ),
    }


def ddpm() -> UNet2DModel:
    return UNet2DModel(
        sample_size=(8, 12), in_channels=3, out_channels=3, block_out_channels=(4, 6), layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-3, norm_num_groups=2, attention_head_dim=2,
    )  # fmt: skip


def with_classes() -> UNet2DModel:
    """6 channels in heads of 4: one head, which leaves 2 channels out."""
    return UNet2DModel(
        sample_size=(12, 8), in_channels=1, out_channels=2, block_out_channels=(4, 6, 8), layers_per_block=2,
        down_block_types=("AttnDownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"), attention_head_dim=4, norm_num_groups=2,
        attn_norm_num_groups=4, center_input_sample=True, num_class_embeds=5, time_embedding_dim=10,
    )  # fmt: skip


def old_unet() -> UNet2DModel:
    """One head of all channels, as the first published models have it."""
    return UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, block_out_channels=(4, 6), layers_per_block=1,
        down_block_types=("AttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "AttnUpBlock2D"),
        downsample_padding=0, attention_head_dim=None, norm_num_groups=2,
    )  # fmt: skip


def with_text() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=(8, 12), in_channels=4, out_channels=3, block_out_channels=(4, 6, 8), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), attention_head_dim=2,
        cross_attention_dim=5, norm_num_groups=2, freq_shift=1, conv_in_kernel=5, conv_out_kernel=1, norm_eps=1e-4,
    )  # fmt: skip


def with_text_and_classes() -> UNet2DConditionModel:
    """Its `attention_head_dim` is the number of heads, by level; 3 heads of 2 hold 6 of the 8 channels."""
    return UNet2DConditionModel(
        sample_size=(4, 6), in_channels=2, out_channels=2, block_out_channels=(4, 8), layers_per_block=(1, 2),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=(2, 3), transformer_layers_per_block=(2, 1), use_linear_projection=True, upcast_attention=True,
        cross_attention_dim=7, norm_num_groups=2, downsample_padding=0, flip_sin_to_cos=False, center_input_sample=True,
        num_class_embeds=3, time_embedding_dim=12,
    )  # fmt: skip


def dits() -> dict:
    """`dit` as published, with a variance beside each channel of noise; `dit-learned-norm` in everything else."""
    sizes = dict(num_attention_heads=3, attention_head_dim=4, in_channels=3, num_layers=2, sample_size=8, patch_size=2, num_embeds_ada_norm=7)
    other = dict(attention_bias=False, activation_fn="gelu", norm_elementwise_affine=True, norm_eps=1e-2)
    return {
        "dit": DiTTransformer2DModel(**sizes, out_channels=6),
        "dit-learned-norm": DiTTransformer2DModel(**(sizes | other | {"patch_size": 4})),
    }


def noise(seed: int, channels: int, size: tuple) -> dict:
    sample = torch.randn((2, channels, *size), generator=torch.Generator().manual_seed(seed))
    return {"sample": sample, "timestep": torch.tensor([3, 871])}


def text(seed: int, features: int) -> dict:
    return {"encoder_hidden_states": torch.randn((2, 5, features), generator=torch.Generator().manual_seed(seed))}


def renamed(name: str) -> str:
    for new, old in OLD_NAMES.items():
        name = name.replace(f".{new}.", f".{old}.")
    return name


def write(name: str, model: torch.nn.Module, inputs: dict, state: dict | None = None) -> None:
    sample = inputs["sample"]
    output = model(sample, **{key: value for key, value in inputs.items() if key != "sample"}).sample
    assert output.shape[2:] == sample.shape[2:]
    save(name, model, state or model.state_dict(), json.loads(model.to_json_string()), inputs, {"sample": output})


if __name__ == "__main__":
    make()
