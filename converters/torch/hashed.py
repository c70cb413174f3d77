"""Leaves of the format `hashed` whose array was trained, as they stand in a model file.

All layers of an array pass the same list of parts, so that the file holds it once. What training calls
lambda becomes part of the row scale (formats/hashed/README.md is the norm).
"""

import numpy as np

import ounce_file

GROUP = 64
DEFAULT_CONSTANTS = [1026061689, 509610793, 831957067]
KINDS = {"f16": np.float16, "f32": np.float32}


def parts(array, codec):
    """The parts `array`, `scales`, `signs`; int8 has one f16 scale per 64 numbers, q = 128 being 0."""
    if codec != "int8":
        return [np.asarray(array).astype(KINDS[codec]), None, None]
    groups = np.pad(array, (0, -len(array) % GROUP)).reshape(-1, GROUP)
    scales = (np.abs(groups).max(1) / 127).astype(np.float16)
    steps = np.where(scales > 0, scales, 1).astype(np.float32)[:, None]
    codes = np.clip(np.rint(groups / steps), -128, 127) + 128
    return [codes.astype(np.uint8).reshape(-1)[: len(array)], scales, None]


def text(slots, start, codec, seed, r):
    """The leaf as text. `start` stands third and needs no key; constants that are the defaults are left
    out.
    """
    constants = "" if r[:3] == DEFAULT_CONSTANTS else "".join(f",r{i}={n}" for i, n in enumerate(r[:3]))
    signs = "" if seed == 1 else f",seed={seed}"
    return f"hashed:pareto:{slots}:{start},codec={codec}{signs}{constants}"


def weight(leaf_text, leaf_parts, shape, rows):
    return ounce_file.Weight(shape, [[ounce_file.Leaf(leaf_text, shape, leaf_parts)]], rows=rows)
