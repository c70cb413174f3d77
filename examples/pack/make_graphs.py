#!/usr/bin/env python3
"""Writes the graphs of the pack's networks that are not those of the CIFAR-10 example: distiller-resnet20.json and
squeezenet.json.

    python3 make_graphs.py
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cifar10"))
import graphs

HALF = (0.5, 0.5, 0.5)


def squeezenet(side=224):
    """Planes in the order R, G, B come in; the network was trained on B, G, R minus the mean."""
    g = graphs.Graph()
    planes = [g.add("slice", c, ["x"], axis=1, start=i, end=i + 1) for c, i in (("b", 2), ("g", 1), ("r", 0))]
    x = g.add("concat", "bgr", planes, axis=1)
    x = g.add("affine", "in", [x], scale=[1, 1, 1], shift=[-104, -117, -123])
    pool = lambda name, x: g.add("max_pool", name, [x], kernel=3, stride=2, ceil=True)
    x = pool("p1", g.conv("1", x, "conv1", 7, stride=2))
    for i in range(2, 10):
        s = g.conv(f"{i}s", x, f"fire{i}/conv1x1_1", 1)
        e1 = g.conv(f"{i}e", s, f"fire{i}/conv1x1_2", 1)
        e3 = g.conv(f"{i}f", s, f"fire{i}/conv3x3_2", 3, pad=1)
        x = g.add("concat", f"{i}", [e1, e3], axis=1)
        if i in (4, 8):
            x = pool(f"p{i}", x)
    x = g.add("global_avg_pool", "logits", [g.conv("10", x, "conv_final", 1, pad=1)])
    return g.document([3, side, side], x)


def main():
    thin = graphs.resnet(3, head="fc", mean=HALF, std=HALF, shortcut=graphs.projection_shortcut)
    graphs.write(HERE / "distiller-resnet20.json", thin)
    graphs.write(HERE / "squeezenet.json", squeezenet())


if __name__ == "__main__":
    main()
