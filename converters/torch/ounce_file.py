"""Writes Ounce model files: safetensors files whose metadata says what the tensors mean.

The layout is that of formats/container/contents.h. A weight is a sum of terms, a term a product of leaves, a
leaf a text such as "nm:2:4,codec=int8" and the arrays of its parts, already as the format's README
lays them out. An array object that several leaves hold is stored once. Needs numpy; with the package
xxhash installed, every tensor also gets its hash.
"""

import dataclasses
import json
import os
import pathlib
import struct
import tempfile

import numpy as np

try:
    import xxhash
except ImportError:
    xxhash = None

SMALL_PART = 4096
SMALL_ALIGN = 16
TENSOR_ALIGN = 64
HASH_DIGITS = 16
FLOATS = {np.dtype("float32"): ("f32", "F32"), np.dtype("float16"): ("f16", "F16")}


@dataclasses.dataclass
class Leaf:
    """`parts` in the format's order, None where the format's layout gives a part no bytes."""

    text: str
    shape: tuple
    parts: list


@dataclasses.dataclass
class Weight:
    """`terms`: lists of leaves, the factors from left to right; `rows`: one factor per output, or None."""

    shape: tuple
    terms: list
    scales: list = None
    rows: np.ndarray = None
    act: str = None


def dense(matrix):
    """A weight of one float leaf, [rows, cols]."""
    matrix = np.ascontiguousarray(matrix)
    return Weight(
        matrix.shape, [[Leaf(f"dense,codec={float_name(matrix)}", matrix.shape, [matrix, None, None])]]
    )


def float_name(array):
    if array.dtype not in FLOATS:
        raise ValueError(f"numbers of type {array.dtype} cannot be stored: float32 or float16 only")
    return FLOATS[array.dtype][0]


class _Small:
    """The tensor `small`: vectors and small parts, each at a multiple of 16."""

    def __init__(self):
        self.bytes = bytearray()
        self.places = {}

    def place(self, array):
        if id(array) not in self.places:
            self.bytes += bytes(-len(self.bytes) % SMALL_ALIGN)
            self.places[id(array)] = len(self.bytes)
            self.bytes += np.ascontiguousarray(array).tobytes()
        return self.places[id(array)]


@dataclasses.dataclass
class _Tensor:
    name: str
    dtype: str
    shape: list
    data: bytes


class _Tensors:
    """Parts too large for `small`. Shared ones keep the name that their first leaf gave them."""

    def __init__(self):
        self.list = []
        self.names = {}

    def place(self, array, name, plain):
        if id(array) in self.names:
            return None if self.names[id(array)] == name else self.names[id(array)]
        self.names[id(array)] = name
        data = np.ascontiguousarray(array).tobytes()
        if plain:
            self.list.append(_Tensor(name, FLOATS[array.dtype][1], list(array.shape), data))
        else:
            data += bytes(-len(data) % TENSOR_ALIGN)
            self.list.append(_Tensor(name, "U8", [len(data)], data))
        return None


def _part_name(leaf, index):
    """Only the names of the formats that this module is used for; a part's name is part of the layout."""
    names = {"dense": ("values", "scales", "offsets"), "hashed": ("array", "scales", "signs")}
    return names[leaf.text.replace(",", ":").split(":")[0]][index]


def _leaf_entry(weight_name, place, leaf, several, small, tensors):
    entry = [leaf.text] + ([list(leaf.shape)] if several else [])
    for index, part in enumerate(leaf.parts):
        if part is None:
            entry.append(0)
        elif part.nbytes < SMALL_PART:
            entry.append(small.place(part))
        else:
            plain = leaf.text.startswith("dense,") and part.dtype in FLOATS and index == 0
            entry.append(tensors.place(part, f"{weight_name}/{place}/{_part_name(leaf, index)}", plain))
    return entry


def _weight_entry(name, weight, small, tensors):
    terms = [
        [_leaf_entry(name, f"{t}.{f}", leaf, len(term) > 1, small, tensors) for f, leaf in enumerate(term)]
        for t, term in enumerate(weight.terms)
    ]
    entry = {"shape": list(weight.shape), "terms": terms}
    if weight.scales:
        entry["scales"] = [float(s) for s in weight.scales]
    if weight.rows is not None:
        entry["rows"] = [float_name(weight.rows), small.place(weight.rows)]
    if weight.act:
        entry["act"] = weight.act
    return entry


def _check_finite(name, array):
    if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: a number is not finite")


def _check(weights, vectors):
    for name, weight in weights.items():
        _check_finite(name, weight.rows)
        for term in weight.terms:
            for leaf in term:
                for part in leaf.parts:
                    _check_finite(name, part)
    for name, vector in vectors.items():
        _check_finite(name, vector)


def _compact(value):
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _order(tensors, small):
    """Whole 64-byte lines first, so that each starts at one; a last odd one disturbs nobody."""
    whole = [t for t in tensors if len(t.data) % TENSOR_ALIGN == 0]
    odd = [t for t in tensors if len(t.data) % TENSOR_ALIGN]
    if small:
        data = bytes(small) + bytes(-len(small) % TENSOR_ALIGN)
        whole.append(_Tensor("small", "U8", [len(data)], data))
    return whole + odd


def build(graph, weights, vectors, **provenance):
    """The bytes of a model file. `graph` is the graph as a dictionary, `weights` maps layer names to Weight,
    `vectors` names such as "conv1.bias" to one-dimensional float arrays."""
    _check(weights, vectors)
    small, tensors = _Small(), _Tensors()
    entries = {name: _weight_entry(name, weight, small, tensors) for name, weight in weights.items()}
    places = {name: [float_name(v), len(v), small.place(v)] for name, v in vectors.items()}
    order = _order(tensors.list, small.bytes)
    meta = {"format": "ounce", "version": "1", "graph": _compact(graph), "weights": _compact(entries)}
    if places:
        meta["vectors"] = _compact(places)
    if xxhash:
        meta["hashes"] = "0" * HASH_DIGITS * len(order)
    meta.update({key: text for key, text in provenance.items() if text})
    return _safetensors(meta, order)


def _safetensors(meta, tensors):
    header, end = {"__metadata__": meta}, 0
    for t in tensors:
        header[t.name] = {"dtype": t.dtype, "shape": t.shape, "data_offsets": [end, end + len(t.data)]}
        end += len(t.data)
    text = _compact(header).encode()
    text += b" " * (-(8 + len(text)) % TENSOR_ALIGN)
    head = struct.pack("<Q", len(text)) + text
    if "hashes" in meta:
        head = _fill_hashes(head, tensors)
    return head + b"".join(t.data for t in tensors)


def _fill_hashes(head, tensors):
    """Every tensor's hash, each combined with that of the header around the digits."""
    key = b'"hashes":"'
    begin = head.index(key + b"0" * HASH_DIGITS * len(tensors)) + len(key)
    end = begin + HASH_DIGITS * len(tensors)
    before, after = xxhash.xxh3_64_intdigest(head[:begin]), xxhash.xxh3_64_intdigest(head[end:])
    around = xxhash.xxh3_64_intdigest(struct.pack("<Q", after), seed=before)
    digits = "".join(f"{xxhash.xxh3_64_intdigest(t.data) ^ around:016x}" for t in tensors)
    return head[:begin] + digits.encode() + head[end:]


def write(path, graph, weights, vectors, **provenance):
    """Writes a model file; an existing file is replaced only when the new one is complete."""
    path = pathlib.Path(path)
    data = build(graph, weights, vectors, **provenance)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return len(data)
