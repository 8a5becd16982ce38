"""Convolutional and recurrent goldens: torchvision's classes at tiny widths, and the well-known plain scripts that no library
holds. Such files come without a config.json; the ones here say what `Plan.config` says."""

import torch
from torch import nn
from torch.nn import functional
from torchvision.models.mobilenetv2 import MobileNetV2
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.vgg import VGG, make_layers

from common import save, shake


def names(classes: int) -> dict:
    """`id2label` of a config."""
    return {"id2label": {str(at): f"class {at}" for at in range(classes)}}


def settle(model: nn.Module, pixels: torch.Tensor) -> None:
    """Gives the batch norms the statistics of pictures: with others a deep network's answer hardly hangs on its input."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    with torch.no_grad():
        model(pixels)
    model.eval()


def picture_golden(name: str, model: nn.Module, config: dict, seed: int) -> None:
    height, width = config["image_size"] if isinstance(config["image_size"], list) else [config["image_size"]] * 2
    shake(model, seed)
    pixels = torch.randn(10, config["num_channels"], height, width, generator=torch.Generator().manual_seed(seed + 1))
    settle(model, pixels[2:])
    pixels = pixels[:2]
    save(name, model, model.state_dict(), config, {"pixel_values": pixels}, {"logits": model(pixels)})


# --- VGG


def vgg_bn() -> None:
    """torchvision's order with batch norms and three linear layers; 7 x 7 places before the classifier."""
    layers = [5, "M", 7, 6, "M", 9, "M"]
    model = VGG(make_layers(layers, batch_norm=True), num_classes=4)
    model.classifier = nn.Sequential(
        nn.Linear(9 * 49, 11), nn.ReLU(True), nn.Dropout(), nn.Linear(11, 13), nn.ReLU(True), nn.Dropout(), nn.Linear(13, 4)
    )
    config = {"model_type": "vgg", "image_size": 56, "num_channels": 3, "layers": layers, "batch_norm": True, "conv_bias": True}
    config |= {"batch_norm_eps": 1e-5, "classifier_numbers": [0, 3, 6], "classifier_features": [11, 13]}
    picture_golden("vgg-bn", model, config | names(4), 100)


def vgg_plain() -> None:
    """The small form for CIFAR with one linear layer: oblong grey pictures, two convolutions at the end."""
    layers = [6, 5, "M", 8, "M", 7, 10, "M"]
    features = make_layers(layers, batch_norm=False)
    features[0] = nn.Conv2d(1, 6, 3, padding=1)

    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = features
            self.classifier = nn.Linear(10 * 2 * 3, 5)

        def forward(self, x):
            return self.classifier(torch.flatten(self.features(x), 1))

    config = {"model_type": "vgg", "image_size": [17, 26], "num_channels": 1, "layers": layers, "batch_norm": False}
    config |= {"conv_bias": True, "classifier_numbers": [], "classifier_features": []}
    picture_golden("vgg-plain", Small(), config | names(5), 110)


# --- ResNet


def torchvision_resnet(block, depths: list[int], stem: int, planes: list[int], classes: int) -> ResNet:
    """torchvision's ResNet, built by its own `_make_layer`, with other widths."""
    model = ResNet(block, [1, 1, 1, 1], num_classes=classes)
    model.inplanes = stem
    model.conv1, model.bn1 = nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(stem)
    for at, (depth, width) in enumerate(zip(depths, planes, strict=True)):
        setattr(model, f"layer{at + 1}", model._make_layer(block, width, depth, stride=1 if at == 0 else 2))
    model.fc = nn.Linear(planes[-1] * block.expansion, classes)
    return model


def resnet_basic() -> None:
    model = torchvision_resnet(BasicBlock, [1, 2, 1, 1], 6, [6, 8, 7, 10], 4)
    config = {"model_type": "resnet", "image_size": [70, 53], "num_channels": 3, "stem_kernel": 7, "stem_channels": 6}
    config |= {"layer_type": "basic", "depths": [1, 2, 1, 1], "stage_strides": [1, 2, 2, 2], "stage_channels": [6, 8, 7, 10]}
    config |= {"inner_channels": [6, 8, 8, 7, 10], "shortcut": "downsample", "head": "fc", "batch_norm_eps": 1e-5}
    picture_golden("resnet-basic", model, config | names(4), 120)


