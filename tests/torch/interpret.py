"""Runs an Ounce graph in PyTorch: what each operator means, written a second time.

Used to check graphs and exported models without the `ounce` command. Weights are a state dict with
PyTorch's names and layouts (convolutions [out, in / groups, ky, kx]).
"""

import torch
import torch.nn.functional as F

ACTIVATIONS = {
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky": lambda x, slope=0.01: F.leaky_relu(x, slope),
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "hardswish": F.hardswish,
}


def pair(value):
    return list(value) if isinstance(value, (list, tuple)) else [value, value]


def padded(x, pad, value=0.0):
    """`pad` is one number or [top, left, bottom, right]."""
    top, left, bottom, right = pad if isinstance(pad, list) else [pad] * 4
    return F.pad(x, (left, right, top, bottom), value=value)


def activate(x, a):
    if "act" not in a:
        return x
    options = {"slope": a["slope"]} if "slope" in a else {}
    return ACTIVATIONS[a["act"]](x, **options)


def channels(numbers, like):
    return torch.tensor(numbers, dtype=torch.float32).reshape([1, -1] + [1] * (like.dim() - 2))


class Operators:
    """One method an operator: (weights, attributes, inputs...) -> output."""

    def linear(w, a, x):
        return activate(F.linear(x, w[a["weight"] + ".weight"], w.get(a["weight"] + ".bias")), a)

    def conv2d(w, a, x):
        weight, bias = w[a["weight"] + ".weight"], w.get(a["weight"] + ".bias")
        assert list(weight.shape[2:]) == a["kernel"]
        stride, dilation = pair(a.get("stride", 1)), pair(a.get("dilation", 1))
        x = padded(x, a.get("pad", 0))
        return activate(F.conv2d(x, weight, bias, stride, 0, dilation, a.get("groups", 1)), a)

    def batch_norm(w, a, x):
        part = lambda name: w[a["weight"] + "." + name]
        statistics = part("running_mean"), part("running_var")
        return F.batch_norm(x, *statistics, part("weight"), part("bias"), eps=a.get("eps", 1e-5))

    def affine(w, a, x):
        return activate(x * channels(a["scale"], x) + channels(a["shift"], x), a)

    def add(w, a, x, y):
        return activate(x + y, a)

    def mul(w, a, x, y):
        return x * y

    def concat(w, a, *inputs):
        return torch.cat(inputs, a.get("axis", 1))

    def pad(w, a, x):
        return F.pad(x, [n for before_after in reversed(a["pads"]) for n in before_after])

    def slice(w, a, x):
        axis = a["axis"]
        start, end, step = a.get("start", 0), a.get("end", x.shape[axis]), a.get("step", 1)
        index = torch.arange(x.shape[axis])[start:end][::step]
        return x.index_select(axis, index)

    def max_pool(w, a, x):
        kernel = pair(a["kernel"])
        x = padded(x, a.get("pad", 0), float("-inf"))
        return F.max_pool2d(x, kernel, pair(a.get("stride", kernel)), 0, ceil_mode=a.get("ceil", False))

    def avg_pool(w, a, x):
        pad = a.get("pad", 0)
        pad = [pad, pad] if not isinstance(pad, list) else pad[:2]
        kernel = pair(a["kernel"])
        return F.avg_pool2d(
            x, kernel, pair(a.get("stride", kernel)), pad, a.get("ceil", False), a.get("count_pad", False)
        )

    def global_avg_pool(w, a, x):
        return x.mean((2, 3))

    def global_max_pool(w, a, x):
        return x.amax((2, 3))

    def softmax(w, a, x):
        return F.softmax(x, a.get("axis", -1))

    def flatten(w, a, x):
        return x.reshape(x.shape[: a.get("axis", 1)].numel(), -1)

    def reshape(w, a, x):
        shape = [x.shape[i] if n == 0 else n for i, n in enumerate(a["shape"])]
        return x.reshape(shape)

    def embedding(w, a, ids):
        return F.embedding(ids, w[a["weight"] + ".weight"])

    def embedding_bag(w, a, ids):
        return F.embedding_bag(ids, w[a["weight"] + ".weight"], mode=a.get("mode", "sum"))


def run(graph, weights, inputs):
    """`inputs` by name; returns the outputs in the graph's order."""
    values = dict(inputs)
    for op, output, names, *attributes in graph["nodes"]:
        a = attributes[0] if attributes else {}
        arguments = [values[name] for name in names]
        if op in ACTIVATIONS:
            values[output] = activate(*arguments, {"act": op, **a})
        else:
            values[output] = getattr(Operators, op)(weights, a, *arguments)
    return [values[name] for name in graph["outputs"]]
