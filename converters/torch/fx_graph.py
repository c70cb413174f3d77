"""Turns a traced PyTorch model (torch.fx) into an Ounce graph.

The walk keeps, for every fx node, either a value of the graph with the shape it has for the
example input, or a Python constant; the batch size is a constant of its own, `BATCH`, so that shapes computed
from it stay free. One function translates one kind of call; the tables at the end say which.
"""

import operator

import torch
import torch.nn.functional as F
from torch import nn

import graph_fold

BATCH = object()


class ExportError(ValueError):
    """A model that cannot be written as a graph; the message names the node."""


class Value:
    """A tensor of the graph. A pooled [N, C, 1, 1] exists first as [N, C]: that is what most readers want."""

    def __init__(self, name, shape, pooled=False):
        self.name, self.shape, self.pooled = name, tuple(shape), pooled


class Constant:
    """A tensor of the model that is data, not a layer's weight: a mean, a scale."""

    def __init__(self, name, tensor):
        self.name, self.tensor = name, tensor


class Builder:
    def __init__(self):
        self.nodes = []
        self.tensors = {}  # by PyTorch's names: what the nodes' "weight" refers to
        self.shared = {}  # layer: the module, if its weight lies in a shared array
        self.node = None  # the fx node that is being translated
        self.extra = 0

    def fail(self, message):
        target = self.node.target
        target = target if isinstance(target, str) else getattr(target, "__name__", target)
        raise ExportError(f"node {self.node.name} ({self.node.op} {target}): {message}")

    def unique(self):
        self.extra += 1
        return f"{self.node.name}.{self.extra}"

    def name(self, value):
        if not isinstance(value, Value):
            self.fail("an input is not a tensor that depends on the model's input")
        if value.pooled:
            value.name = self.append("reshape", self.unique(), [value.name], shape=[0, 0, 1, 1])
            value.pooled = False
        return value.name

    def append(self, op, output, inputs, **attributes):
        attributes = {key: v for key, v in attributes.items() if v is not None}
        self.nodes.append([op, output, inputs] + ([attributes] if attributes else []))
        return output

    def emit(self, op, inputs, result=None, last=True, **attributes):
        """A node for the current fx node; `last=False` for one of several, whose shape is `result`."""
        output = self.node.name if last else self.unique()
        self.append(op, output, [self.name(v) for v in inputs], **attributes)
        return Value(output, self.node.meta["tensor_meta"].shape if result is None else result)

    def weight(self, module, layer):
        """Our own layers say themselves what is left of their weight when training is over."""
        own = getattr(module, "deployed_weight", None)
        parts = {"weight": own() if own else module.weight, "bias": getattr(module, "bias", None)}
        for key, tensor in parts.items():
            if tensor is not None:
                self.tensors[f"{layer}.{key}"] = tensor.detach()
        if hasattr(module, "shared"):
            self.shared[layer] = module
        return layer