def resnet_bottleneck() -> None:
    model = torchvision_resnet(Bottleneck, [2, 1, 1, 2], 6, [3, 4, 5, 4], 3)
    config = {"model_type": "resnet", "image_size": 64, "num_channels": 3, "stem_kernel": 7, "stem_channels": 6}
    config |= {"layer_type": "bottleneck", "depths": [2, 1, 1, 2], "stage_channels": [12, 16, 20, 16], "shortcut": "downsample"}
    config |= {"stage_strides": [1, 2, 2, 2], "inner_channels": [3] * 4 + [4] * 2 + [5] * 2 + [4] * 4, "head": "fc"}
    picture_golden("resnet-bottleneck", model, config | names(3), 130)


class CifarBlock(nn.Module):
    """As in akamaster/pytorch_resnet_cifar10 (`padding`, option A of the paper) and kuangliu/pytorch-cifar (`shortcut`)."""

    def __init__(self, inputs: int, outputs: int, stride: int, padded: bool):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        self.padding = None
        if stride != 1 or inputs != outputs:
            if padded:
                self.padding = outputs // 4
            else:
                self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.padding is not None:
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding), "constant", 0)
        return functional.relu(y + self.shortcut(x))


class CifarResNet(nn.Module):
    def __init__(self, channels: int, widths: list[int], depths: list[int], padded: bool, classes: int):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0])
        inputs = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            blocks = []
            for at in range(depth):
                blocks.append(CifarBlock(inputs, width, 2 if stage > 0 and at == 0 else 1, padded))
                inputs = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.stages = len(widths)
        self.linear = nn.Linear(inputs, classes)

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.linear(functional.avg_pool2d(x, x.shape[2:]).flatten(1))


def resnet_cifar() -> None:
    """Option A: every second place, zeros on both sides of the channels; an odd height, so that the last place counts."""
    model = CifarResNet(3, [4, 8, 16], [2, 1, 2], padded=True, classes=5)
    config = {"model_type": "resnet", "image_size": [13, 10], "num_channels": 3, "stem_kernel": 3, "stem_channels": 4}
    config |= {"layer_type": "basic", "depths": [2, 1, 2], "stage_strides": [1, 2, 2], "stage_channels": [4, 8, 16]}
    config |= {"inner_channels": [4, 4, 8, 16, 16], "shortcut": "padding", "head": "linear"}
    picture_golden("resnet-cifar", model, config | names(5), 140)


def resnet_shortcut() -> None:
    """Option B under the name `shortcut`, grey pictures."""
    model = CifarResNet(1, [5, 7, 6], [1, 1, 2], padded=False, classes=3)
    config = {"model_type": "resnet", "image_size": 12, "num_channels": 1, "stem_kernel": 3, "stem_channels": 5}
    config |= {"layer_type": "basic", "depths": [1, 1, 2], "stage_strides": [1, 2, 2], "stage_channels": [5, 7, 6]}
    config |= {"inner_channels": [5, 7, 6, 6], "shortcut": "shortcut", "head": "linear"}
    picture_golden("resnet-shortcut", model, config | names(3), 150)


# --- MobileNet


