#!/usr/bin/env python3
"""Makes an Ounce model of a checkpoint whose layers share one array (ROAST, STABLE-RPS; docs/parameter-sharing.md).

Such checkpoints hold, for a layer L, `L.WHelper.weight` (the array, the same for all layers), `L.WHelper.IDX`
and `L.WHelper.G` (slot and sign of every weight), and `L.bias`; other layers have `L.weight`. What they
lack, offset, lambda and seed of every layer, comes from a JSON file. Slots are not stored but computed, and
must equal the checkpoint's.

    python3 rps_checkpoint.py --graph g.json --layers layers.json --codec int8 -o model.safetensors checkpoint.pt

Needs numpy, and torch or, for a state dict as safetensors, safetensors.
"""

import argparse
import json
import pathlib
import sys

import numpy as np

import fold
import graph_fold
import hashed
import ounce_file


def read(path):
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        return load_file(path)
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in state.get("state_dict", state).items()}


def shared_weight(layer, tensors, place, shared, codec):
    """A hashed leaf. Positions count [out][in], so convolutions of more than one tap have another order."""
    slots, signs = tensors[layer + ".WHelper.IDX"], tensors[layer + ".WHelper.G"]
    array = tensors[layer + ".WHelper.weight"].reshape(-1)
    r = place["r"] if "r" in place else fold.constants(place["seed"])
    if not np.array_equal(fold.pareto_slots(place["offset"], slots.size, array.size, r), slots.reshape(-1)):
        raise ValueError(f"{layer}: offset and seed give other slots than the checkpoint's: check both, and the mapper")
    if not shared:
        shared += [array, hashed.parts(array, codec)]
    if not np.array_equal(shared[0], array):
        raise ValueError(f"{layer}: has another array than the layers before it")
    mask = np.packbits(signs.reshape(-1) < 0, bitorder="little")
    text = hashed.text(array.size, place["offset"], codec, 1, r) + ",sign=mask"
    shape = slots.shape[0], slots.size // slots.shape[0]
    return lambda rows: hashed.weight(text, [*shared[1][:2], mask], shape, rows)


def dense_tensor(layer, tensors, place):
    """W = lambda * G * array[IDX] where that is more than one tap, or the layer shares nothing."""
    if layer + ".weight" in tensors:
        return tensors[layer + ".weight"]
    array = tensors[layer + ".WHelper.weight"].reshape(-1)
    return place["lambda"] * tensors[layer + ".WHelper.G"] * array[tensors[layer + ".WHelper.IDX"]]


def make_weight(layer, tensors, place, shared, codec, factor, kind):
    slots = tensors.get(layer + ".WHelper.IDX")
    if slots is not None and (slots.ndim == 2 or slots[0, 0].size == 1):
        rows = np.broadcast_to(place["lambda"] * np.asarray(factor), slots.shape[:1])
        return shared_weight(layer, tensors, place, shared, codec)(rows.astype(kind))
    tensor = dense_tensor(layer, tensors, place)
    if slots is not None:
        print(f"{layer}: a convolution that counts its weights as [in][ky][kx]; stored dense", file=sys.stderr)
    matrix = np.moveaxis(tensor, 1, -1).reshape(len(tensor), -1) * np.reshape(factor, (-1, 1))
    return ounce_file.dense(matrix.astype(kind))


def convert(graph, tensors, places, codec):
    graph, affine = graph_fold.fold(graph, tensors)
    kind = np.float32 if codec == "f32" else np.float16
    weights, vectors, shared = {}, {}, []
    for layer in (node[3]["weight"] for node in graph["nodes"] if node[0] in graph_fold.LAYERS):
        factor, addend = affine.get(layer, (1.0, tensors.get(layer + ".bias")))
        weights[layer] = make_weight(layer, tensors, places.get(layer), shared, codec, factor, kind)
        if addend is not None:
            vectors[layer + ".bias"] = np.asarray(addend).astype(kind)
    return graph, weights, vectors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--graph", required=True, type=pathlib.Path, help="the network (docs/graph.md)")
    parser.add_argument("--layers", required=True, type=pathlib.Path, help="offset, lambda and seed or r of each layer")
    parser.add_argument("--codec", choices=("int8", "f16", "f32"), default="f16", help="of the shared array")
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    options = parser.parse_args()
    graph, places = json.loads(options.graph.read_text()), json.loads(options.layers.read_text())
    try:
        model = convert(graph, read(options.checkpoint), places, options.codec)
    except (KeyError, TypeError, ValueError) as error:
        sys.exit(f"{options.checkpoint}: {error if isinstance(error, ValueError) else f'lacks {error}'}")
    size = ounce_file.write(options.output, *model, source=options.checkpoint.name, method="hashed:pareto")
    print(f"{options.output}: {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
