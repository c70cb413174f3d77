#!/bin/sh
# python_open.sh TEST_PROGRAM - the Python package safetensors opens every file that we write.
# Skipped (77) where the package is not installed.
set -eu
python3 -c 'import safetensors' 2>/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
OZ_TEST_WRITE=$folder "$1" --filter 'image/files_for_other_programs'
python3 - "$folder" <<'END'
import glob, json, pathlib, struct, sys
from safetensors import deserialize

names = glob.glob(sys.argv[1] + "/*.safetensors")
assert len(names) > 30, names
for name in names:
    raw = pathlib.Path(name).read_bytes()
    tensors = dict(deserialize(raw))
    header = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
    meta = header.pop("__metadata__")
    assert meta["format"] == "ounce" and meta["version"] == "1", meta
    assert json.loads(meta["graph"]) == {"inputs": ["x"], "nodes": []}
    assert meta["source"] == 'line\nbreak "quoted" \\ tab\t \u20ac'
    assert len(meta["hashes"]) == 16 * len(tensors) == 16 * len(header)
    weights = json.loads(meta["weights"])
    assert list(weights) == ["a", 'b"\\\u00e9', "c"], list(weights)
    assert tensors["c.weight"]["dtype"] == "F32" and tensors["c.weight"]["shape"] == [33, 35]
    assert set(json.loads(meta["vectors"])) == {"a.bias", "norm", "c.bias"}
print(len(names), "files opened")
END
