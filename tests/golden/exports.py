"""Do other people's libraries open what `secateur prune --format uniform|ragged` wrote, and answer as we do?

    python exports.py path/to/secateur [WORD...]

Uniform exports are opened by the stock libraries (`from_pretrained`, torchvision's ResNet), ragged ones by the
load_ragged.py that is written beside them. Answers are compared with those of `secateur run` on the written folder,
relative to the largest. WORDs choose the lines of the table that hold one. Exits with 1 when a line is off.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import diffusers
import torch
import transformers
from safetensors.torch import load_file, save_file
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

HERE = Path(__file__).parent
MOST = 1e-4
# What PyTorch's models call the inputs that our graphs name.
INPUTS = {"image": "pixel_values", "tokens": "input_ids"}
WHOLE = {"input_ids", "token_type_ids", "class_labels"}
# What our graphs call their answers.
ANSWERS = {"last_hidden_state": "hidden"}
KINDS = ["neurons", "heads", "kv-groups", "head-dims", "channels", "width", "sublayers", "blocks", "tokens"]
RAGGED = [
    *("vit", "deit-teacher", "dinov2", "dinov2-registers", "clip", "clip-text", "clip-vision"),
    *("gpt2", "llama", "llama-linear", "mistral", "qwen2", "qwen3"),
    *("bert-classes", "bert-mlm", "roberta-classes", "distilbert-classes"),
    *("timm-vit", "timm-layerscale", "timm-swiglu", "timm-deit3"),
    *("resnet-basic", "resnet-bottleneck", "vgg-bn"),
    *("unet2d-ddpm", "unet2d-class", "unet2d-old", "unet2d-condition", "unet2d-condition-linear", "dit"),
]


def take(wanted):
    """From a model's groups the settings that say of each how many units go: the most that may and that are wanted."""

    def legal(group):
        return max(count for count in group["legal"] if count <= wanted(group))

    return lambda groups: ["counts=" + ";".join(f"{at}:{legal(group | {'at': at})}" for at, group in enumerate(groups))]


