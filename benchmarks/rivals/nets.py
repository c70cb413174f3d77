#!/usr/bin/env python3
"""The networks of the comparison, each described once, with random weights that depend on the sparsity alone.

    python3 nets.py NET --sparsity 0.9 --onnx FILE       one ONNX model; --batch N
    python3 nets.py NET --sparsity 0.9 --ounce FOLDER    NET.json and NET.safetensors for `ounce import`

mlp784     784-512-512-10; all layers but the last are sparse
cifar      six 3x3 convolutions on 32x32 pictures and a classifier, 77 MFLOP; all but the first and the classifier
mobilenet  MobileNetV1 1.0 on 224x224 pictures, batch norms folded, 1.14 GFLOP; its 1x1 convolutions
resnet20   ResNet-20 for 32x32 pictures, batch norms folded, 82 MFLOP; all but the first and the classifier

A single convolution is a network, too, without an activation; all of it is sparse:

conv3-16x32-64s2   3x3 from 16 channels of 32x32 to 64, padded, with a stride of 2 (without "s2": 1)
dw3-64x112s2       3x3 depthwise over 64 channels of 112x112

The ONNX model has its zeros written out as numbers, as the export of a pruned network has.
"""

import argparse
import json
import math
import pathlib
import re
import struct

import numpy


