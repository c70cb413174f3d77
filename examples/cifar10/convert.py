#!/usr/bin/env python3
"""Turns CIFAR-10 binary batches into a data set: a safetensors file with `x` and `y`.

A record of the binary version is a label byte and 3 x 32 x 32 bytes, the red, green and blue plane. They
stay bytes: x is U8 [N, 3, 32, 32], y is U8 [N]; the networks' graphs normalise. Needs nothing but Python.

    python3 convert.py -o test.safetensors cifar-10-batches-bin/test_batch.bin
    python3 convert.py -o calibration.safetensors --count 256 cifar-10-batches-bin/data_batch_1.bin
"""

import argparse
import json
import pathlib
import struct
import sys

IMAGE = 3 * 32 * 32
RECORD = 1 + IMAGE
CLASSES = 10


def read_records(path):
    data = path.read_bytes()
    if not data or len(data) % RECORD:
        sys.exit(f"{path}: {len(data)} bytes are not a whole number of {RECORD}-byte CIFAR-10 records")
    records = [data[i : i + RECORD] for i in range(0, len(data), RECORD)]
    for i, record in enumerate(records):
        if record[0] >= CLASSES:
            sys.exit(f"{path}: record {i} has label {record[0]}; CIFAR-10 labels are 0 to {CLASSES - 1}")
    return records


def data_set(records):
    """The bytes of a safetensors file; its header is padded so that x starts at a multiple of 64."""
    n = len(records)
    header = json.dumps(
        {
            "x": {"dtype": "U8", "shape": [n, 3, 32, 32], "data_offsets": [0, n * IMAGE]},
            "y": {"dtype": "U8", "shape": [n], "data_offsets": [n * IMAGE, n * RECORD]},
        }
    ).encode()
    header += b" " * (-(8 + len(header)) % 64)
    images = b"".join(record[1:] for record in records)
    labels = bytes(record[0] for record in records)
    return struct.pack("<Q", len(header)) + header + images + labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("batches", nargs="+", type=pathlib.Path, metavar="BATCH.bin")
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    parser.add_argument("--count", type=int, help="stop after so many images (default: all)")
    options = parser.parse_args()
    if options.count is not None and options.count < 1:
        parser.error("--count must be at least 1")
    records = [record for path in options.batches for record in read_records(path)][: options.count]
    options.output.write_bytes(data_set(records))
    print(f"{options.output}: {len(records)} images", file=sys.stderr)


if __name__ == "__main__":
    main()
