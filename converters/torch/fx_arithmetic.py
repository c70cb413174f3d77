"""Arithmetic and changes of shape. Constants may stand where a graph has an `affine` for them."""

import torch

import graph_fold
from fx_builder import BATCH, Constant, Value, axis_of


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
        "slice",
        [x],
        shape,
        last,
        axis=axis,
        start=start or None,
        end=None if end == x.shape[axis] else end,
        step=None if step == 1 else step,
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
