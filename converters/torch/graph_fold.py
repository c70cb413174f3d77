"""Folds batch norms into the layers before them and activations into the nodes before them.

In the running form of a graph a batch norm is a factor and an addend per output channel of a convolution or
linear layer. Where there is no such layer, or its raw output has another reader, the norm
becomes an `affine` node.
"""

import numpy as np

ACTIVATIONS = {"relu", "relu6", "leaky", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "hardswish"}
TAKES_ACTIVATION = {"linear", "conv2d", "add", "affine"}
LAYERS = {"linear", "conv2d"}


def norm_affine(tensors, name, eps):
    """A batch norm in evaluation mode as y = x * factor + addend, in double."""
    part = lambda key: np.asarray(tensors[f"{name}.{key}"], dtype=np.float64)
    deviation = np.sqrt(part("running_var") + eps)
    factor = (part("weight") if f"{name}.weight" in tensors else 1.0) / deviation
    addend = -part("running_mean") * factor
    return factor, addend + (part("bias") if f"{name}.bias" in tensors else 0.0)


def channel_numbers(scale, shift):
    """Attributes of an `affine` node: the shortest decimals that give the same f32."""
    decimals = lambda values: [float(str(v)) for v in np.asarray(values, dtype=np.float32)]
    return {"scale": decimals(scale), "shift": decimals(shift)}


def _attributes(node):
    return dict(node[3]) if len(node) > 3 else {}


def _node(op, output, inputs, attributes):
    return [op, output, inputs] + ([attributes] if attributes else [])


class _Folder:
    def __init__(self, graph, tensors):
        self.tensors = tensors
        self.outputs = graph["outputs"]
        self.nodes = []
        self.alias = {}
        self.affine = {}
        self.readers = {name: 1 for name in graph["outputs"]}
        self.owners = {}
        for node in graph["nodes"]:
            for name in node[2]:
                self.readers[name] = self.readers.get(name, 0) + 1
            weight = _attributes(node).get("weight")
            self.owners[weight] = self.owners.get(weight, 0) + 1

    def producer(self, name, ops):
        """The node that makes `name`, if this is its only reader and it has no activation yet."""
        if self.readers.get(name) != 1:
            return None
        target = self.alias.get(name, name)
        for node in reversed(self.nodes):
            if node[1] == target:
                return node if node[0] in ops and "act" not in _attributes(node) else None
        return None

    def replace(self, node, output, **attributes):
        """`node` now makes what `output` was; a graph's output keeps its own name."""
        if output in self.outputs:
            node[1] = output
        else:
            self.alias[output] = node[1]
        node[3:] = [{**_attributes(node), **attributes}]

    def batch_norm(self, output, inputs, attributes):
        name = attributes["weight"]
        factor, addend = norm_affine(self.tensors, name, attributes.get("eps", 1e-5))
        before = self.producer(inputs[0], LAYERS)
        layer = before and _attributes(before)["weight"]
        if before and self.owners[layer] == 1:
            old_factor, old_addend = self.affine.get(layer, (1.0, 0.0))
            self.affine[layer] = old_factor * factor, old_addend * factor + addend
            self.replace(before, output)
            return
        self.nodes.append(["affine", output, self.renamed(inputs), channel_numbers(factor, addend)])

    def renamed(self, names):
        return [self.alias.get(name, name) for name in names]

    def add(self, op, output, inputs, attributes):
        if op == "batch_norm":
            return self.batch_norm(output, inputs, attributes)
        before = self.producer(inputs[0], TAKES_ACTIVATION) if op in ACTIVATIONS else None
        if before:
            return self.replace(before, output, act=op, **attributes)
        return self.nodes.append(_node(op, output, self.renamed(inputs), attributes))


def fold(graph, tensors):
    """Returns the graph without batch norms and {layer: (factor, addend)} in double: with W and b a layer's
    own numbers, it now computes factor * (W x + b) + addend.
    """
    folder = _Folder(graph, tensors)
    for node in graph["nodes"]:
        folder.add(node[0], node[1], node[2], _attributes(node))
    return {**graph, "nodes": folder.nodes}, folder.affine
