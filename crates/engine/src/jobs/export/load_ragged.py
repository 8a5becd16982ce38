"""Opens a model whose layers Secateur cut to sizes of their own.

    from load_ragged import load
    model = load("DIR")  # the folder with config.json and model.safetensors

It builds the whole model that config.json describes from its library's own classes, gives every layer the tensors of
the file, and tells the layers what shapes do not say, which stands in config.json under "secateur": the heads of each
attention, the features that norms count, and the tensors that are gone.

Handled: of transformers GPT-2, Llama, Mistral, Qwen2, Qwen3, BERT, RoBERTa, DistilBERT, ViT, DeiT, DINOv2 (but for its
SwiGLU form) and CLIP; of diffusers UNet2DModel, UNet2DConditionModel and DiTTransformer2DModel; timm's vision
transformers; torchvision's ResNet and VGG. Needs torch, safetensors and the model's own library.
"""

import importlib
import json
import warnings
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

# Modules that add their input to what they make: without their tensors they pass it on.
RESIDUAL = ("ResnetBlock2D", "BasicBlock", "Bottleneck", "Block", "BasicTransformerBlock")
# What an attention of any library has.
HEAD_SIZES = ("head_dim", "attention_head_size", "heads")


def load(folder):
    """The model in a folder, ready to answer, its weights in the file's element types."""
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    cut = config.get("secateur")
    if not cut or "layers" not in cut:
        raise ValueError(f'{folder}/config.json says nothing under "secateur"; open the model with its own library')
    tensors = load_file(folder / "model.safetensors")
    model = whole(folder, config).eval()
    own = names(model, [*tensors, *cut["gone"]])
    unknown = {name for name, _ in model.named_parameters()} - set(own.values())
    fill(model, {own[name]: tensor for name, tensor in tensors.items()})
    for layer, sizes in cut["layers"].items():
        inside = tensors_of(layer, own)
        if "over" in sizes:
            wide_norm(model, inside[0].rpartition(".")[0], sizes["over"])
        else:
            attention(model, inside, sizes)
    leave_out(model, {own[name] for name in cut["gone"]})
    if left := unknown & {name for name, _ in model.named_parameters()}:
        warnings.warn(f"the file holds no {', '.join(sorted(left))}; they are as {type(model).__name__} starts with")
    return model


# --- the whole model


def whole(folder, config):
    """The model before anything was cut, of its library's class."""
    if "_class_name" in config:
        settings = {key: value for key, value in config.items() if key != "secateur"}
        return library("diffusers", config["_class_name"]).from_config(settings)
    if "architecture" in config:
        arguments = {"num_classes": config["num_classes"]} | (config.get("model_args") or {})
        return library("timm", "create_model")(config["architecture"], **arguments)
    if "architectures" in config:
        settings = library("transformers", "AutoConfig").from_pretrained(folder)
        pooler = {} if config.get("add_pooling_layer", True) else {"add_pooling_layer": False}
        return library("transformers", config["architectures"][0])(settings, **pooler)
    kind = config.get("model_type")
    if kind == "resnet" and config["shortcut"] == "downsample" and config["stem_kernel"] == 7:
        return resnet(config)
    if kind == "vgg" and config["classifier_numbers"] == [0, 3, 6]:
        return vgg(config)
    raise ValueError(f"no stock class is known here for a {kind} of this form; open the folder with Secateur")


def library(name, made):
    found = getattr(importlib.import_module(name), made, None)
    if found is None:
        raise ValueError(f"{name} has no class {made}; install a version that has")
    return found


def resnet(config):
    from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

    block = {"basic": BasicBlock, "bottleneck": Bottleneck}[config["layer_type"]]
    norm = partial(nn.BatchNorm2d, eps=config["batch_norm_eps"])
    return ResNet(block, config["depths"], norm_layer=norm)


def vgg(config):
    from torchvision.models.vgg import VGG, make_layers

    return VGG(make_layers(config["layers"], config["batch_norm"]), init_weights=False)


def names(model, files):
    """What the model calls the tensors that files name: libraries rename them, and add what the model is part of."""
    rename, base = renaming(model), getattr(model, "base_model_prefix", "")
    own = dict(model.named_parameters(remove_duplicate=False)) | dict(model.named_buffers())
    found = {}
    for file in files:
        name = rename(file)
        forms = [name, f"{base}.{name}", name.removeprefix(f"{base}."), *older_forms(name)]
        found[file] = next((form for form in forms if form in own), None)
        if found[file] is None:
            raise ValueError(f"{type(model).__name__} has no tensor {file}; take the library version the model is from")
    return found


