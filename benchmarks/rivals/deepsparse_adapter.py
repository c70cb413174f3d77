#!/usr/bin/env python3
"""DeepSparse: an f32 layer or one of the networks, with the zeros written out in the ONNX model as a pruned network has
them. The engine finds them itself when it compiles the model, which may take seconds."""

import os
import tempfile

os.environ["NM_DISABLE_ANALYTICS"] = "1"

import numpy

import adapter
import nets
import onnxruntime_adapter

try:
    import deepsparse
except Exception as reason:
    adapter.unable(f"deepsparse cannot be imported: {reason}")


def compiled(o, model):
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(model.SerializeToString())
        file.flush()
        return deepsparse.Engine(file.name, o.batch, o.threads)


def serve(o, engine, what, x, works, expected):
    share = engine.fraction_of_supported_ops
    adapter.say(f"ready deepsparse {deepsparse.__version__} ({what}, {100 * share:.0f} % of operators its own)")
    adapter.serve(lambda: engine.run([x], val_inp=False), works,
                  lambda: adapter.relative_error(engine.run([x], val_inp=False)[0], expected()))


def main():
    o = adapter.options()
    if o.net:
        net = nets.make(o.net, o.sparsity)
        x = numpy.random.default_rng(2).random((o.batch, *net.shape), dtype="f4")
        model = nets.onnx_model(net, o.batch)
        serve(o, compiled(o, model), f"{o.net} f32", x, 1, lambda: nets.expected(model, x))
        return
    if o.codec != "f32":
        adapter.unable("DeepSparse is timed with f32 layers")
    w, x = adapter.random_layer(o)
    copies = adapter.cold_copies(o, int(w.nbytes * max(1 - o.sparsity, 0.05)))
    model = onnxruntime_adapter.layer_model(o, w, onnxruntime_adapter.float_product, copies)
    serve(o, compiled(o, model), "MatMul f32", x, copies, lambda: x @ w.T)


if __name__ == "__main__":
    main()
