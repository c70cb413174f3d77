#!/usr/bin/env python3
"""Makes the PyTorch results that whole models are held against: tests/parity/*.safetensors.

    python3 make_references.py DATA        needs torch, numpy, safetensors; DATA is the shared data pack

A CIFAR-10 file holds `logits` F32 [64, 10] of the first images of examples/cifar10/test.safetensors and,
for the pack's 5,000 images (vision/cifar10/test_even.bin), `classes` U8, `close` I32: the images whose two
largest logits differ by less than 1e-3, and `correct` I32 [1]. squeezenet.safetensors holds `logits` F32
[4, 1000] of the first images of vision/imagenet/a_224x224x3_u8.bin (stored row by row, so x is its
transpose to planes). Every graph is run too.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "converters" / "torch"), str(ROOT / "tests" / "torch")]
import interpret
import networks

CLOSE = 1e-3
IMAGES = 64
EXAMPLE = "examples/cifar10/"

# name: (weights in the pack, graph, normalisation, head, correct of 5,000 where it is published)
CIFAR = {
    "resnet20": ("cifar-jpeg/resnet20", EXAMPLE + "resnet20.json", networks.IMAGENET, "linear", 4413),
    "resnet8": ("cifar-jpeg/resnet8", EXAMPLE + "resnet8.json", networks.IMAGENET, "linear", 3938),
    "resnet20-shared": (
        "cifar-jpeg/resnet20-shared-81920",
        EXAMPLE + "resnet20.json",
        networks.IMAGENET,
        "linear",
        4072,
    ),
    "published-resnet20": (
        "cifar-resnet/resnet20-12fca82f",
        EXAMPLE + "resnet20.json",
        networks.IMAGENET,
        "linear",
        None,
    ),
    "published-resnet56": (
        "cifar-resnet/resnet56-4bfd9763",
        EXAMPLE + "resnet56.json",
        networks.IMAGENET,
        "linear",
        None,
    ),
    "distiller-dense": (
        "distiller/checkpoint_trained_dense",
        "examples/pack/distiller-resnet20.json",
        networks.HALF,
        "fc",
        None,
    ),
    "distiller-thin": (
        "distiller/checkpoint_trained_channel_regularized_resnet20_finetuned",
        "examples/pack/distiller-resnet20.json",
        networks.HALF,
        "fc",
        None,
    ),
}


def load_state(path):
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        rps = (file.metadata() or {}).get("rps")
    return networks.expand_shared(tensors, json.loads(rps)) if rps else tensors


def cifar_images(data):
    records = np.fromfile(data / "vision/cifar10/test_even.bin", np.uint8).reshape(-1, 3073)
    return torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(
        records[:, 0].copy()
    )


def check_graph(path, weights, x, want, name):
    with torch.no_grad():
        got = interpret.run(json.loads((ROOT / path).read_text()), weights, {"x": x})[0]
    error = (got - want).abs().max() / want.abs().max()
    if not error <= 1e-5:
        sys.exit(f"{name}: {path} gives other logits than the network, by {error:.2g}")


def cifar_reference(name, data, images, labels):
    weights, graph, normalisation, head, published = CIFAR[name]
    w = load_state(data / "vision" / (weights + ".safetensors"))
    with torch.no_grad():
        parts = [networks.resnet(w, part.float(), normalisation, head) for part in images.split(250)]
    logits = torch.cat(parts)
    check_graph(graph, w, images[:IMAGES].float(), logits[:IMAGES], name)
    top = logits.topk(2).values
    close = (top[:, 0] - top[:, 1] < CLOSE).nonzero().flatten().int()
    classes = logits.argmax(1).to(torch.uint8)
    correct = int((classes == labels).sum())
    print(
        f"{name}: {correct} of {len(labels)} ({correct / len(labels):.1%}), of the first 500 "
        f"{(classes == labels)[:500].float().mean():.1%}, close: {close.tolist()}"
    )
    if published is not None and correct != published:
        sys.exit(f"{name}: the pack's description says {published}")
    return {
        "logits": logits[:IMAGES].clone(),
        "classes": classes,
        "close": close,
        "correct": torch.tensor([correct], dtype=torch.int32),
    }, f"vision/{weights}.safetensors with {graph}"


def squeezenet_reference(data):
    w = load_state(data / "vision/squeezenet-dc/squeezenet_dc_decoded.safetensors")
    images = np.fromfile(data / "vision/imagenet/a_224x224x3_u8.bin", np.uint8).reshape(-1, 224, 224, 3)
    labels = [
        int(line.split()[0]) for line in (data / "vision/imagenet/a_labels.tsv").read_text().splitlines()
    ]
    x = torch.from_numpy(images[:40].transpose(0, 3, 1, 2).copy()).float()
    with torch.no_grad():
        logits = torch.cat([networks.squeezenet(w, part) for part in x.split(4)])
    graph = "examples/pack/squeezenet.json"
    check_graph(graph, w, x[:4], logits[:4], "squeezenet")
    top5 = logits.topk(5).indices
    target = torch.tensor(labels[:40])[:, None]
    print(
        f"squeezenet: top-1 {(top5[:, :1] == target).float().mean():.1%}, "
        f"top-5 {(top5 == target).any(1).float().mean():.1%} of 40"
    )
    weights = "vision/squeezenet-dc/squeezenet_dc_decoded.safetensors"
    return {"logits": logits[:4].clone()}, f"{weights} with {graph}"


def save(name, tensors, source):
    """`source` says which files of the pack and the repository the numbers belong to."""
    path = HERE / f"{name}.safetensors"
    save_file(tensors, path, metadata={"source": source})
    path.chmod(0o644)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_references.py DATA")
    data = pathlib.Path(sys.argv[1])
    images, labels = cifar_images(data)
    for name in CIFAR:
        save(name, *cifar_reference(name, data, images, labels))
    save("squeezenet", *squeezenet_reference(data))


if __name__ == "__main__":
    main()
