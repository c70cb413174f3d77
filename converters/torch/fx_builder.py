"""What the translation of a traced model works with: values, constants, and the graph under construction.

For every fx node there is either a value of the graph, with the shape it has for the example input, or a
Python constant; the batch size is a constant of its own, `BATCH`, so that shapes computed from it stay
free.
"""

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
