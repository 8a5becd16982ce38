"""Prints what PyTorch's BatchNorm2d does in a training step: the numbers in crates/exec/src/tests/batch_norm.rs.

    python tests/golden/batch_norm.py
"""

import torch


def numbers(count, times, modulo, less):
    return torch.tensor([((times * at) % modulo - less) / 4 for at in range(count)], dtype=torch.float32)


def main():
    image = numbers(27, 7, 11, 5).reshape(3, 1, 3, 3)
    wanted = numbers(24, 3, 13, 6).reshape(3, 2, 2, 2)
    conv, norm = torch.nn.Conv2d(1, 2, 2), torch.nn.BatchNorm2d(2, eps=1e-3)
    with torch.no_grad():
        conv.weight.copy_(numbers(8, 5, 7, 3).reshape(2, 1, 2, 2))
        conv.bias.copy_(torch.tensor([0.5, -0.25]))
        norm.weight.copy_(torch.tensor([1.5, -0.5]))
        norm.bias.copy_(torch.tensor([0.25, 1.0]))
        norm.running_mean.copy_(torch.tensor([0.1, -0.2]))
        norm.running_var.copy_(torch.tensor([2.0, 0.5]))
    loss = ((norm(conv(image)) - wanted) ** 2).mean()
    loss.backward()
    named = [("loss", loss), ("running_mean", norm.running_mean), ("running_var", norm.running_var),
             ("conv.weight", conv.weight.grad), ("norm.weight", norm.weight.grad), ("norm.bias", norm.bias.grad)]
    for name, values in named:
        print(name, [float(f"{value:.7g}") for value in values.flatten().tolist()])


if __name__ == "__main__":
    main()
