#!/usr/bin/env python3
"""Turns pictures that lie as bytes [N, 224, 224, 3] in one file into a data set: x U8 [N, 3, 224, 224], y I64 [N].

The labels are the first words of a text file's lines. Needs nothing but Python.

    python3 pictures.py a_224x224x3_u8.bin a_labels.tsv -o pictures.safetensors
"""

import argparse
import json
import pathlib
import struct
import sys

SIDE = 224
PICTURE = 3 * SIDE * SIDE


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=pathlib.Path)
    parser.add_argument("labels", type=pathlib.Path)
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    options = parser.parse_args()
    raw = options.pictures.read_bytes()
    labels = [int(line.split()[0]) for line in options.labels.read_text().splitlines()]
    count = len(labels)
    if not count or len(raw) != count * PICTURE:
        sys.exit(f"{options.pictures}: {len(raw)} bytes are not {count} pictures of {PICTURE}")
    header = json.dumps(
        {
            "x": {"dtype": "U8", "shape": [count, 3, SIDE, SIDE], "data_offsets": [0, len(raw)]},
            "y": {"dtype": "I64", "shape": [count], "data_offsets": [len(raw), len(raw) + 8 * count]},
        }
    ).encode()
    header += b" " * (-(8 + len(header)) % 64)
    with options.output.open("wb") as out:
        out.write(struct.pack("<Q", len(header)) + header)
        for i in range(count):
            picture = raw[i * PICTURE : (i + 1) * PICTURE]
            out.write(b"".join(picture[channel::3] for channel in range(3)))
        out.write(struct.pack(f"<{count}q", *labels))


if __name__ == "__main__":
    main()