class MobileNetV1(nn.Module):
    """As in marvis/pytorch-mobilenet, on which most PyTorch files of MobileNetV1 rest."""

    def __init__(self, widths: list[int], strides: list[int], classes: int):
        super().__init__()

        def plain(inputs, outputs, stride):
            conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

        def separable(inputs, outputs, stride):
            depthwise = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
            pointwise = nn.Conv2d(inputs, outputs, 1, 1, 0, bias=False)
            first = [depthwise, nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
            return nn.Sequential(*first, pointwise, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

        blocks = [separable(*block) for block in zip(widths, widths[1:], strides[1:], strict=False)]
        self.model = nn.Sequential(plain(3, widths[0], strides[0]), *blocks, nn.AvgPool2d(2))
        self.fc = nn.Linear(widths[-1], classes)

    def forward(self, x):
        return self.fc(self.model(x).flatten(1))


def mobilenet_v1() -> None:
    """The published depth and strides; 64 pixels leave 2 x 2 places where 224 leave 7 x 7."""
    widths = [4, 6, 5, 7, 8, 6, 9, 7, 5, 8, 6, 7, 10, 9]
    strides = [2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
    config = {"model_type": "mobilenet_v1", "image_size": 64, "num_channels": 3, "block_channels": widths, "strides": strides}
    picture_golden("mobilenet-v1", MobileNetV1(widths, strides, 4), config | names(4), 160)


def mobilenet_v2() -> None:
    """torchvision's class with fewer blocks, oblong pictures and a batch norm ε of its own."""
    setting = [[1, 6, 1, 1], [6, 4, 2, 2], [3, 4, 1, 1], [4, 7, 1, 2]]
    norm = lambda width: nn.BatchNorm2d(width, eps=2e-3)  # noqa: E731
    model = MobileNetV2(num_classes=3, inverted_residual_setting=setting, round_nearest=1, norm_layer=norm)
    # The class has 32 channels in its stem and 1280 before its classifier at any width; these are too many here.
    stem, last = model.features[0], model.features[-1]
    stem[0], stem[1] = nn.Conv2d(3, 5, 3, 2, 1, bias=False), norm(5)
    first = model.features[1].conv
    first[0][0], first[0][1] = nn.Conv2d(5, 5, 3, 1, 1, groups=5, bias=False), norm(5)
    first[1] = nn.Conv2d(5, 6, 1, bias=False)
    last[0], last[1] = nn.Conv2d(7, 11, 1, bias=False), norm(11)
    model.classifier[1] = nn.Linear(11, 3)
    config = {"model_type": "mobilenet_v2", "image_size": [34, 27], "num_channels": 3, "stem_channels": 5}
    config |= {"block_channels": [6, 4, 4, 4, 7], "expanded_channels": [36, 24, 12, 16], "without_expansion": [0]}
    config |= {"last_channels": 11, "batch_norm_eps": 2e-3}
    config["strides"] = [2] + [block.stride for block in model.features[1:-1]]
    picture_golden("mobilenet-v2", model, config | names(3), 170)


# --- recurrent


class Recurrent(nn.Module):
    """Embedding, torch.nn's recurrent layers, a linear head: as in PyTorch's tutorials and examples/word_language_model."""

    def __init__(self, kind: str, words: tuple[str, str], entries: int, features: int, hidden: int, outputs: int, **more):
        super().__init__()
        self.kind, self.words, self.outputs, self.entries = kind, words, outputs, entries
        setattr(self, words[0], nn.Embedding(entries, features))
        setattr(self, kind, {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind](features, hidden, batch_first=True, **more))
        self.both = more.get("bidirectional", False)
        setattr(self, words[1], nn.Linear(hidden * (2 if self.both else 1), outputs))

    def forward(self, ids):
        x, _ = getattr(self, self.kind)(getattr(self, self.words[0])(ids))
        head = getattr(self, self.words[1])
        if self.outputs == self.entries:
            return head(x)
        half = x.shape[-1] // 2
        return head(torch.cat([x[:, -1, :half], x[:, 0, half:]], 1) if self.both else x[:, -1])


def text_golden(name: str, model: Recurrent, config: dict, seed: int) -> None:
    shake(model, seed)
    ids = torch.randint(0, config["vocab_size"], (2, 7), generator=torch.Generator().manual_seed(seed + 1))
    save(name, model, model.state_dict(), config, {"input_ids": ids}, {"logits": model(ids)})


def rnn_classes() -> None:
    model = Recurrent("rnn", ("embedding", "fc"), 11, 5, 6, 3, nonlinearity="relu")
    config = {"model_type": "recurrent", "cell": "rnn", "nonlinearity": "relu", "vocab_size": 11, "embedding_size": 5}
    config |= {"hidden_size": 6, "num_hidden_layers": 1, "bidirectional": False, "bias": True, "task": "classes"}
    config |= {"embedding_name": "embedding", "recurrent_name": "rnn", "head_name": "fc", "max_length": 64}
    text_golden("rnn-classes", model, config | names(3), 180)


def gru_lm() -> None:
    model = Recurrent("gru", ("encoder", "decoder"), 13, 6, 7, 13, num_layers=3)
    config = {"model_type": "recurrent", "cell": "gru", "vocab_size": 13, "embedding_size": 6, "hidden_size": 7}
    config |= {"num_hidden_layers": 3, "bidirectional": False, "bias": True, "task": "next-token", "max_length": 32}
    config |= {"embedding_name": "encoder", "recurrent_name": "gru", "head_name": "decoder"}
    text_golden("gru-lm", model, config, 190)


def lstm_classes() -> None:
    model = Recurrent("lstm", ("embedding", "linear"), 12, 5, 6, 4, num_layers=2, bidirectional=True)
    config = {"model_type": "recurrent", "cell": "lstm", "vocab_size": 12, "embedding_size": 5, "hidden_size": 6}
    config |= {"num_hidden_layers": 2, "bidirectional": True, "bias": True, "task": "classes", "max_length": 40}
    config |= {"embedding_name": "embedding", "recurrent_name": "lstm", "head_name": "linear"}
    text_golden("lstm-classes", model, config | names(4), 200)


def make() -> None:
    torch.manual_seed(300)
    vgg_bn()
    vgg_plain()
    resnet_basic()
    resnet_bottleneck()
    resnet_cifar()
    resnet_shortcut()
    mobilenet_v1()
    mobilenet_v2()
    rnn_classes()
    gru_lm()
    lstm_classes()


if __name__ == "__main__":
    make()