def renaming(model):
    """What the newer versions of transformers make of the names in files."""
    try:
        from transformers.conversion_mapping import get_model_conversion_mapping
        from transformers.core_model_loading import WeightRenaming, rename_source_key
    except ImportError:
        return lambda name: name
    changes = get_model_conversion_mapping(model) if is_transformers(model) else []
    changes = [change for change in changes if isinstance(change, WeightRenaming)]
    return lambda name: rename_source_key(name, changes, [])[0]


def older_forms(name):
    """What diffusers now calls an attention's tensors that were named before its version 0.15."""
    for old, new in (("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")):
        yield name.replace(f".{old}.", f".{new}.")


# --- tensors


def fill(model, tensors):
    """Puts the file's tensors, of whatever shape, in their places."""
    for name, tensor in tensors.items():
        path, _, leaf = name.rpartition(".")
        module = model.get_submodule(path)
        if leaf in module._buffers:
            module._buffers[leaf] = tensor
        else:
            setattr(module, leaf, nn.Parameter(tensor))
    if hasattr(model, "tie_weights"):
        model.tie_weights()
    for module in model.modules():
        fit(module)
    if hasattr(getattr(model, "config", None), "vocab_size"):
        model.config.vocab_size = model.get_input_embeddings().num_embeddings


def fit(module):
    """Tells a layer the sizes of its weight."""
    weight = getattr(module, "weight", None)
    if weight is not None:
        fit_weight(module, tuple(weight.shape))
    if hasattr(module, "channels") and isinstance(getattr(module, "conv", None), nn.Conv2d):
        module.channels = module.conv.weight.shape[1]  # diffusers' steps between levels


def fit_weight(module, shape):
    match module:
        case nn.Linear():
            module.out_features, module.in_features = shape
        case nn.Embedding():
            module.num_embeddings, module.embedding_dim = shape
        case nn.Conv2d():
            if 1 < module.groups == module.in_channels:
                module.groups = shape[0] // (module.out_channels // module.groups)
            module.out_channels, module.in_channels = shape[0], shape[1] * module.groups
        case nn.LayerNorm():
            module.normalized_shape = shape
        case nn.GroupNorm():
            (module.num_channels,) = shape
        case nn.BatchNorm2d():
            (module.num_features,) = shape
        case _ if type(module).__name__ == "Conv1D":  # of transformers
            module.nx, module.nf = shape


# --- what shapes do not say


def tensors_of(layer, own):
    """The tensors, by the model's names, of a layer that the file's names call so, or of what is around it."""
    while layer:
        if inside := [name for file, name in own.items() if file.startswith(f"{layer}.")]:
            return inside
        layer = layer.rpartition(".")[0]
    return [*own.values()]


def above(name):
    """`a.b.c`, `a.b`, `a` for the tensor `a.b.c.weight`."""
    while name := name.rpartition(".")[0]:
        yield name


