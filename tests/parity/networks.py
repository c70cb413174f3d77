"""The networks of the parity tests in PyTorch, straight from their state dicts.

Written with torch's functions rather than modules: thinner layers of a pruned network and the option-A
shortcut then need no code of their own.
"""

import numpy as np
import torch
import torch.nn.functional as F

import fold

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


def normalise(x, mean, std):
    """x: 0..255 RGB planes."""
    channels = lambda v: torch.tensor(v).reshape(1, 3, 1, 1)
    return (x / 255 - channels(mean)) / channels(std)


def norm(w, name, x):
    part = [w[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *part)


def shortcut(w, layer, x, like):
    if x.shape == like.shape:
        return x
    if layer + ".downsample.0.weight" in w:
        return norm(w, layer + ".downsample.1", F.conv2d(x, w[layer + ".downsample.0.weight"], stride=2))
    added = like.shape[1] - x.shape[1]
    return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, added // 2, added // 2))


def resnet(w, x, normalisation=IMAGENET, head="linear"):
    """A CIFAR ResNet of any depth and width (He et al. 2016)."""
    x = F.relu(norm(w, "bn1", F.conv2d(normalise(x, *normalisation), w["conv1.weight"], padding=1)))
    for stage in (1, 2, 3):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in w:
            layer = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = F.conv2d(x, w[layer + ".conv1.weight"], stride=stride, padding=1)
            y = F.relu(norm(w, layer + ".bn1", y))
            y = norm(w, layer + ".bn2", F.conv2d(y, w[layer + ".conv2.weight"], padding=1))
            x = F.relu(y + shortcut(w, layer, x, y))
            block += 1
    return F.linear(x.mean((2, 3)), w[head + ".weight"], w[head + ".bias"])


def squeezenet(w, x):
    """SqueezeNet 1.0 as its Caffe prototxt has it; x: 0..255 RGB planes, the network wants BGR."""
    conv = lambda name, x, **o: F.relu(F.conv2d(x, w[name + ".weight"], w[name + ".bias"], **o))
    pool = lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)
    x = x.flip(1) - torch.tensor([104.0, 117.0, 123.0]).reshape(1, 3, 1, 1)
    x = pool(conv("conv1", x, stride=2))
    for i in range(2, 10):
        squeezed = conv(f"fire{i}/conv1x1_1", x)
        x = torch.cat(
            (conv(f"fire{i}/conv1x1_2", squeezed), conv(f"fire{i}/conv3x3_2", squeezed, padding=1)), 1
        )
        if i in (4, 8):
            x = pool(x)
    return conv("conv_final", x, padding=1).mean((2, 3))


def expand_shared(tensors, rps):
    """A state dict with every shared convolution written out: W[x] = lambda * sign * array[slot]."""
    w = dict(tensors)
    array = w.pop("array").numpy()
    for layer, place in rps["layers"].items():
        count = int(np.prod(place["shape"]))
        slots = fold.pareto_slots(place["offset"], count, rps["slots"], rps["r"])
        flat = np.float32(place["lambda"]) * fold.signs(place["offset"], count, rps["seed"]) * array[slots]
        w[layer + ".weight"] = torch.from_numpy(flat.reshape(place["shape"])).permute(0, 3, 1, 2).contiguous()
    return w
