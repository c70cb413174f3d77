"""Convolutions that share one array of numbers, trained as STABLE-RPS does it.

A weight is lambda * sign * array[slot]; slot and sign come from the pareto fold (fold.py), lambda makes a
layer's weights as large as its usual initialisation. A slot that serves many weights collects many
gradients: each gradient of the array is divided by what its slot collects, the square of the sum of
lambdas over their number.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import fold

INIT = 0.04  # the array starts uniform in [-INIT, INIT]


class SharedArray(nn.Module):
    """The array of all layers that are made with it; layers lie in it in the order in which they are made."""

    def __init__(self, slots, seed=1):
        super().__init__()
        self.seed, self.slots, self.used = seed, slots, 0
        self.r = fold.constants(seed)
        self.values = nn.Parameter(torch.empty(slots).uniform_(-INIT, INIT))
        self.register_buffer("load_sum", torch.zeros(slots), persistent=False)
        self.register_buffer("load_count", torch.zeros(slots), persistent=False)
        self.values.register_hook(self.scaled)

    def place(self, count, scale):
        """Slots and signs of the next `count` weights, and where they start."""
        start, self.used = self.used, self.used + count
        slots = fold.pareto_slots(start, count, self.slots, self.r)
        used = torch.from_numpy(np.bincount(slots, minlength=self.slots)).float()
        self.load_count += used
        self.load_sum += scale * used
        return start, torch.from_numpy(slots), torch.from_numpy(fold.signs(start, count, self.seed))

    def scaled(self, gradient):
        load = self.load_sum**2 / (1e-3 + self.load_count)
        return gradient / (1e-6 + load)


class SharedConv2d(nn.Conv2d):
    """A convolution without numbers of its own, but for a bias. Weights are counted as [out][ky][kx][in]."""

    is_ounce_layer = True

    def __init__(self, array, *args, **options):
        super().__init__(*args, **options)
        out, inputs, height, width = self.weight.shape
        self.dense_shape = out, height, width, inputs
        self.scale = (2 / (inputs * height * width)) ** 0.5 / INIT
        self.register_parameter("weight", None)
        self.shared = (array,)  # a tuple, so that the array belongs to the network and not to each layer
        self.start, slots, signs = array.place(int(np.prod(self.dense_shape)), self.scale)
        self.register_buffer("slots", slots, persistent=False)
        self.register_buffer("signs", signs, persistent=False)

    def deployed_weight(self):
        flat = self.scale * self.signs * self.shared[0].values[self.slots]
        return flat.reshape(self.dense_shape).permute(0, 3, 1, 2)

    def forward(self, x):
        weight = self.deployed_weight()
        return F.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