class Net:
    """Nodes in the order in which they run: (operator, name, inputs, attributes); a weight has its node's name."""

    def __init__(self, shape, sparsity):
        self.shape, self.sparsity = shape, sparsity
        self.nodes, self.weights, self.sparse = [], {}, []
        self.random = numpy.random.default_rng(1)

    def add(self, operator, name, *inputs, **attributes):
        self.nodes.append((operator, name, inputs, attributes))
        return name

    def weight(self, name, shape, sparse):
        """Of a size that keeps activations near 1 whatever the sparsity, so that no layer's outputs die out."""
        keep = 1 - self.sparsity if sparse else 1
        scale = math.sqrt(2 / (math.prod(shape[1:]) * max(keep, 0.01)))
        w = self.random.normal(0, scale, shape).astype("f4")
        if sparse:
            w[self.random.random(shape) >= keep] = 0
            self.sparse.append(name)
        self.weights[name + ".weight"] = w
        self.weights[name + ".bias"] = self.random.normal(0, 0.1, shape[0]).astype("f4")

    def linear(self, name, x, inputs, outputs, act=None, sparse=False):
        self.weight(name, (outputs, inputs), sparse)
        return self.add("linear", name, x, act=act)

    def conv(self, name, x, inputs, outputs, kernel, stride=1, groups=1, act="relu", sparse=False):
        self.weight(name, (outputs, inputs // groups, kernel, kernel), sparse)
        return self.add("conv2d", name, x, kernel=kernel, stride=stride, pad=kernel // 2, groups=groups, act=act)


def mlp784(sparsity):
    net = Net([784], sparsity)
    x = net.linear("fc1", "x", 784, 512, act="relu", sparse=True)
    x = net.linear("fc2", x, 512, 512, act="relu", sparse=True)
    net.linear("logits", x, 512, 10)
    return net


def cifar(sparsity):
    net = Net([3, 32, 32], sparsity)
    x, channels = "x", 3
    for i, (outputs, stride) in enumerate([(32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)]):
        x = net.conv(f"c{i + 1}", x, channels, outputs, 3, stride, sparse=i > 0)
        channels = outputs
    x = net.add("global_avg_pool", "pool", x)
    net.linear("logits", x, channels, 10)
    return net


def mobilenet(sparsity):
    net = Net([3, 224, 224], sparsity)
    x, channels = net.conv("stem", "x", 3, 32, 3, stride=2, act="relu6"), 32
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + 5 * [(512, 1)] + [(1024, 2), (1024, 1)]
    for i, (outputs, stride) in enumerate(blocks):
        x = net.conv(f"dw{i + 1}", x, channels, channels, 3, stride, groups=channels, act="relu6")
        x = net.conv(f"pw{i + 1}", x, channels, outputs, 1, act="relu6", sparse=True)
        channels = outputs
    x = net.add("global_avg_pool", "pool", x)
    net.linear("logits", x, channels, 1000)
    return net


def shortcut(net, name, x, channels, outputs):
    """Into a wider stage: every second row and column, and zeros for half of the new channels on either side."""
    added = (outputs - channels) // 2
    x = net.add("slice", name + "rows", x, axis=2, step=2)
    x = net.add("slice", name + "columns", x, axis=3, step=2)
    return net.add("pad", name + "channels", x, pads=[[0, 0], [added, added], [0, 0], [0, 0]])


def resnet20(sparsity):
    net = Net([3, 32, 32], sparsity)
    x, channels = net.conv("stem", "x", 3, 16, 3), 16
    for i in range(9):
        name, outputs = f"block{i + 1}", 16 << i // 3
        y = net.conv(name + "a", x, channels, outputs, 3, stride=outputs // channels, sparse=True)
        y = net.conv(name + "b", y, outputs, outputs, 3, act=None, sparse=True)
        if outputs > channels:
            x = shortcut(net, name, x, channels, outputs)
        x, channels = net.add("add", name, y, x, act="relu"), outputs
    x = net.add("global_avg_pool", "pool", x)
    net.linear("logits", x, channels, 10)
    return net


NETS = {"mlp784": mlp784, "cifar": cifar, "mobilenet": mobilenet, "resnet20": resnet20}

CONVOLUTION = re.compile(r"(conv|dw)(\d+)-(\d+)x(\d+)(?:-(\d+))?(?:s(\d+))?")


def make(name, sparsity):
    if name in NETS:
        return NETS[name](sparsity)
    kind, *numbers = CONVOLUTION.fullmatch(name).groups()
    kernel, channels, size, outputs, stride = (int(n or 0) for n in numbers)
    net = Net([channels, size, size], sparsity)
    groups = channels if kind == "dw" else 1
    net.conv("y", "x", channels, outputs or channels, kernel, stride or 1, groups, act=None, sparse=True)
    return net


def onnx_nodes(operator, name, inputs, a):
    """The ONNX nodes for one of ours; the last one's output is called `name`."""
    from onnx.helper import make_node

    linear = name + "_linear" if a.get("act") else name
    wb = [name + ".weight", name + ".bias"]
    if operator == "linear":
        yield make_node("Gemm", [*inputs, *wb], [linear], transB=1)
    elif operator == "conv2d":
        yield make_node("Conv", [*inputs, *wb], [linear], kernel_shape=2 * [a["kernel"]], strides=2 * [a["stride"]],
                        pads=4 * [a["pad"]], group=a["groups"])
    elif operator == "add":
        yield make_node("Add", inputs, [linear])
    elif operator == "slice":
        yield make_node("Slice", [*inputs, "first", "end", f"axis{a['axis']}", "second"], [name])
    elif operator == "pad":
        before, after = zip(*a["pads"])
        yield make_node("Constant", [], [name + "_pads"], value_ints=before + after)
        yield make_node("Pad", [*inputs, name + "_pads"], [name])
    else:
        yield make_node("GlobalAveragePool", inputs, [name + "_mean"])
        yield make_node("Flatten", [name + "_mean"], [name])
    if a.get("act") == "relu":
        yield make_node("Relu", [linear], [name])
    elif a.get("act") == "relu6":
        yield make_node("Clip", [linear, "zero", "six"], [name])


def onnx_model(net, batch):
    from onnx import TensorProto, helper, numpy_helper

    def value(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    tensors = dict(net.weights)
    if any(a.get("act") == "relu6" for *_, a in net.nodes):
        tensors.update(zero=numpy.array(0, "f4"), six=numpy.array(6, "f4"))
    if any(operator == "slice" for operator, *_ in net.nodes):
        numbers = dict(first=0, end=2**31, axis2=2, axis3=3, second=2)
        tensors.update((name, numpy.array([n], "i8")) for name, n in numbers.items())
    nodes = [made for node in net.nodes for made in onnx_nodes(*node)]
    output = net.nodes[-1][1]
    graph = helper.make_graph(nodes, "net", [value("x", [batch, *net.shape])], [value(output, None)],
                              [numpy_helper.from_array(t, n) for n, t in tensors.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def expected(model, x):
    """What ONNX's own slow evaluator makes of it."""
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(model).run(None, {"x": x})[0]


def ounce_graph(net):
    nodes = []
    for operator, name, inputs, attributes in net.nodes:
        attributes = {k: v for k, v in attributes.items() if v is not None}
        if name + ".weight" in net.weights:
            attributes["weight"] = name
        if operator == "conv2d":
            attributes["kernel"] = 2 * [attributes["kernel"]]
        nodes.append([operator, name, list(inputs)] + ([attributes] if attributes else []))
    return {"inputs": {"x": ["N", *net.shape]}, "outputs": [net.nodes[-1][1]], "nodes": nodes}


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, tensor in tensors.items():
        end = offset + tensor.nbytes
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.tobytes())


def write_ounce(net, name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(ounce_graph(net), indent=1) + "\n")
    write_safetensors(folder / f"{name}.safetensors", net.weights)
    recipe = ["* = dense,codec=f32"] + [f"{layer} = sparse,codec=f32,sparsity=0" for layer in net.sparse]
    (folder / f"{name}.recipe").write_text("\n".join(recipe) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net")
    parser.add_argument("--sparsity", type=float, default=0.0)
    parser.add_argument("--batch", type=int, default=1, help="of the ONNX model; Ounce's takes any")
    parser.add_argument("--onnx", type=pathlib.Path)
    parser.add_argument("--ounce", type=pathlib.Path)
    options = parser.parse_args()
    net = make(options.net, options.sparsity)
    if options.ounce:
        write_ounce(net, options.net, options.ounce)
    if options.onnx:
        options.onnx.write_bytes(onnx_model(net, options.batch).SerializeToString())


if __name__ == "__main__":
    main()
