#!/bin/sh
# python_open.sh TEST_PROGRAM [OUNCE] - the Python package safetensors opens every file that we write: those of
# the tests, and what the command makes of a trained network. Skipped (77) where the package is not installed.
set -eu
python3 -c 'import safetensors' 2>/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
OZ_TEST_WRITE=$folder "$1" --filter 'image/files_for_other_programs'

mkdir "$folder/made"
made=0
make() { # make ARGUMENT...: one more model of the command
    made=$((made + 1))
    "$ounce" "$@" -o "$folder/made/$made.safetensors" >/dev/null
}
if [ $# -gt 1 ]; then
    ounce=$2 examples=$OZ_SOURCE_DIR/examples/cifar10
    make import -g "$examples/resnet8.json" -w "$examples/resnet8.safetensors"
    for method in dense,codec=f16 dense,codec=int4 sparse,sparsity=0.6,codec=int3 nm:2:8,codec=int8 hashed,ratio=0.25,codec=f16 \
        'lowrank:8,codec=int8' 'dense,codec=int4 + lowrank:2' basis:8,codec=f16; do
        make compress "$folder/made/1.safetensors" -m "$method"
    done
fi

python3 - "$folder" $made <<'END'
import glob, json, pathlib, struct, sys
from safetensors import deserialize

WIDTH = {"F32": 4, "F16": 2, "BF16": 2, "U8": 1}


def open_file(name):
    raw = pathlib.Path(name).read_bytes()
    tensors = dict(deserialize(raw))
    header = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
    meta = header.pop("__metadata__")
    assert meta["format"] == "ounce" and meta["version"] == "1", meta
    assert len(meta["hashes"]) == 16 * len(tensors) == 16 * len(header)
    return tensors, meta


names = glob.glob(sys.argv[1] + "/*.safetensors")
assert len(names) > 30, names
for name in names:
    tensors, meta = open_file(name)
    assert json.loads(meta["graph"]) == {"inputs": ["x"], "nodes": []}
    assert meta["source"] == 'line\nbreak "quoted" \\ tab\t \u20ac'
    weights = json.loads(meta["weights"])
    assert list(weights) == ["a", 'b"\\\u00e9', "c"], list(weights)
    assert tensors["c.weight"]["dtype"] == "F32" and tensors["c.weight"]["shape"] == [33, 35]
    assert set(json.loads(meta["vectors"])) == {"a.bias", "norm", "c.bias"}

made = glob.glob(sys.argv[1] + "/made/*.safetensors")
assert len(made) == int(sys.argv[2]), made
for name in made:
    tensors, meta = open_file(name)
    layers = {node[3]["weight"] for node in json.loads(meta["graph"])["nodes"] if "weight" in (node + [{}])[3]}
    assert layers == set(json.loads(meta["weights"])), meta["weights"]
    for tensor in tensors.values():
        count = WIDTH[tensor["dtype"]]
        for size in tensor["shape"]:
            count *= size
        assert count == len(tensor["data"]), tensor["shape"]
print(len(names) + len(made), "files opened")
END
