"""Is a model that came out of PyTorch's exporters still the same after we have read it?

    cargo build -p secateur-models --example onnx
    python onnx_in.py TARGET/debug/examples/onnx [MODEL ...]

Every golden of families/ and models of torchvision, timm and transformers go: ONNX -> our graph -> ONNX. Both files run in
onnxruntime, on several samples and on one; printed is the largest difference, relative to the largest entry. PyTorch's two
exporters write each model, with any number of samples and with a fixed one. Exits non-zero when a difference is above 1e-4 or
a file is not understood.
"""

import logging
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import diffusers
import numpy as np
import onnxruntime
import timm
import torch
import torchvision
import transformers
from onnx_out import LIMIT, goldens, off, parts, session

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Logits(torch.nn.Module):
    """A language model as text in, logits out."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask=None):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits


class Classes(Logits):
    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


class Recurrent(torch.nn.Module):
    """A text classifier of a bidirectional LSTM."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(101, 12)
        self.lstm = torch.nn.LSTM(12, 10, num_layers=2, bidirectional=True, batch_first=True)
        self.out = torch.nn.Linear(20, 4)

    def forward(self, input_ids):
        return self.out(self.lstm(self.embedding(input_ids))[0].mean(1))


class Denoise(torch.nn.Module):
    """A U-Net at a fixed time step's worth of inputs."""

    def __init__(self):
        super().__init__()
        blocks = ("DownBlock2D", "AttnDownBlock2D"), ("AttnUpBlock2D", "UpBlock2D")
        self.model = diffusers.UNet2DModel(
            sample_size=8, in_channels=3, out_channels=3, block_out_channels=(16, 32), layers_per_block=1,
            down_block_types=blocks[0], up_block_types=blocks[1], norm_num_groups=4, attention_head_dim=8)

    def forward(self, sample, timestep):
        return self.model(sample, timestep).sample


class OldNorm(torch.nn.Module):
    """Layer norm as exporters wrote it before ONNX had one, and GELU by erf and by tanh."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(12))
        self.bias = torch.nn.Parameter(torch.randn(12))
        self.up, self.down = torch.nn.Linear(12, 20), torch.nn.Linear(20, 3)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        centred = x - x.mean(-1, keepdim=True)
        x = centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * self.weight + self.bias
        x = self.up(x)
        x = 0.5 * x * (1 + torch.erf(x / 2**0.5))
        x = 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))
        return self.down(x * torch.sigmoid(1.702 * x)).mean(1)


def small_vgg() -> torch.nn.Module:
    """Pictures of 32 pixels leave one place."""
    model = torchvision.models.vgg11(num_classes=7)
    model.avgpool, model.classifier[0] = torch.nn.Identity(), torch.nn.Linear(512, 64)
    model.classifier[3], model.classifier[6] = torch.nn.Linear(64, 32), torch.nn.Linear(32, 7)
    return model


def small_vit(name: str) -> torch.nn.Module:
    return timm.create_model(name, img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=3, num_classes=5)


def small_convnext() -> torch.nn.Module:
    from torchvision.models.convnext import CNBlockConfig

    blocks = [CNBlockConfig(16, 32, 2), CNBlockConfig(32, None, 1)]
    return torchvision.models.convnext.ConvNeXt(blocks, num_classes=5, layer_scale=0.5)


def sizes(**others) -> dict:
    return dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, vocab_size=101,
                max_position_embeddings=40, **others)


def text(count: int = 1) -> tuple:
    return (torch.randint(0, 101, (2, 9)),) + (torch.ones(2, 9, dtype=torch.int64),) * (count - 1)


def picture(side: int) -> tuple:
    return (torch.randn(2, 3, side, side),)


GPT2 = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=101, n_positions=40)
# Name: model, inputs, and whether the older exporter can write it.
MODELS = {
    "resnet18": (lambda: torchvision.models.resnet18(num_classes=7), picture(64), True),
    "mobilenet_v2": (lambda: torchvision.models.mobilenet_v2(num_classes=7, width_mult=0.25), picture(64), True),
    "vgg11": (small_vgg, picture(32), True),
    "vit_tiny": (lambda: small_vit("vit_tiny_patch16_224"), picture(32), True),
    "deit_distilled": (lambda: small_vit("deit_tiny_distilled_patch16_224"), picture(32), True),
    "resnet50": (lambda: torchvision.models.resnet50(num_classes=7), picture(64), True),
    "efficientnet_b0": (lambda: torchvision.models.efficientnet_b0(num_classes=7), picture(64), True),
    "convnext": (small_convnext, picture(32), True),
    "unet2d": (Denoise, (torch.randn(2, 3, 8, 8), torch.tensor([3.0, 700.0])), True),
    "lstm": (Recurrent, text(), True),
    "old_norm": (OldNorm, (torch.randn(2, 12, 4, 4),), True),
    "bert": (lambda: transformers.BertForSequenceClassification(transformers.BertConfig(**sizes())), text(), True),
    "bert_mask": (lambda: Classes(transformers.BertForSequenceClassification(transformers.BertConfig(**sizes()))), text(2), True),
    "gpt2": (lambda: Logits(transformers.GPT2LMHeadModel(GPT2)), text(), False),
    "llama": (lambda: Logits(transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes(num_key_value_heads=2)))), text(), False),
}


def exports(model: torch.nn.Module, inputs: tuple, older: bool, folder: Path):
    """Files of both exporters: (name, path)."""
    for name, options in {
        "new": dict(dynamo=True, dynamic_shapes=tuple({0: torch.export.Dim("batch")} for _ in inputs)),
        "new, fixed": dict(dynamo=True),
        "old": dict(dynamo=False, input_names=names(inputs), dynamic_axes={name: {0: "batch"} for name in names(inputs)}),
        "old, fixed": dict(dynamo=False, input_names=names(inputs)),
        "old, 14": dict(dynamo=False, input_names=names(inputs), opset_version=14),
    }.items():
        if older or options["dynamo"]:
            file = folder / f"{name.replace(', ', '-')}.onnx"
            torch.onnx.export(model, inputs, file, verbose=False, **options)
            yield name, file


def names(inputs: tuple) -> list[str]:
    floats = ["x"] if len(inputs) == 1 else ["sample", "timestep"]
    return floats if inputs[0].is_floating_point() else ["input_ids", "attention_mask"][: len(inputs)]


def run(model: onnxruntime.InferenceSession, inputs: list) -> list:
    """Outputs for inputs in the file's order."""
    wanted = [value for value in model.get_inputs() + model.get_overridable_initializers()]
    return model.run(None, {value.name: given for value, given in zip(wanted, inputs)})