def pair(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def short(value, default):
    """A pair as the graph writes it: left out if default, one number if both are equal."""
    value = pair(value)
    if value == pair(default):
        return None
    return value[0] if value[0] == value[1] else list(value)


def axis_of(b, axis, value):
    rank = len(value.shape)
    if not -rank <= axis < rank:
        b.fail(f"dimension {axis} of a tensor with {rank}")
    return axis % rank


# ---- layers ---------------------------------------------------------------------------


def linear(b, module, layer, x):
    return b.emit("linear", [x], weight=b.weight(module, layer))


def conv_padding(b, module):
    if module.padding_mode != "zeros":
        b.fail(f"padding_mode={module.padding_mode!r} is not supported, only zeros")
    if module.padding == "same":
        total = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size)]
        before = [t // 2 for t in total]
        pad = before + [t - n for t, n in zip(total, before)]
    else:
        pad = [0] * 4 if module.padding == "valid" else list(pair(module.padding)) * 2
    return (pad[0] or None) if len(set(pad)) == 1 else pad


def conv2d(b, module, layer, x):
    return b.emit(
        "conv2d",
        [x],
        weight=b.weight(module, layer),
        kernel=list(module.kernel_size),
        stride=short(module.stride, 1),
        pad=conv_padding(b, module),
        dilation=short(module.dilation, 1),
        groups=None if module.groups == 1 else module.groups,
    )


def batch_norm(b, module, layer, x):
    if module.running_mean is None:
        b.fail("a batch norm without running statistics cannot be folded")
    for key in ("running_mean", "running_var"):
        b.tensors[f"{layer}.{key}"] = getattr(module, key).detach()
    b.weight(module, layer)
    return b.emit("batch_norm", [x], weight=layer, eps=None if module.eps == 1e-5 else module.eps)


def embedding(b, module, layer, ids):
    if module.max_norm is not None:
        b.fail("max_norm is not supported")
    return b.emit("embedding", [ids], weight=b.weight(module, layer))


def embedding_bag(b, module, layer, ids, offsets=None, per_sample_weights=None):
    if module.mode not in ("sum", "mean") or module.max_norm is not None or module.padding_idx is not None:
        b.fail("only mode sum or mean, without max_norm and padding_idx")
    if offsets is not None or per_sample_weights is not None or len(ids.shape) != 2:
        b.fail("only a matrix of indexes, without offsets and weights")
    mode = None if module.mode == "sum" else module.mode
    return b.emit("embedding_bag", [ids], weight=b.weight(module, layer), mode=mode)


# ---- activations, pooling ---------------------------------------------------------------


def activation(op):
    return lambda b, x, inplace=False: b.emit(op, [x])


def leaky_relu(b, x, negative_slope=0.01, inplace=False):
    return b.emit("leaky", [x], slope=None if negative_slope == 0.01 else negative_slope)


def gelu(b, x, approximate="none"):
    return b.emit("gelu_tanh" if approximate == "tanh" else "gelu", [x])


def hardtanh(b, x, min_val=-1.0, max_val=1.0, inplace=False):
    if (min_val, max_val) != (0, 6):
        b.fail("of hardtanh only the limits 0 and 6 (relu6) are supported")
    return b.emit("relu6", [x])


def identity(b, x, *args, **kwargs):
    return x


def softmax(b, x, dim=None, _stacklevel=3, dtype=None):
    if dim is None or dtype is not None:
        b.fail("softmax needs a dim, and no dtype")
    axis = axis_of(b, dim, x)
    return b.emit("softmax", [x], axis=None if axis == len(x.shape) - 1 else axis)


def window(kernel_size, stride, padding, ceil_mode):
    return {
        "kernel": list(pair(kernel_size)),
        "stride": short(stride or kernel_size, 1),
        "pad": None if pair(padding) == (0, 0) else list(pair(padding)) * 2,
        "ceil": True if ceil_mode else None,
    }


def max_pool(b, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    if pair(dilation) != (1, 1) or return_indices:
        b.fail("max pooling with dilation or return_indices is not supported")
    return b.emit("max_pool", [x], **window(kernel_size, stride, padding, ceil_mode))


def avg_pool(b, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
             divisor_override=None):
    if divisor_override is not None:
        b.fail("divisor_override is not supported")
    counted = True if count_include_pad and pair(padding) != (0, 0) else None
    return b.emit("avg_pool", [x], count_pad=counted, **window(kernel_size, stride, padding, ceil_mode))


def global_pool(b, op, x, keep=True):
    pooled = b.emit(op, [x], x.shape[:2])
    return Value(pooled.name, x.shape[:2] + (1, 1), pooled=True) if keep else pooled


def adaptive_pool(op):
    def translate(b, x, output_size, return_indices=False):
        size = tuple(n if o is None else o for o, n in zip(pair(output_size), x.shape[2:]))
        if len(x.shape) != 4 or return_indices:
            b.fail("only images [N, C, H, W] are supported, without return_indices")
        if size == (1, 1):
            return global_pool(b, "global_" + op, x)
        if any(n % s for n, s in zip(x.shape[2:], size)):
            b.fail(f"an output of {size} from {tuple(x.shape[2:])} has windows of different sizes")
        kernel = tuple(n // s for n, s in zip(x.shape[2:], size))
        return b.emit(op, [x], **window(kernel, kernel, 0, False))

    return translate


def spatial_reduction(op):
    def translate(b, x, dim=None, keepdim=False, dtype=None):
        dims = {axis_of(b, d, x) for d in (dim if isinstance(dim, (tuple, list)) else [dim])} if dim else set()
        if len(x.shape) != 4 or dims != {2, 3} or dtype is not None:
            b.fail("only over the last two dimensions of an image [N, C, H, W]")
        return global_pool(b, op, x, keepdim)

    return translate


# ---- arithmetic ---------------------------------------------------------------------------


def per_channel(b, constant, value):
    """A constant operand as one number per channel (dimension 1)."""
    if isinstance(constant, Constant):
        constant = constant.tensor
    t = torch.as_tensor(constant, dtype=torch.float64)
    rank = len(value.shape)
    if rank < 2:
        b.fail("arithmetic with constants needs at least two dimensions")
    t = t.reshape([1] * (rank - t.dim()) + list(t.shape)) if t.dim() <= rank else t
    if t.dim() != rank or any(n != 1 for i, n in enumerate(t.shape) if i != 1):
        b.fail("a constant operand must be a number or one number per channel (dimension 1)")
    return t.reshape(-1).expand(value.shape[1])


def affine(b, x, scale, shift):
    scale, shift = (torch.as_tensor(v, dtype=torch.float64).expand(x.shape[1]) for v in (scale, shift))
    if not (scale.isfinite().all() and shift.isfinite().all()):
        b.fail("a constant is not finite")
    return b.emit("affine", [x], **graph_fold.channel_numbers(scale, shift))


def same_shape(b, op, x, y):
    if x.shape != y.shape:
        b.fail(f"operands of shapes {list(x.shape)} and {list(y.shape)}: broadcasting is not supported")
    return b.emit(op, [x, y])


def add(b, x, y, alpha=1):
    if alpha != 1:
        b.fail("alpha is not supported")
    if isinstance(x, Value) and isinstance(y, Value):
        return same_shape(b, "add", x, y)
    if isinstance(x, Value):
        return affine(b, x, 1.0, per_channel(b, y, x))
    return affine(b, y, 1.0, per_channel(b, x, y))


def sub(b, x, y, alpha=1):
    if isinstance(x, Value) and isinstance(y, Value) or alpha != 1:
        b.fail("a difference of two tensors is not supported")
    if isinstance(x, Value):
        return affine(b, x, 1.0, -per_channel(b, y, x))
    return affine(b, y, -1.0, per_channel(b, x, y))


def mul(b, x, y):
    if isinstance(x, Value) and isinstance(y, Value):
        return same_shape(b, "mul", x, y)
    if isinstance(x, Value):
        return affine(b, x, per_channel(b, y, x), 0.0)
    return affine(b, y, per_channel(b, x, y), 0.0)


def div(b, x, y, rounding_mode=None):
    if not isinstance(x, Value) or isinstance(y, Value) or rounding_mode is not None:
        b.fail("only a division by a constant is supported")
    return affine(b, x, 1.0 / per_channel(b, y, x), 0.0)


# ---- shapes -------------------------------------------------------------------------------


def reshaped(b, x, shape):
    """`shape` of integers, -1 and BATCH."""
    shape = list(shape)
    if x.pooled and len(shape) == 2 and shape[0] in (BATCH, -1) and shape[1] in (-1, x.shape[1]):
        return Value(x.name, x.shape[:2])
    if shape[0] is not BATCH and shape[0] != -1:
        b.fail("the first dimension must stay the batch: write x.size(0) or -1 there")
    if any(n is BATCH for n in shape[1:]):
        b.fail("the batch size can only be the first dimension")
    numbers = [0 if n is BATCH else n for n in shape]
    return b.emit("reshape", [x], shape=numbers)


def reshape(b, x, *shape):
    return reshaped(b, x, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)


def flatten(b, x, start_dim=0, end_dim=-1):
    start, end = axis_of(b, start_dim, x), axis_of(b, end_dim, x)
    if start == 0:
        b.fail("the batch dimension cannot be flattened away: use start_dim=1")
    if start == 1 and end == len(x.shape) - 1:
        return Value(x.name, x.shape[:2]) if x.pooled else b.emit("flatten", [x])
    count = 1
    for n in x.shape[start : end + 1]:
        count *= n
    return reshaped(b, x, [BATCH, *x.shape[1:start], count, *x.shape[end + 1 :]])


def squeeze(b, x, dim=None):
    if dim is None:
        b.fail("squeeze needs a dim: without one it would also drop a batch of 1")
    dims = [dim] if isinstance(dim, int) else dim
    gone = {axis_of(b, d, x) for d in dims if x.shape[d] == 1}
    return reshaped(b, x, [BATCH] + [n for i, n in enumerate(x.shape) if i > 0 and i not in gone])


def unsqueeze(b, x, dim):
    shape = [BATCH, *x.shape[1:]]
    shape.insert(dim % (len(shape) + 1), 1)
    return reshaped(b, x, shape)


def concat(b, tensors, dim=0, axis=None):
    at = axis_of(b, dim if axis is None else axis, tensors[0])
    if at == 0:
        b.fail("tensors cannot be joined along the batch")
    return b.emit("concat", list(tensors), axis=at)


def pad(b, x, pad, mode="constant", value=None):
    if mode != "constant" or value not in (None, 0) or min(pad) < 0:
        b.fail("only padding with zeros is supported")
    pads = [[0, 0] for _ in x.shape]
    for i in range(0, len(pad), 2):
        pads[-1 - i // 2] = list(pad[i : i + 2])
    return b.emit("pad", [x], pads=pads)


def zero_pad(b, module, layer, x):
    return pad(b, x, list(module.padding))


def sliced(b, x, axis, start, end, step, last=True):
    size = len(range(start, end, step))
    shape = x.shape[:axis] + (size,) + x.shape[axis + 1 :]
    return b.emit(
        "slice", [x], shape, last, axis=axis, start=start or None,
        end=None if end == x.shape[axis] else end, step=None if step == 1 else step,
    )


def split(b, x, split_size, dim=0):
    axis = axis_of(b, dim, x)
    if axis == 0:
        b.fail("the batch cannot be split")
    total = x.shape[axis]
    sizes = split_size if isinstance(split_size, (tuple, list)) else [split_size] * -(-total // split_size)
    parts, start = [], 0
    for size in sizes:
        end = min(start + size, total)
        parts.append(sliced(b, x, axis, start, end, 1, last=False))
        start = end
    return tuple(parts)


def chunk(b, x, chunks, dim=0):
    return split(b, x, -(-x.shape[axis_of(b, dim, x)] // chunks), dim)


def getitem(b, x, index):
    if not isinstance(x, Value):
        return x[index]
    index = index if isinstance(index, tuple) else (index,)
    if Ellipsis in index:
        at = index.index(Ellipsis)
        index = index[:at] + (slice(None),) * (len(x.shape) - len(index) + 1) + index[at + 1 :]
    if not all(isinstance(i, slice) for i in index):
        b.fail("only slices can stand in an index, no numbers or masks")
    cuts = [(axis, *s.indices(x.shape[axis])) for axis, s in enumerate(index) if s != slice(None)]
    if any(axis == 0 or step < 1 or start >= end for axis, start, end, step in cuts):
        b.fail("a slice must keep the batch, go forward and not be empty")
    for i, cut in enumerate(cuts):
        x = sliced(b, x, *cut, last=i == len(cuts) - 1)
    return x


def size(b, x, dim=None):
    shape = (BATCH, *x.shape[1:])
    return shape if dim is None else shape[dim]


def get_attribute(b, x, name):
    if name != "shape":
        b.fail(f"the attribute {name} of a tensor is not supported")
    return size(b, x)


# ---- which call is what ---------------------------------------------------------------------

MODULES = {
    nn.Linear: linear,
    nn.Conv2d: conv2d,
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
    nn.Embedding: embedding,
    nn.EmbeddingBag: embedding_bag,
    nn.ZeroPad2d: zero_pad,
    nn.LeakyReLU: lambda b, m, layer, x: leaky_relu(b, x, m.negative_slope),
    nn.GELU: lambda b, m, layer, x: gelu(b, x, m.approximate),
    nn.Softmax: lambda b, m, layer, x: softmax(b, x, m.dim),
    nn.Flatten: lambda b, m, layer, x: flatten(b, x, m.start_dim, m.end_dim),
    nn.AdaptiveAvgPool2d: lambda b, m, layer, x: adaptive_pool("avg_pool")(b, x, m.output_size),
    nn.AdaptiveMaxPool2d: lambda b, m, layer, x: adaptive_pool("max_pool")(
        b, x, m.output_size, m.return_indices
    ),
    nn.MaxPool2d: lambda b, m, layer, x: max_pool(
        b, x, m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode, m.return_indices
    ),
    nn.AvgPool2d: lambda b, m, layer, x: avg_pool(
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
def is_own_layer(module):
    return getattr(module, "is_ounce_layer", False)


def translation_of(module):
    """Of torch's own classes, not of what users derive from them; our layers are convolutions."""
    return conv2d if is_own_layer(module) else MODULES.get(type(module))


IGNORED_MODULES = (nn.Identity, nn.Dropout, nn.Dropout2d)

FUNCTIONS = {
    F.relu: activation("relu"), torch.relu: activation("relu"), F.relu6: activation("relu6"),
    F.silu: activation("silu"), F.sigmoid: activation("sigmoid"), torch.sigmoid: activation("sigmoid"),
    F.tanh: activation("tanh"), torch.tanh: activation("tanh"), F.hardswish: activation("hardswish"),
    F.leaky_relu: leaky_relu, F.gelu: gelu, F.hardtanh: hardtanh,
    F.softmax: softmax, torch.softmax: softmax,
    F.dropout: identity, F.dropout2d: identity,
    F.max_pool2d: max_pool, torch.max_pool2d: max_pool, F.avg_pool2d: avg_pool,
    F.adaptive_avg_pool2d: adaptive_pool("avg_pool"), F.adaptive_max_pool2d: adaptive_pool("max_pool"),
    torch.mean: spatial_reduction("global_avg_pool"), torch.amax: spatial_reduction("global_max_pool"),
    operator.add: add, operator.iadd: add, torch.add: add,
    operator.sub: sub, operator.isub: sub, torch.sub: sub,
    operator.mul: mul, operator.imul: mul, torch.mul: mul,
    operator.truediv: div, operator.itruediv: div, torch.div: div,
    torch.flatten: flatten, torch.reshape: reshape, torch.squeeze: squeeze, torch.unsqueeze: unsqueeze,
    torch.cat: concat, torch.concat: concat, F.pad: pad,
    torch.chunk: chunk, torch.split: split, operator.getitem: getitem, getattr: get_attribute,
}

METHODS = {
    "relu": activation("relu"), "relu_": activation("relu"), "sigmoid": activation("sigmoid"),
    "tanh": activation("tanh"), "softmax": softmax, "mean": spatial_reduction("global_avg_pool"),
    "amax": spatial_reduction("global_max_pool"), "add": add, "add_": add, "sub": sub, "mul": mul, "mul_": mul,
    "div": div, "flatten": flatten, "view": reshape, "reshape": reshape, "squeeze": squeeze,
    "unsqueeze": unsqueeze, "chunk": chunk, "split": split, "size": size, "contiguous": identity,
    "detach": identity, "clone": identity, "float": identity,
}
