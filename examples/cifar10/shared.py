#!/usr/bin/env python3
"""Makes an Ounce model of the ResNet-20 whose block convolutions share one array of 81,920 numbers.

The array goes into leaves of the format `hashed` as it was trained, or in int8 with one scale per 64
numbers (the default: a quarter of the bytes, four images of 5,000). What training called lambda, and the
batch norms, become row scales and biases. The first convolution and the linear layer stay dense. These too
are f16, or f32 with an f32 array.

    python3 shared.py [--codec int8|f16|f32] -o shared.safetensors          needs numpy and safetensors
"""

import argparse
import json
import pathlib
import sys

import numpy as np
from safetensors import safe_open

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "converters" / "torch"))
import fold
import graph_fold
import hashed
import ounce_file


def load(path):
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["rps"])


def hashed_weight(rps, layer, parts, codec, factor, kind):
    place = rps["layers"][layer]
    if place["mapper"] != "pareto" or rps["P"] != fold.PRIME:
        sys.exit(f"{layer}: only the pareto fold modulo {fold.PRIME} is known here")
    shape = place["shape"][0], int(np.prod(place["shape"][1:]))
    text = hashed.text(rps["slots"], place["offset"], codec, rps["seed"], rps["r"])
    return hashed.weight(text, parts, shape, (factor * place["lambda"]).astype(kind))


def dense_weight(tensor, factor, kind):
    """[out, in, ky, kx] or [out, in] -> [out, ky * kx * in]."""
    rows = np.moveaxis(tensor, 1, -1).reshape(len(tensor), -1)
    return ounce_file.dense((rows * np.reshape(factor, (-1, 1))).astype(kind))


def model(tensors, rps, codec):
    graph = json.loads((HERE / "resnet20.json").read_text())
    graph, affine = graph_fold.fold(graph, tensors)
    parts = hashed.parts(tensors["array"], codec)
    kind = np.float32 if codec == "f32" else np.float16
    weights, vectors = {}, {}
    for layer in (node[3]["weight"] for node in graph["nodes"] if node[0] in graph_fold.LAYERS):
        factor, addend = affine.get(layer, (1.0, tensors.get(layer + ".bias")))
        if layer in rps["layers"]:
            weights[layer] = hashed_weight(rps, layer, parts, codec, factor, kind)
        else:
            weights[layer] = dense_weight(tensors[layer + ".weight"], factor, kind)
        vectors[layer + ".bias"] = np.asarray(addend).astype(kind)
    return graph, weights, vectors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    parser.add_argument("--codec", choices=("int8", "f16", "f32"), default="int8", help="of the shared array")
    options = parser.parse_args()
    tensors, rps = load(HERE / "resnet20-shared-81920.safetensors")
    graph, weights, vectors = model(tensors, rps, options.codec)
    source = "ResNet-20 with parameter sharing (STABLE-RPS), CIFAR-10"
    size = ounce_file.write(options.output, graph, weights, vectors, source=source, method="hashed:pareto")
    print(f"{options.output}: {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