def given(model: onnxruntime.InferenceSession, inputs: dict) -> list:
    """Inputs in the file's order."""
    wanted = model.get_inputs() + model.get_overridable_initializers()
    types = {value.name: np.int64 if value.type == "tensor(int64)" else np.float32 for value in wanted}
    return [inputs[name].astype(type) for name, type in types.items() if name in inputs]


def difference(writer: str, file: Path, inputs) -> float:
    """Of what the file says before and after we read it; infinite where it is not understood."""
    again = file.with_suffix(".again.onnx")
    read = subprocess.run([writer, file, again], capture_output=True, text=True)
    if read.returncode != 0 or "unknown architecture" in read.stdout:
        print(read.stdout, read.stderr)
        return float("inf")
    before, after = session(file), session(again)
    inputs = given(before, inputs) if isinstance(inputs, dict) else [value.numpy() for value in inputs]
    kept = [value for value, name in zip(inputs, before.get_inputs() + before.get_overridable_initializers()) if "attention_mask" not in name.name]
    wanted, got = run(before, inputs), run(after, kept)
    alone = run(after, [value[:1] for value in kept])
    pairs = list(zip(wanted, got, strict=True)) + [(want[:1], one) for want, one in zip(wanted, alone, strict=True)]
    return max(off(want, got) for want, got in pairs)


if __name__ == "__main__":
    writer, asked, wrong = sys.argv[1], sys.argv[2:], []

    def report(name: str, how: str, worst: float) -> None:
        print(f"{name:<28} {how:<12} {worst:.1e}", flush=True)
        if not worst <= LIMIT:
            wrong.append(f"{name} ({how})")

    with tempfile.TemporaryDirectory() as temporary:
        for folder in goldens(asked) if not asked or not set(asked) & set(MODELS) else []:
            file = Path(temporary) / f"{folder.name}.onnx"
            subprocess.run([writer, folder, file, folder / "expected.safetensors"], check=True, capture_output=True)
            report(folder.name, "ours", difference(writer, file, parts(folder)[0]))
        for name, (make, inputs, older) in MODELS.items():
            if not asked or name in asked:
                torch.manual_seed(0)
                for how, file in exports(make().eval(), inputs, older, Path(temporary)):
                    report(name, how, difference(writer, file, inputs))
    assert not wrong, f"not the same: {wrong}"
