"""Convolutions that are trained sparse: gradual magnitude pruning, and N:M with SR-STE.

Both keep a dense `weight` and use, and export, only what survives: zeros that `ounce compress` with `sparse`
or `nm` then stores at no loss, since magnitude chooses the same weights again.
"""

import torch
import torch.nn.functional as F
from torch import nn

SR_STE = 2e-4


def magnitude_mask(weight, sparsity):
    """1 where |w| is among the round((1 - sparsity) n) largest, at least one; ties stay."""
    keep = max(1, round(weight.numel() * (1 - sparsity)))
    threshold = weight.abs().flatten().kthvalue(weight.numel() - keep + 1).values
    return (weight.abs() >= threshold).to(weight.dtype)


def nm_mask(weight, n, m):
    """1 on the n largest |w| of every m neighbouring inputs of a row [ky][kx][in], the last group of a row
    short.
    """
    rows = weight.permute(0, 2, 3, 1).flatten(1).abs()
    groups = F.pad(rows, (0, -rows.shape[1] % m), value=-1.0).unflatten(1, (-1, m))
    mask = torch.zeros_like(groups).scatter_(2, groups.topk(n, 2).indices, 1.0)
    mask = mask.flatten(1)[:, : rows.shape[1]].unflatten(1, (*weight.shape[2:], weight.shape[1]))
    return mask.permute(0, 3, 1, 2)


class MaskedConv2d(nn.Conv2d):
    is_ounce_layer = True

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.register_buffer("mask", torch.ones_like(self.weight))

    def prune(self, sparsity):
        self.mask.copy_(magnitude_mask(self.weight.detach(), sparsity))

    def deployed_weight(self):
        return self.weight * self.mask

    def forward(self, x):
        return self._conv_forward(x, self.deployed_weight(), self.bias)


class CubicSchedule:
    """Sparsity from 0 to `final` between two steps, fast first (Zhu & Gupta 2017); masks change every
    `every` steps.
    """

    def __init__(self, final, begin, end, every=100):
        self.final, self.begin, self.end, self.every = final, begin, end, every

    def sparsity(self, step):
        progress = min(max((step - self.begin) / (self.end - self.begin), 0.0), 1.0)
        return self.final * (1 - (1 - progress) ** 3)

    def apply(self, model, step):
        if self.begin <= step <= self.end and ((step - self.begin) % self.every == 0 or step == self.end):
            for layer in model.modules():
                if isinstance(layer, MaskedConv2d):
                    layer.prune(self.sparsity(step))


class _Projected(torch.autograd.Function):
    """Forward w * mask; the gradient passes straight through, and draws pruned weights towards zero."""

    @staticmethod
    def forward(context, weight, mask):
        context.save_for_backward(weight, mask)
        return weight * mask

    @staticmethod
    def backward(context, gradient):
        weight, mask = context.saved_tensors
        return gradient + SR_STE * (1 - mask) * weight, None


class NmConv2d(nn.Conv2d):
    is_ounce_layer = True

    def __init__(self, n, m, *args, **options):
        super().__init__(*args, **options)
        self.pattern = n, m

    def deployed_weight(self):
        return _Projected.apply(self.weight, nm_mask(self.weight.detach(), *self.pattern))

    def forward(self, x):
        return self._conv_forward(x, self.deployed_weight(), self.bias)
