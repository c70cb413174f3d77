"""The three models of the export test, one of each family that people bring."""

import torch
import torch.nn.functional as F
from torch import nn


class Perceptron(nn.Module):
    """An MLP with several activations, a norm between layers, dropout and a softmax."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(48, 37),
            nn.BatchNorm1d(37),
            nn.GELU(),
            nn.Dropout(0.5),
            nn.Linear(37, 21, bias=False),
            nn.LeakyReLU(0.2),
            nn.Linear(21, 10),
        )

    def forward(self, x):
        x = self.layers((x - 0.5) / 0.25)
        return F.softmax(F.dropout(x, training=self.training), dim=-1)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding="same", bias=False)
        self.bn2 = nn.BatchNorm2d(outputs, eps=1e-3)
        self.project = nn.Sequential()
        if stride > 1:
            self.project = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.project(x))


class Residual(nn.Module):
    """A ResNet that normalises its input by buffers and ends in a mean over the image."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.5, 0.4, 0.3]).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.2, 0.3, 0.25]).reshape(1, 3, 1, 1))
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 7, 2, 3), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 24, 2), Block(24, 24, 1))
        self.last = nn.BatchNorm2d(24)
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        x = self.pool(self.stem((x - self.mean) / self.deviation))
        return self.head(F.relu(self.last(self.blocks(x))).mean((2, 3)))


class Separable(nn.Module):
    """Depthwise and pointwise convolutions in two branches that are split, padded and joined."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish())
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(8)
        self.wide = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2)
        self.pointwise = nn.Conv2d(16, 32, 1)
        self.norm = nn.BatchNorm2d(32)
        self.head = nn.Conv2d(32, 10, 1)

    def forward(self, x):
        left, right = self.stem(x).chunk(2, 1)
        left = F.relu6(self.depthwise_norm(self.depthwise(left)))
        right = torch.sigmoid(self.wide(right)) * right
        x = torch.cat((left, right), dim=1)
        x = F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2, ceil_mode=True)
        x = F.silu(self.norm(self.pointwise(x)))[:, :, ::2, 1:]
        x = F.adaptive_avg_pool2d(self.head(x), 1)
        return x.view(x.size(0), -1)


def randomise(model, seed):
    """Statistics and weights of the norms as training would leave them: not 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    uniform = lambda t, low, high: t.data.uniform_(low, high, generator=generator)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            for tensor, low in ((module.running_mean, -1), (module.running_var, 0.3), (module.weight, 0.5)):
                uniform(tensor, low, 1.5)
            uniform(module.bias, -1, 1)
    return model.eval()
