"""A made-up checkpoint with slots and signs becomes a model with the same outputs; wrong constants are refused."""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "converters" / "torch"))
import fold

SLOTS, LAMBDA = 700, {"fc1": 1.75, "fc2": 3.5}
SHAPES = {"fc1": (48, 32), "fc2": (10, 48)}


def checkpoint():
    """A state dict as ROAST writes it, and the weights that it means."""
    random = np.random.default_rng(7)
    array, state, places, dense, offset = random.normal(0, 0.04, SLOTS).astype(np.float32), {}, {}, {}, 0
    for i, (layer, shape) in enumerate(SHAPES.items()):
        count, seed = shape[0] * shape[1], 1024 + i
        slots = fold.pareto_slots(offset, count, SLOTS, fold.constants(seed)).reshape(shape)
        signs = random.choice([-1.0, 1.0], shape).astype(np.float32)
        bias = random.normal(0, 0.1, shape[0]).astype(np.float32)
        state |= {f"{layer}.WHelper.weight": array, f"{layer}.WHelper.IDX": slots, f"{layer}.WHelper.G": signs}
        state[f"{layer}.bias"] = bias
        places[layer] = {"offset": offset, "lambda": LAMBDA[layer], "seed": seed}
        dense[layer] = LAMBDA[layer] * signs * array[slots], bias
        offset += count
    return {name: torch.from_numpy(value) for name, value in state.items()}, places, dense


def expected(x, dense):
    hidden = np.maximum(x @ dense["fc1"][0].T + dense["fc1"][1], 0)
    return hidden @ dense["fc2"][0].T + dense["fc2"][1]


def convert(folder, places):
    (folder / "layers.json").write_text(json.dumps(places))
    script = ROOT / "converters" / "torch" / "rps_checkpoint.py"
    files = ["--graph", folder / "g.json", "--layers", folder / "layers.json", "-o", folder / "m.safetensors"]
    command = [sys.executable, script, "--codec", "f32", *files, folder / "c.pt"]
    return subprocess.run(command, capture_output=True, text=True)


def main(ounce):
    state, places, dense = checkpoint()
    graph = {
        "inputs": {"x": ["N", 32]},
        "outputs": ["y"],
        "nodes": [
            ["linear", "h", ["x"], {"weight": "fc1", "act": "relu"}],
            ["linear", "y", ["h"], {"weight": "fc2"}],
        ],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        torch.save(state, folder / "c.pt")
        (folder / "g.json").write_text(json.dumps(graph))
        made = convert(folder, places)
        assert made.returncode == 0, made.stderr
        x = np.random.default_rng(8).normal(size=(5, 32)).astype(np.float32)
        np.save(folder / "x.npy", x)
        run = [ounce, "run", folder / "m.safetensors", "-i", folder / "x.npy", "-o", folder / "y.npy"]
        subprocess.run(run, check=True, capture_output=True)
        got, want = np.load(folder / "y.npy"), expected(x, dense)
        assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max(), np.abs(got - want).max()
        shown = subprocess.run([ounce, "inspect", folder / "m.safetensors"], check=True, capture_output=True, text=True)
        assert shown.stdout.count("hashed,codec=f32,slots=700") == 2, shown.stdout
        places["fc2"]["seed"] = 99
        refused = convert(folder, places)
        assert refused.returncode == 1 and "fc2: offset and seed give other slots" in refused.stderr, refused.stderr
    print("a checkpoint with slots and signs: same outputs")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
