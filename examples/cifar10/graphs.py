#!/usr/bin/env python3
"""Writes the graphs of CIFAR-10 residual networks: resnet8.json, resnet20.json, resnet56.json.

The networks are those of He et al. 2016 with n blocks in each of three stages. The shortcut into a wider
stage has no weights (option A): every second row and column, then zero channels. The input is what a
CIFAR file holds, RGB planes of 0..255; the normalisation is the graph's first node. Layers carry
the names that a PyTorch state dict gives them, so `ounce import` finds their tensors.

    python3 graphs.py [FOLDER]
"""

import json
import pathlib
import sys

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WIDTHS = (16, 32, 64)


class Graph:
    """Nodes in the order in which they run; every method returns the name of its output."""

    def __init__(self):
        self.nodes = []

    def add(self, op, output, inputs, **attributes):
        self.nodes.append([op, output, list(inputs)] + ([attributes] if attributes else []))
        return output

    def conv(self, output, x, weight, kernel, norm=None, relu=True, **attributes):
        x = self.add("conv2d", output, [x], weight=weight, kernel=[kernel, kernel], **attributes)
        if norm:
            x = self.add("batch_norm", output + "n", [x], weight=norm)
        return self.add("relu", output + "r", [x]) if relu else x

    def document(self, shape, output):
        return {"inputs": {"x": ["N", *shape]}, "outputs": [output], "nodes": self.nodes}


def normalise(graph, mean, std):
    """(x / 255 - mean) / std as one multiplication and one addition per channel."""
    scale = [round(1 / (255 * s), 10) for s in std]
    shift = [round(-m / s, 10) for m, s in zip(mean, std)]
    return graph.add("affine", "in", ["x"], scale=scale, shift=shift)


def zero_shortcut(graph, name, x, layer, added):
    """Option A: subsample by two, then half of the new channels before and half after, all zero."""
    x = graph.add("slice", name + "h", [x], axis=2, step=2)
    x = graph.add("slice", name + "w", [x], axis=3, step=2)
    return graph.add("pad", name + "p", [x], pads=[[0, 0], [added // 2, added // 2], [0, 0], [0, 0]])


def projection_shortcut(graph, name, x, layer, added):
    """Option B: a strided 1 x 1 convolution with its norm."""
    return graph.conv(name + "d", x, layer + ".downsample.0", 1, layer + ".downsample.1", False, stride=2)


def resnet(blocks, head="linear", mean=IMAGENET_MEAN, std=IMAGENET_STD, shortcut=zero_shortcut):
    g = Graph()
    x = g.conv("s", normalise(g, mean, std), "conv1", 3, "bn1", pad=1)
    for stage in (1, 2, 3):
        for block in range(blocks):
            layer, name = f"layer{stage}.{block}", f"{stage}.{block}"
            strided = {"stride": 2} if stage > 1 and block == 0 else {}
            y = g.conv(name + "a", x, layer + ".conv1", 3, layer + ".bn1", pad=1, **strided)
            y = g.conv(name + "b", y, layer + ".conv2", 3, layer + ".bn2", False, pad=1)
            if strided:
                x = shortcut(g, name, x, layer, WIDTHS[stage - 1] - WIDTHS[stage - 2])
            x = g.add("add", name, [y, x], act="relu")
    x = g.add("global_avg_pool", "pool", [x])
    g.add("linear", "logits", [x], weight=head)
    return g.document([3, 32, 32], "logits")


def write(path, document):
    """One node a line: readable, and small in a diff."""
    nodes = ",\n".join("  " + json.dumps(node) for node in document["nodes"])
    head = {key: value for key, value in document.items() if key != "nodes"}
    path.write_text(json.dumps(head)[:-1] + ', "nodes": [\n' + nodes + "\n]}\n")


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for depth in (8, 20, 56):
        write(folder / f"resnet{depth}.json", resnet((depth - 2) // 6))
