"""Which call of a traced PyTorch model (torch.fx) is which translation.

A translation takes the builder, for a module also the module and its name, and then what the call got:
values of the graph and Python constants.
"""

import operator

import torch
import torch.nn.functional as F
from torch import nn

import fx_arithmetic as arithmetic
import fx_layers as layers

MODULES = {
    nn.Linear: layers.linear,
    nn.Conv2d: layers.conv2d,
    nn.BatchNorm1d: layers.batch_norm,
    nn.BatchNorm2d: layers.batch_norm,
    nn.Embedding: layers.embedding,
    nn.EmbeddingBag: layers.embedding_bag,
    nn.ZeroPad2d: arithmetic.zero_pad,
    nn.LeakyReLU: lambda b, m, layer, x: layers.leaky_relu(b, x, m.negative_slope),
    nn.GELU: lambda b, m, layer, x: layers.gelu(b, x, m.approximate),
    nn.Softmax: lambda b, m, layer, x: layers.softmax(b, x, m.dim),
    nn.Flatten: lambda b, m, layer, x: arithmetic.flatten(b, x, m.start_dim, m.end_dim),
    nn.AdaptiveAvgPool2d: lambda b, m, layer, x: layers.adaptive_pool("avg_pool")(b, x, m.output_size),
    nn.AdaptiveMaxPool2d: lambda b, m, layer, x: layers.adaptive_pool("max_pool")(
        b, x, m.output_size, m.return_indices
    ),
    nn.MaxPool2d: lambda b, m, layer, x: layers.max_pool(
        b, x, m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode, m.return_indices
    ),
    nn.AvgPool2d: lambda b, m, layer, x: layers.avg_pool(
        b, x, m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad, m.divisor_override
    ),
}
SIMPLE_MODULES = {
    nn.ReLU: "relu",
    nn.ReLU6: "relu6",
    nn.SiLU: "silu",
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
    nn.Hardswish: "hardswish",
}
IGNORED_MODULES = (nn.Identity, nn.Dropout, nn.Dropout2d)

FUNCTIONS = {
    F.relu: layers.activation("relu"),
    torch.relu: layers.activation("relu"),
    F.relu6: layers.activation("relu6"),
    F.silu: layers.activation("silu"),
    F.sigmoid: layers.activation("sigmoid"),
    torch.sigmoid: layers.activation("sigmoid"),
    F.tanh: layers.activation("tanh"),
    torch.tanh: layers.activation("tanh"),
    F.hardswish: layers.activation("hardswish"),
    F.leaky_relu: layers.leaky_relu,
    F.gelu: layers.gelu,
    F.hardtanh: layers.hardtanh,
    F.softmax: layers.softmax,
    torch.softmax: layers.softmax,
    F.dropout: layers.identity,
    F.dropout2d: layers.identity,
    F.max_pool2d: layers.max_pool,
    torch.max_pool2d: layers.max_pool,
    F.avg_pool2d: layers.avg_pool,
    F.adaptive_avg_pool2d: layers.adaptive_pool("avg_pool"),
    F.adaptive_max_pool2d: layers.adaptive_pool("max_pool"),
    torch.mean: layers.spatial_reduction("global_avg_pool"),
    torch.amax: layers.spatial_reduction("global_max_pool"),
    operator.add: arithmetic.add,
    operator.iadd: arithmetic.add,
    torch.add: arithmetic.add,
    operator.sub: arithmetic.sub,
    operator.isub: arithmetic.sub,
    torch.sub: arithmetic.sub,
    operator.mul: arithmetic.mul,
    operator.imul: arithmetic.mul,
    torch.mul: arithmetic.mul,
    operator.truediv: arithmetic.div,
    operator.itruediv: arithmetic.div,
    torch.div: arithmetic.div,
    torch.flatten: arithmetic.flatten,
    torch.reshape: arithmetic.reshape,
    torch.squeeze: arithmetic.squeeze,
    torch.unsqueeze: arithmetic.unsqueeze,
    torch.cat: arithmetic.concat,
    torch.concat: arithmetic.concat,
    F.pad: arithmetic.pad,
    torch.chunk: arithmetic.chunk,
    torch.split: arithmetic.split,
    operator.getitem: arithmetic.getitem,
    getattr: arithmetic.get_attribute,
}

METHODS = {
    "relu": layers.activation("relu"),
    "relu_": layers.activation("relu"),
    "sigmoid": layers.activation("sigmoid"),
    "tanh": layers.activation("tanh"),
    "softmax": layers.softmax,
    "mean": layers.spatial_reduction("global_avg_pool"),
    "amax": layers.spatial_reduction("global_max_pool"),
    "add": arithmetic.add,
    "add_": arithmetic.add,
    "sub": arithmetic.sub,
    "mul": arithmetic.mul,
    "mul_": arithmetic.mul,
    "div": arithmetic.div,
    "flatten": arithmetic.flatten,
    "view": arithmetic.reshape,
    "reshape": arithmetic.reshape,
    "squeeze": arithmetic.squeeze,
    "unsqueeze": arithmetic.unsqueeze,
    "chunk": arithmetic.chunk,
    "split": arithmetic.split,
    "size": arithmetic.size,
    "contiguous": layers.identity,
    "detach": layers.identity,
    "clone": layers.identity,
    "float": layers.identity,
}


def is_own_layer(module):
    return getattr(module, "is_ounce_layer", False)


def translation_of(module):
    """Of torch's own classes, not of what users derive from them; our layers are convolutions."""
    return layers.conv2d if is_own_layer(module) else MODULES.get(type(module))
