#!/usr/bin/env python3
"""Takes a few steps with each training recipe and checks what the layers promise.

    python3 test_training.py [OUNCE]

With the path of the `ounce` command it runs what was trained there, without in PyTorch.
"""

import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "converters" / "torch"))
import fold
import sparsity
import test_export
import train_cifar
from sharing import SharedArray, SharedConv2d
from test_export import SEED


def few_steps(method, depth=8, steps=2):
    torch.manual_seed(SEED)
    x = torch.randint(0, 256, (16 * steps, 3, 32, 32), dtype=torch.uint8)
    y = torch.randint(0, 10, (len(x),))
    model, after_step = train_cifar.make(method, depth, steps)
    train_cifar.train(model, after_step, x, y, epochs=1, batch=16, rate=0.01)
    return model.eval()


class TrainingTest(test_export.ExportCase):
    def test_fold_vectors(self):
        self.assertEqual(fold.constants(1)[:3], [1026061689, 509610793, 831957067])
        self.assertEqual(fold.constants(1024)[:3], [199350811, 396729345, 1080178821])
        slots = fold.pareto_slots(0, 2501, 1000, fold.constants(1))
        self.assertEqual(slots[[0, 999, 1000, 2500]].tolist(), [67, 66, 806, 631])
        # xxHash 0.8: XXH3_64bits_withSeed of the 8 bytes of 5 and seed 3
        self.assertEqual(int(fold.xxh3_of_u64([5], 3)[0]), 0x1D1991E6E4031EAC)

    def test_every_slot_serves_as_many_weights(self):
        slots = fold.pareto_slots(0, 5 * 700 + 3, 700, fold.constants(1))
        counts = torch.bincount(torch.from_numpy(slots), minlength=700)
        self.assertEqual((counts.min().item(), counts.max().item()), (5, 6))

    def test_shared_gradients_are_divided_by_the_load(self):
        array = SharedArray(10)
        layer = SharedConv2d(array, 2, 4, 3, bias=False)
        layer.deployed_weight().backward(torch.ones(4, 2, 3, 3))
        count = torch.bincount(layer.slots, minlength=10)
        raw = torch.zeros(10).index_add_(0, layer.slots, layer.scale * layer.signs)
        want = raw / ((layer.scale * count) ** 2 / count)
        torch.testing.assert_close(array.values.grad, want, rtol=1e-3, atol=1e-6)

    def test_shared_model(self):
        model = few_steps("shared:3000")
        self.check(model, torch.rand(2, 3, 32, 32) * 255)
        self.check(model, torch.rand(2, 3, 32, 32) * 255, 0.1, array_codec="int8")

    def test_pruned_model(self):
        model = few_steps("pruned:0.75", steps=4)
        weight = model.blocks[1].conv2.deployed_weight()
        self.assertAlmostEqual((weight == 0).float().mean().item(), 0.75, places=3)
        self.check(model, torch.rand(2, 3, 32, 32) * 255)

    def test_cubic_schedule(self):
        schedule = sparsity.CubicSchedule(0.8, 100, 300)
        got = [schedule.sparsity(step) for step in (0, 100, 200, 300, 1000)]
        for a, b in zip(got, (0, 0, 0.7, 0.8, 0.8)):
            self.assertAlmostEqual(a, b)

    def test_nm_model(self):
        model = few_steps("nm:2:8")
        weight = model.blocks[1].conv2.deployed_weight().permute(0, 2, 3, 1).flatten(1)
        kept = (weight != 0).unflatten(1, (-1, 8)).sum(2)
        self.assertTrue((kept == 2).all())
        self.check(model, torch.rand(2, 3, 32, 32) * 255)

    def test_nm_mask_of_a_short_group(self):
        weight = torch.arange(1.0, 11).reshape(1, 10, 1, 1)
        mask = sparsity.nm_mask(weight, 3, 4)
        self.assertEqual(mask.flatten().tolist(), [0, 1, 1, 1, 0, 1, 1, 1, 1, 1])

    def test_straight_through_gradient(self):
        layer = sparsity.NmConv2d(1, 4, 4, 1, 1, bias=False)
        F.conv2d(torch.ones(1, 4, 1, 1), layer.deployed_weight()).sum().backward()
        pruned = layer.deployed_weight() == 0
        want = 1 + sparsity.SR_STE * layer.weight * pruned
        torch.testing.assert_close(layer.weight.grad, want.detach())

    def test_augmentation_keeps_pixels(self):
        x = torch.rand(64, 3, 32, 32) + 1
        y = train_cifar.augmented(x)
        self.assertEqual(y.shape, x.shape)
        self.assertTrue(torch.isin(y[y != 0], x).all())
        self.assertFalse(torch.equal(x, y))


if __name__ == "__main__":
    test_export.main()