def attention(model, tensors, sizes):
    """Gives an attention the heads that are left."""
    around = (model.get_submodule(path) for name in tensors for path in above(name))
    module = next(module for module in around if has_heads(module))
    heads, kv_heads, head_dim = sizes["heads"], sizes["kv_heads"], sizes["head_dim"]
    inner = heads * head_dim
    told = dict.fromkeys(("num_heads", "num_attention_heads", "n_heads", "heads", "sliceable_head_dim"), heads)
    told |= dict.fromkeys(("head_dim", "attention_head_size"), head_dim)
    told |= dict.fromkeys(("split_size", "attn_dim", "all_head_size", "inner_dim"), inner)
    told |= {"num_key_value_heads": kv_heads, "num_key_value_groups": heads // kv_heads}
    told |= {"inner_kv_dim": kv_heads * head_dim}
    for key, value in told.items():
        if hasattr(module, key):
            setattr(module, key, value)
    if "scored" in sizes:
        scale_scores(module, (head_dim / sizes["scored"]) ** 0.5)
    if "pairs" in sizes:
        module.register_forward_pre_hook(partial(keep_pairs, sizes["pairs"]), with_kwargs=True)


def has_heads(module):
    return any(hasattr(module, key) for key in HEAD_SIZES)


def scale_scores(module, factor):
    """Scores go on being divided by the root of the head size that was, which the module still has from the whole model
    where its library looks at it."""
    if hasattr(module, "to_q"):  # diffusers does not
        module.to_q.register_forward_hook(lambda module, args, output: output * factor)
    elif hasattr(module, "fused_attn"):  # timm does unless fused
        module.fused_attn = False


def keep_pairs(pairs, module, args, kwargs):
    """Before an attention: of the turns of all pairs of features, those of the pairs that are left."""
    cos, sin = kwargs["position_embeddings"]
    kept = torch.tensor(pairs, device=cos.device)
    kept = torch.cat([kept, kept + cos.shape[-1] // 2])
    return args, kwargs | {"position_embeddings": (cos[..., kept], sin[..., kept])}


class WideNorm(nn.Module):
    """A norm that counts `over` features (in each group), those that are gone as zeros."""

    def __init__(self, norm, over):
        super().__init__()
        self.over, self.weight, self.bias = over, norm.weight, getattr(norm, "bias", None)
        self.eps = norm.eps if hasattr(norm, "eps") else norm.variance_epsilon
        self.groups = norm.num_groups if isinstance(norm, nn.GroupNorm) else None
        self.centred = isinstance(norm, (nn.LayerNorm, nn.GroupNorm))

    def forward(self, x):
        # A group norm's features are its channels, which come second.
        rows = x.float() if self.groups is None else x.float().unflatten(1, (self.groups, -1)).flatten(2)
        features = x.shape[-1] if self.groups is None else x.shape[1] // self.groups
        along = (-1,) if self.groups is None else (-1,) + (1,) * (x.ndim - 2)
        present = features / self.over
        mean = rows.mean(-1, keepdim=True) * present * self.centred
        # Each missing 0 is as far from the mean as the mean is from 0.
        variance = (rows - mean).square().mean(-1, keepdim=True) * present + mean.square() * (1 - present)
        y = ((rows - mean) * torch.rsqrt(variance + self.eps)).reshape(x.shape).to(x.dtype)
        y = y if self.weight is None else y * self.weight.reshape(along)
        return y if self.bias is None else y + self.bias.reshape(along)


def wide_norm(model, path, over):
    put(model, path, WideNorm(model.get_submodule(path), over))


def put(model, path, module):
    parent, _, leaf = path.rpartition(".")
    setattr(model.get_submodule(parent), leaf, module)


# --- sub-layers and blocks that went


class Nothing(nn.Module):
    """Stands where a part went whose answer was added to something: zeros like what comes in. `pair`: it answered with
    two things, as the attentions of transformers do."""

    def __init__(self, pair):
        super().__init__()
        self.pair = pair

    def forward(self, *args, **kwargs):
        zeros = torch.zeros_like(args[0] if args else kwargs["hidden_states"])
        return (zeros, None) if self.pair else zeros


class Pass(nn.Module):
    """Stands where a part went that added its answer to what came in, or to the first `channels` of it: on their way up
    U-Nets put those of the way down behind."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, x, *args, **kwargs):
        return x[:, : self.channels]


def leave_out(model, gone):
    """Takes the parts away of which no tensor is left, the largest first."""
    blocks = []
    for path, module in list(model.named_modules()):
        held = {f"{path}.{name}" for name, _ in module.named_parameters()}
        if not path or not held or not held <= gone:
            continue
        parent, _, place = path.rpartition(".")
        if is_transformers(model) and isinstance(model.get_submodule(parent), nn.ModuleList):
            blocks.append((parent, int(place)))
        elif stand_in := instead(model, module):
            put(model, path, stand_in)
        else:
            continue
        gone = gone - held
    left = gone & {name for name, _ in model.named_parameters()}
    if left:
        raise ValueError(f"{type(model).__name__} cannot go without {min(left)} here; open the folder with Secateur")
    for parent, place in reversed(blocks):
        take_out(model, parent, place)
    if is_transformers(model):
        renumber(model)


def instead(model, module):
    """What stands where a module was; None where only its parts can be taken away."""
    if type(module).__name__ in RESIDUAL or getattr(module, "residual_connection", False):
        return Pass(module.out_channels if getattr(module, "conv_shortcut", None) else None)
    if has_heads(module):
        return Nothing(pair=is_transformers(model))
    containers = (nn.Sequential, nn.ModuleList)
    return None if any(isinstance(part, containers) for part in module.modules()) else Nothing(pair=False)


def is_transformers(model):
    return hasattr(model, "base_model_prefix")


def take_out(model, parent, place):
    """A block of transformers, which its class counts in its config."""
    del model.get_submodule(parent)[place]
    around = (model.get_submodule(path) for path in [*above(parent), ""])
    config = next(module.config for module in around if hasattr(module, "config"))
    config.num_hidden_layers -= 1
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:place] + config.layer_types[place + 1 :]


def renumber(model):
    """Caches of keys and values count on an attention at each number."""
    attentions = [module for module in model.modules() if has_heads(module) and hasattr(module, "layer_idx")]
    for at, module in enumerate(attentions):
        module.layer_idx = at
    kinds = getattr(model.config, "layer_types", None) or []
    if len(attentions) < len(kinds) and len(set(kinds)) > 1:
        model.config.use_cache = False  # whose lengths would be those of other layers
