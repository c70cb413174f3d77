"""Reads an Ounce model back into PyTorch's names and layouts, for checks without the `ounce` command.

Knows the formats that the Python tools write: dense floats, and hashed with the map pareto.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from safetensors import safe_open

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "converters" / "torch"))
import fold

TYPES = {"f32": np.float32, "f16": np.float16}


class Reader:
    def __init__(self, path):
        with safe_open(path, "np") as file:
            self.meta = file.metadata()
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}
        assert self.meta["format"] == "ounce" and self.meta["version"] == "1"
        self.graph = json.loads(self.meta["graph"])

    def small(self, kind, count, offset):
        assert offset % 16 == 0
        return np.frombuffer(self.tensors["small"].tobytes(), TYPES.get(kind, np.uint8), count, offset)

    def part(self, place, default, kind, count):
        if isinstance(place, int):
            return self.small(kind, count, place)
        data = self.tensors[place or default].tobytes()
        return np.frombuffer(data, TYPES.get(kind, np.uint8), count)

    def leaf(self, name, entry, shape):
        text, *places = entry
        head, *pairs = text.split(",")
        format_name, *arguments = head.split(":")
        options = dict(pair.split("=") for pair in pairs)
        kind, count = options["codec"], shape[0] * shape[1]
        if format_name == "dense":
            return self.part(places[0], name + "/values", kind, count).astype(np.float32).reshape(shape)
        assert arguments[0] == "pareto"
        slots, offset = int(arguments[1]), int(arguments[2])
        array = self.part(places[0], name + "/array", kind, slots).astype(np.float32)
        if kind == "int8":
            scales = self.part(places[1], name + "/scales", "f16", -(-slots // 64)).astype(np.float32)
            array = (array - 128) * np.repeat(scales, 64)[:slots]
        seed = int(options.get("seed", 1))
        r = [int(options.get(f"r{i}", d)) for i, d in enumerate((1026061689, 509610793, 831957067))]
        index = fold.pareto_slots(offset, count, slots, r)
        return (fold.signs(offset, count, seed) * array[index]).reshape(shape)

    def weight(self, name, entry):
        shape = entry["shape"]
        (term,), scale = entry["terms"], entry.get("scales", [1])[0]
        (leaf,) = term
        matrix = scale * self.leaf(name + "/0.0", leaf, shape)
        if "rows" in entry:
            matrix = matrix * self.small(entry["rows"][0], shape[0], entry["rows"][1])[:, None].astype(
                np.float32
            )
        return matrix

    def state(self):
        """Convolutions go back from [out][ky][kx][in] to [out, in, ky, kx]."""
        kernels = {n[3]["weight"]: n[3]["kernel"] for n in self.graph["nodes"] if n[0] == "conv2d"}
        state = {}
        for name, entry in json.loads(self.meta["weights"]).items():
            w = torch.from_numpy(np.ascontiguousarray(self.weight(name, entry), dtype=np.float32))
            if name in kernels:
                w = w.reshape(len(w), *kernels[name], -1).permute(0, 3, 1, 2).contiguous()
            state[name + ".weight"] = w
        for name, (kind, count, offset) in json.loads(self.meta.get("vectors", "{}")).items():
            state[name] = torch.from_numpy(self.small(kind, count, offset).astype(np.float32))
        return state
