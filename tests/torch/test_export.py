#!/usr/bin/env python3
"""Exports PyTorch models and holds the files against PyTorch: max |a - b| <= 1e-4 max |b| per record.

    python3 test_export.py [OUNCE]

With the path of the `ounce` command it runs the exported models; without, it reads the files back and runs
their graphs in PyTorch.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "converters" / "torch"))
import interpret
import models
import read_model
from export import ExportError, export

OUNCE = None
SEED = 20240607


def run_file(path, x, folder):
    if OUNCE is None:
        reader = read_model.Reader(path)
        (name,) = reader.graph["inputs"]
        return interpret.run(reader.graph, reader.state(), {name: x})[0].numpy()
    np.save(folder / "x.npy", x.numpy())
    files = ["-i", str(folder / "x.npy"), "-o", str(folder / "y.npy")]
    subprocess.run([OUNCE, "run", str(path), *files, "--force", "--quiet"], check=True)
    return np.load(folder / "y.npy")


class Function(nn.Module):
    """A model that is one function of one input, with a layer before it so that something is stored."""

    def __init__(self, function):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.function = function

    def forward(self, x):
        return self.function(self.conv(x))


class ExportCase(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(SEED)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def check(self, model, x, limit=1e-4, **options):
        folder = pathlib.Path(self.folder.name)
        path = folder / "model.safetensors"
        with torch.no_grad():
            want = model.eval()(x).numpy()
        size = export(model, x[:1] if x.dim() > 1 else x, path, **options)
        self.assertEqual(size, path.stat().st_size)
        got = run_file(path, x, folder)
        self.assertEqual(got.shape, want.shape)
        error = np.abs(got - want).reshape(len(x), -1).max(1)
        bound = limit * np.abs(want).reshape(len(x), -1).max(1)
        self.assertTrue((error <= bound).all(), f"off by {(error / bound).max():.2g} times the limit")

    def check_error(self, model, x, *words):
        with self.assertRaises(ExportError) as caught:
            export(model, x, pathlib.Path(self.folder.name) / "refused.safetensors")
        for word in words:
            self.assertIn(word, str(caught.exception))


class ExportTest(ExportCase):
    # ---- whole models ----

    def test_perceptron(self):
        self.check(models.randomise(models.Perceptron(), SEED), torch.rand(5, 3, 4, 4))

    def test_residual(self):
        self.check(models.randomise(models.Residual(), SEED), torch.rand(3, 3, 50, 41))

    def test_separable(self):
        self.check(models.randomise(models.Separable(), SEED), torch.rand(3, 3, 33, 30))

    def test_half_precision(self):
        self.check(models.randomise(models.Residual(), SEED), torch.rand(2, 3, 32, 32), 1e-2, dtype="f16")

    def test_embedding_bag(self):
        model = nn.Sequential(nn.EmbeddingBag(11, 6, mode="mean"), nn.Linear(6, 3), nn.Tanh())
        self.check(model, torch.randint(0, 11, (4, 5)))

    def test_embedding(self):
        model = nn.Sequential(nn.Embedding(11, 6), nn.Flatten(), nn.Linear(18, 4))
        self.check(model, torch.randint(0, 11, (4, 3)))

    # ---- forms ----

    def test_functions(self):
        forms = {
            "activations": lambda x: F.leaky_relu(x, 0.3) * torch.tanh(x) + F.gelu(x, approximate="tanh"),
            "constants": lambda x: 1.5 - (2 * x + 1) / 4,
            "hardtanh": lambda x: F.hardtanh(x, 0.0, 6.0),
            "methods": lambda x: x.relu().sigmoid().mean((-1, -2), keepdim=True).flatten(1),
            "mean kept": lambda x: x.mean((2, 3), keepdim=True),
            "amax": lambda x: x.amax((2, 3)),
            "adaptive": lambda x: F.adaptive_avg_pool2d(x, (3, 2)),
            "padded pools": lambda x: F.max_pool2d(x, 3, 2, 1) + F.avg_pool2d(x, 3, 2, 1),
            "pool without padding counted": lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
            "option A": lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2)),
            "ellipsis": lambda x: x[..., 1:-1],
            "split": lambda x: torch.cat(torch.split(x, [1, 3], dim=1)[::-1], 1),
            "view": lambda x: x.view(x.shape[0], 2, x.size(1) // 2 * x.size(2), -1),
            "squeeze": lambda x: F.adaptive_max_pool2d(x, 1).squeeze(-1).squeeze(-1),
            "softmax over channels": lambda x: torch.softmax(x, 1),
            "pooled and used twice": lambda x: self.pooled_twice(x),
        }
        for name, form in forms.items():
            with self.subTest(name):
                self.check(Function(form), torch.randn(3, 4, 6, 8))

    @staticmethod
    def pooled_twice(x):
        pooled = F.adaptive_avg_pool2d(x, 1)
        return torch.cat((pooled.flatten(1), torch.squeeze(F.relu(pooled), (2, 3))), 1)

    def test_norm_that_cannot_be_folded(self):
        class Shared(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

            def forward(self, x):
                y = self.conv(x)
                return self.norm(y) + y + self.norm(self.conv(y))

        self.check(models.randomise(Shared(), SEED), torch.randn(2, 4, 5, 5))

    def test_tied_weights_are_stored_once(self):
        model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
        self.check(model, torch.randn(2, 64))
        apart = (pathlib.Path(self.folder.name) / "model.safetensors").stat().st_size
        model[2].weight = model[0].weight
        self.check(model, torch.randn(2, 64))
        tied = (pathlib.Path(self.folder.name) / "model.safetensors").stat().st_size
        self.assertLess(tied, apart - 64 * 64 * 4 + 256)

    def test_model_keeps_its_mode(self):
        model = models.Perceptron().train()
        export(model, torch.rand(1, 48), pathlib.Path(self.folder.name) / "model.safetensors")
        self.assertTrue(model.training)

    # ---- what is refused ----

    def test_unsupported(self):
        x = torch.randn(1, 4, 6, 8)
        refused = {
            "transposed": (nn.Sequential(nn.ConvTranspose2d(4, 4, 2)), "node _0", "ConvTranspose2d"),
            "function": (Function(torch.cos), "node cos", "cos"),
            "method": (Function(lambda x: x.permute(0, 2, 3, 1)), "node permute", "permute"),
            "broadcast": (Function(lambda x: x * x.mean((2, 3), keepdim=True)), "node mul", "broadcasting"),
            "batch": (Function(lambda x: x.view(1, 4, 48)), "node view", "batch"),
            "branch": (Function(lambda x: x if x.sum() > 0 else -x), "traced"),
            "squeeze": (Function(lambda x: x.squeeze()), "node squeeze", "dim"),
            "window": (Function(lambda x: F.adaptive_avg_pool2d(x, 5)), "adaptive_avg_pool2d", "sizes"),
        }
        for name, (model, *words) in refused.items():
            with self.subTest(name):
                self.check_error(model, x, *words)

    def test_weight_that_is_not_finite(self):
        model = nn.Sequential(nn.Linear(4, 4))
        with torch.no_grad():
            model[0].weight[1, 2] = float("nan")
        self.check_error(model, torch.randn(1, 4), "0.weight", "number 6")


def main():
    global OUNCE
    if len(sys.argv) > 1:
        OUNCE = sys.argv.pop(1)
    print(f"seed {SEED}", file=sys.stderr)
    unittest.main()


if __name__ == "__main__":
    main()
