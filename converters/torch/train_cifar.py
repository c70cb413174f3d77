#!/usr/bin/env python3
"""Trains a CIFAR-10 ResNet compressed, and writes it as an Ounce model.

    python3 train_cifar.py --method shared:81920 --data train.safetensors -o shared.safetensors

METHOD is dense, shared:SLOTS (STABLE-RPS), pruned:SPARSITY (cubic schedule over the first two thirds) or
nm:N:M (SR-STE), applied to the convolutions of the residual blocks. Pruned and N:M models are written
dense, with their zeros: `ounce compress` packs them. Data sets are those of examples/cifar10/convert.py.
ResNet-20 takes minutes an epoch on a CPU; with a GPU PyTorch is used as it finds it.
"""

import argparse
import functools
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from export import export
from sharing import SharedArray, SharedConv2d
from sparsity import CubicSchedule, MaskedConv2d, NmConv2d

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WIDTHS = (16, 32, 64)


class Block(nn.Module):
    """Two convolutions and a shortcut without weights: every second pixel, zero channels around (option
    A).
    """

    def __init__(self, conv, inputs, outputs):
        super().__init__()
        self.added, self.strided = outputs - inputs, outputs != inputs
        self.conv1 = conv(inputs, outputs, 3, stride=2 if self.strided else 1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = conv(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.strided:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added // 2, self.added // 2))
        return F.relu(y + x)


class ResNet(nn.Module):
    """Takes what a data set holds, RGB planes of 0..255; `conv` makes the convolutions of the blocks."""

    def __init__(self, depth, conv, array=None):
        super().__init__()
        self.array = array
        self.register_buffer("mean", 255 * torch.tensor(MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", 255 * torch.tensor(DEVIATION).reshape(1, 3, 1, 1))
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        width, blocks = 16, []
        for outputs in WIDTHS:
            for _ in range((depth - 2) // 6):
                blocks.append(Block(conv, width, outputs))
                width = outputs
        self.blocks = nn.Sequential(*blocks)
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1((x - self.mean) / self.deviation)))
        return self.linear(self.blocks(x).mean((2, 3)))


def make(method, depth, steps):
    """The network, and what to call after each step."""
    name, *numbers = method.split(":")
    nothing = lambda model, step: None
    if name == "dense" and not numbers:
        return ResNet(depth, nn.Conv2d), nothing
    if name == "shared" and len(numbers) == 1:
        array = SharedArray(int(numbers[0]))
        return ResNet(depth, functools.partial(SharedConv2d, array), array), nothing
    if name == "pruned" and len(numbers) == 1:
        schedule = CubicSchedule(float(numbers[0]), 0, max(1, steps * 2 // 3), max(1, steps // 200))
        return ResNet(depth, MaskedConv2d), schedule.apply
    if name == "nm" and len(numbers) == 2:
        return ResNet(depth, functools.partial(NmConv2d, *map(int, numbers))), nothing
    raise ValueError(f"{method}: a method is dense, shared:SLOTS, pruned:SPARSITY or nm:N:M")


def augmented(x):
    """Each image shifted by up to four pixels and, by chance, mirrored."""
    padded = F.pad(x, (4, 4, 4, 4))
    dy, dx = (torch.randint(0, 9, (len(x), 1), device=x.device) for _ in range(2))
    rows, columns = (torch.arange(32, device=x.device) + d for d in (dy, dx))
    mirrored = torch.rand(len(x), 1, device=x.device) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    image = torch.arange(len(x), device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def train(model, after_step, x, y, epochs, batch=128, rate=0.1):
    steps = max(1, epochs * (len(x) // batch))
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9, nesterov=True, weight_decay=1e-4)
    decay = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1)
    model.train()
    step = 0
    for epoch in range(epochs):
        for chosen in torch.randperm(len(x), device=x.device).split(batch):
            if len(chosen) < batch:
                continue
            loss = F.cross_entropy(model(augmented(x[chosen].float())), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            decay.step()
            after_step(model, step)
            step += 1
        print(f"epoch {epoch + 1} of {epochs}: loss {loss.item():.3f}", file=sys.stderr)


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        right = [(model(a.float()).argmax(1) == b).sum() for a, b in zip(x.split(500), y.split(500))]
    return sum(right).item() / len(x)


def load(path, device):
    tensors = load_file(path)
    return tensors["x"].to(device), tensors["y"].long().to(device)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="dense", help="dense, shared:SLOTS, pruned:SPARSITY or nm:N:M")
    parser.add_argument("--data", required=True, help="data set to train on")
    parser.add_argument("--test", help="data set to report the accuracy on")
    parser.add_argument("--depth", type=int, default=20, choices=(8, 14, 20, 32, 44, 56))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--array-codec", choices=("int8", "f16", "f32"), help="of a shared array (default f32)"
    )
    parser.add_argument("-o", "--output", required=True)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, y = load(options.data, device)
    try:
        model, after_step = make(options.method, options.depth, options.epochs * (len(x) // 128))
    except ValueError as error:
        parser.error(str(error))
    train(model.to(device), after_step, x, y, options.epochs)
    if options.test:
        print(f"accuracy {accuracy(model, *load(options.test, device)):.4f}", file=sys.stderr)
    size = export(model.cpu(), torch.zeros(1, 3, 32, 32), options.output, array_codec=options.array_codec)
    print(f"{options.output}: {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