def half(*kinds):
    return take(lambda group: group["units"] // 2 if group["kind"] in kinds else 0)


def one_of(each, **sizes):
    """One of each `each` units of the groups of these kinds that have as many units."""
    return take(lambda group: group["units"] // each if group["units"] == sizes.get(group["kind"]) else 0)


def half_of(*ends):
    """Half the units of the groups that are made at modules inside others, of these names."""
    return take(lambda group: group["units"] // 2 if group["group"].endswith(tuple(f".{end}" for end in ends)) else 0)


def attentions(groups):
    """All four attentions of unet2d-ddpm, by their places among its sub-layers."""
    place = next(at for at, group in enumerate(groups) if group["kind"] == "sublayers")
    return [*take(lambda group: 4 if group["at"] == place else 0)(groups), f"remove={place}:1,3,5,6"]


# Of each model the cuts that its library's plain configuration can say.
UNIFORM = [
    ("vit", "neurons", half("neurons")),
    ("vit", "blocks", half("blocks")),
    ("vit", "heads and width by a third", one_of(3, heads=3, width=24)),
    ("deit-teacher", "neurons", half("neurons")),
    ("gpt2", "neurons", half("neurons")),
    ("gpt2", "blocks", half("blocks")),
    ("gpt2", "heads and width by a third", one_of(3, heads=3, width=30)),
    ("llama", "neurons", half("neurons")),
    ("llama", "heads of each kv-group", half("heads")),
    ("llama", "kv-groups", half("kv-groups")),
    ("llama", "heads and neurons", half("heads", "neurons")),
    ("llama", "width", half("width")),
    ("llama", "blocks", half("blocks")),
    ("llama", "tokens", half("tokens")),
    ("gpt2", "tokens", half("tokens")),
    ("bert-mlm", "tokens", half("tokens")),
    ("qwen3", "heads and neurons", half("heads", "neurons")),
    ("bert-classes", "neurons", half_of("intermediate.dense")),
    ("bert-classes", "blocks", half("blocks")),
    ("distilbert-classes", "blocks", half("blocks")),
    ("torchvision-basic", "blocks", half("blocks")),
    ("torchvision-bottleneck", "inner channels", half_of("conv1", "conv2")),
    ("unet2d-ddpm", "neurons", half("neurons")),
    ("unet2d-ddpm", "attentions", attentions),
    ("unet2d-one-group", "a quarter of the deeper level", one_of(4, heads=4, channels=8)),
]


# --- the program


def secateur(*arguments):
    """What the program answers, as its last line of JSON says."""
    done = subprocess.run([SECATEUR, *map(str, arguments), "--json"], capture_output=True, text=True)
    if done.returncode:
        raise ValueError((done.stderr.strip() or done.stdout.strip()).splitlines()[-1])
    return json.loads(done.stdout.strip().splitlines()[-1])


def prune(model, format, settings, out):
    sets = [word for setting in settings for word in ("--set", setting)]
    return secateur("prune", model, "--method", "magnitude", "--pattern", "unit", *sets, "--format", format, "-o", out)


def ours(folder, inputs):
    save_file(inputs, folder / "in.safetensors")
    secateur("run", folder, "--input", folder / "in.safetensors", "-o", folder / "answers.safetensors")
    (folder / "in.safetensors").unlink()
    return load_file(folder / "answers.safetensors")


# --- models


def golden(name, folder):
    """A golden's folder and inputs."""
    families = HERE / "families" / name
    if families.is_dir():
        expected = load_file(families / "expected.safetensors")
        return families, {key[3:]: value for key, value in expected.items() if key.startswith("in.")}
    if name == "vit":
        shutil.copy(HERE / "vit/config.json", folder)
        shutil.copy(HERE / "vit/f32.safetensors", folder / "model.safetensors")
        return folder, {"image": load_file(HERE / "vit/expected.safetensors")["pixels"]}
    return diffusers_model(folder) if name.startswith("unet") else torchvision_model(name, folder)


def diffusers_model(folder):
    """Norms of one group, so that a level can lose channels that are joined with those of another."""
    torch.manual_seed(0)
    model = diffusers.UNet2DModel(
        sample_size=8, in_channels=3, out_channels=3, block_out_channels=(4, 8), layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=1, attention_head_dim=2,
    )  # fmt: skip
    model.save_pretrained(folder)
    return folder, {"sample": torch.randn(2, 3, 8, 8), "timestep": torch.tensor([3.0, 871.0])}


def torchvision_model(name, folder):
    """A ResNet of torchvision's own widths, shallow; its batch norms know what comes in."""
    torch.manual_seed(0)
    block, depths = (BasicBlock, [2, 1, 1, 1]) if name.endswith("basic") else (Bottleneck, [1, 1, 1, 1])
    model = ResNet(block, depths, num_classes=5)
    pixels = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        model.train()(pixels)
    save_file(model.state_dict(), folder / "model.safetensors")
    config = {"model_type": "resnet", "image_size": 64}
    (folder / "config.json").write_text(json.dumps(config))
    return folder, {"image": pixels[:2]}


def stock(folder):
    """The model as its library opens it; its own complaints are errors."""
    config = json.loads((folder / "config.json").read_text())
    if "_class_name" in config:
        model, told = getattr(diffusers, config["_class_name"]).from_pretrained(folder, output_loading_info=True)
    elif "architectures" in config:
        made = getattr(transformers, config["architectures"][0])
        model, told = made.from_pretrained(folder, output_loading_info=True)
    else:
        return resnet(config, load_file(folder / "model.safetensors"))
    if wrong := {key: value for key, value in told.items() if value}:
        raise ValueError(f"{type(model).__name__}: {wrong}")
    return model.eval()


def resnet(config, tensors):
    """By torchvision's constructor: its inner width is one number for all blocks."""
    block = {"basic": BasicBlock, "bottleneck": Bottleneck}[config["layer_type"]]
    inner, classes = config["inner_channels"][0], len(config["id2label"])
    model = ResNet(block, config["depths"], num_classes=classes, width_per_group=inner)
    model.load_state_dict(tensors)
    return model.eval()


def with_script(folder):
    """The model as the script in its folder opens it."""
    spec = spec_from_file_location("load_ragged", folder / "load_ragged.py")
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.load(folder)


def answers(model, inputs):
    """What PyTorch's model answers, named as ours names it."""
    given = {INPUTS.get(key, key): value for key, value in inputs.items()}
    given = {key: value.long() if key in WHOLE else value for key, value in given.items()}
    with torch.no_grad():
        if not hasattr(model, "config"):
            (image,) = given.values()
            if getattr(model, "num_classes", 1):
                return {"logits": model(image)}
            hidden = model.forward_features(image)
            return {"hidden": hidden, "embedding": model.forward_head(hidden, pre_logits=True)}
        sample = [given.pop("sample")] if "sample" in given else []  # DiT's class has another word for it
        out = model(*sample, **given)
    return {ANSWERS.get(key, key): value for key, value in out.items() if isinstance(value, torch.Tensor)}


def within(inputs, groups):
    """Texts of tokens that are there after half of them went, by their new numbers; none is for padding."""
    left = next(group["units"] for group in groups if group["kind"] == "tokens") // 2
    return {key: 4 + value % (left - 4) if key == "tokens" else value for key, value in inputs.items()}


def difference(theirs, ours):
    """The largest, relative to the largest answer, over what both answer."""
    shared = [name for name in ours if name in theirs]
    if not shared:
        raise ValueError(f"nothing to compare in {list(theirs)} and {list(ours)}")
    off = [((theirs[name] - ours[name]).abs().max() / ours[name].abs().max()).item() for name in shared]
    return max(off)


# --- the table


def cases():
    """(format, model, what goes, settings from the model's groups)"""
    for name, what, settings in UNIFORM:
        yield "uniform", name, what, lambda groups, settings=settings: [*settings(groups), "norms=recomputed"]
    for name in RAGGED:
        for kind in KINDS:
            yield "ragged", name, kind, lambda groups, kind=kind: anywhere(groups, kind)
        yield "ragged", name, "all at once", take(mixed)


def anywhere(groups, kind):
    """Half the units of a kind, wherever they stand; None for a model that has none."""
    if all(group["kind"] != kind for group in groups):
        return None
    return [f"units={kind}", "sparsity=0.5", "share=global"]


def mixed(group):
    """Some of everything that goes together, more of every second group."""
    together = group["kind"] in {"neurons", "heads", "width", "channels", "sublayers"}
    return (0.3 + 0.4 * (group["at"] % 2)) * group["units"] * together


def line(format, name, what, settings):
    """A line of the table and whether all is well; None where there is nothing to cut."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "whole").mkdir()
        model, inputs = golden(name, folder / "whole")
        groups = secateur("groups", model)["groups"]
        settings = settings(groups)
        if settings is None:
            return None
        head = f"{format:<8} {name:<24} {what:<28}"
        try:
            report = prune(model, format, settings, folder / "out")
            inputs = within(inputs, groups) if what == "tokens" else inputs
            want = ours(folder / "out", inputs)
            opened = stock(folder / "out") if format == "uniform" else with_script(folder / "out")
            off = difference(answers(opened, inputs), want)
        except Exception as error:
            return f"{head} {type(error).__name__}: {error}", False
        sizes = f"{report['params_total']:>10,} -> {report['params_left']:>10,}"
        return f"{head} {sizes} {off:8.1e} {type(opened).__name__}", off <= MOST


def with_tokenizer():
    """A line of its own: the shipped language model without some tokens reads a text with its own tokenizer, writes it back,
    and says of every token that is left what the whole model says."""
    whole, text = HERE.parents[1] / "public/models/story-lm", "Tim, who is 7, saw the little dog: äöü 花!\n"
    with tempfile.TemporaryDirectory() as folder:
        prune(whole, "uniform", ["units=tokens", "sparsity=0.3"], Path(folder) / "out")
        opened = [opened_with_tokenizer(at) for at in (whole, Path(folder) / "out")]
    (model, words), (smaller, fewer) = opened
    kept = torch.tensor([words.get_vocab()[name] for name in fewer.convert_ids_to_tokens(range(len(fewer)))])
    ids = torch.tensor([fewer(text).input_ids])
    with torch.no_grad():
        theirs, ours = smaller(ids).logits, model(kept[ids]).logits[..., kept]
    off = difference({"logits": theirs}, {"logits": ours})
    same = fewer.decode(ids[0]) == text
    sizes = f"{len(words):>10,} -> {len(fewer):>10,}"
    told = f"{'uniform':<8} {'story-lm':<24} {'tokens, with its tokenizer':<28} {sizes} {off:8.1e} tokens, text "
    return told + ("as it was" if same else "CHANGED"), off <= MOST and same


def opened_with_tokenizer(folder):
    words = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), words


if __name__ == "__main__":
    SECATEUR, words = sys.argv[1], sys.argv[2:]
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    diffusers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    wrong = 0
    print(f"{'format':<8} {'model':<24} {'what goes':<28} {'parameters':>24} {'off':>8} class", flush=True)
    lines = [(case[:3], lambda case=case: line(*case)) for case in cases()]
    lines.append((("uniform", "story-lm", "tokens"), with_tokenizer))
    for names, made in lines:
        if words and not any(word in " ".join(names) for word in words):
            continue
        if told := made():
            print(told[0] + ("" if told[1] else "  <- OFF"), flush=True)
            wrong += not told[1]
    print(f"{wrong} lines are off")
    sys.exit(1 if wrong else 0)
