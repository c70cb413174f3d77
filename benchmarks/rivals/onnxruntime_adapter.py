#!/usr/bin/env python3
"""ONNX Runtime: a layer in f32, int8, int4 or int2, or one of the networks.

A layer is one session of as many nodes as there are copies of its weights, all reading one input. Inputs and outputs
are bound before, so a call is one Session.run_with_iobinding."""

import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import adapter
import nets

# MatMulNBits with accuracy level 4 quantises its inputs to int8 blocks itself.
INT8_INPUTS = 4
# Threads look for work so long before they sleep: long enough for the gaps within 2 ms of calls, where sleeping would
# double the time of a small layer, and gone before others are timed.
SPIN_US = "200"


def float_product(o, w, i):
    yield helper.make_node("MatMul", ["x", f"w{i}"], [f"y{i}"]), {f"w{i}": numpy.ascontiguousarray(w.T)}


def dynamic_int8_product(o, w, i):
    scale = numpy.float32(abs(w).max() / 127)
    tensors = {f"w{i}": numpy.ascontiguousarray(numpy.rint(w.T / scale).astype("i1")), f"scale{i}": scale}
    yield helper.make_node("DynamicQuantizeMatMul", ["x", f"w{i}", f"scale{i}"], [f"y{i}"],
                           domain="com.microsoft"), tensors


def pack_blocks(w, bits, group):
    """Steps of each group's scale as unsigned numbers, the first of a byte in its low bits; and the scales."""
    zero = 1 << (bits - 1)
    groups = w.reshape(len(w), -1, group)
    scales = numpy.maximum(abs(groups).max(axis=2) / (zero - 0.5), 1e-9).astype("f4")
    steps = numpy.clip(numpy.rint(groups / scales[:, :, None]) + zero, 0, 2 * zero - 1).astype("u1")
    parts = steps.reshape(*scales.shape, -1, 8 // bits) << (bits * numpy.arange(8 // bits, dtype="u1"))
    return parts.sum(axis=3, dtype="u1"), scales


def block_product(bits):
    def product(o, w, i):
        if o.cols % o.group:
            adapter.unable("cols is no multiple of group")
        packed, scales = pack_blocks(w, bits, o.group)
        yield helper.make_node("MatMulNBits", ["x", f"w{i}", f"scale{i}"], [f"y{i}"], domain="com.microsoft",
                               K=o.cols, N=o.rows, bits=bits, block_size=o.group, accuracy_level=INT8_INPUTS), {
                                   f"w{i}": packed, f"scale{i}": scales}
    return product


# Codec: the ways to compute it, of which the fastest stays; their names; bits a weight.
WAYS = {
    "f32": (32, {"MatMul f32": float_product}),
    "int8": (8, {"DynamicQuantizeMatMul, one scale a tensor": dynamic_int8_product,
                 "MatMulNBits 8 bits, accuracy level 4": block_product(8)}),
    "int4": (4, {"MatMulNBits 4 bits, accuracy level 4": block_product(4)}),
    "int2": (2, {"MatMulNBits 2 bits, accuracy level 4": block_product(2)}),
}


def layer_model(o, w, product, copies):
    """Every copy is turned by one row, so that no two are the same and could be made one."""
    nodes, tensors = [], {}
    for i in range(copies):
        for node, made in product(o, numpy.roll(w, i, axis=0), i):
            nodes.append(node)
            tensors.update(made)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [o.batch, o.cols])
    ys = [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [o.batch, o.rows]) for i in range(copies)]
    graph = helper.make_graph(nodes, "layer", [x], ys,
                              [numpy_helper.from_array(numpy.asarray(t), n) for n, t in tensors.items()])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


class Work:
    def __init__(self, o, model, x):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.inter_op_num_threads = o.threads, 1
        settings.log_severity_level = 3
        settings.add_session_config_entry("session.intra_op.allow_spinning", "1")
        settings.add_session_config_entry("session.intra_op.spin_duration_us", SPIN_US)
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), settings,
                                                    providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(x))
        for output in self.session.get_outputs():
            y = onnxruntime.OrtValue.ortvalue_from_numpy(numpy.zeros(output.shape, "f4"))
            self.binding.bind_ortvalue_output(output.name, y)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def result(self):
        return self.binding.get_outputs()[0].numpy()


def serve_layer(o):
    if o.codec not in WAYS:
        adapter.unable(f"ONNX Runtime has no product with {o.codec} weights")
    bits, ways = WAYS[o.codec]
    w, x = adapter.random_layer(o)
    copies = adapter.cold_copies(o, o.rows * o.cols * bits // 8)
    works = {name: Work(o, layer_model(o, w, product, copies), x) for name, product in ways.items()}
    fastest = min(works, key=lambda name: min(adapter.passes(works[name].run) for _ in range(5)))
    work = works[fastest]
    works.clear()
    quantised = "" if o.codec == "f32" else ", inputs quantised inside"
    adapter.say(f"ready onnxruntime {onnxruntime.__version__} ({fastest}{quantised})")
    scales = 0 if o.codec == "f32" else 4 * o.rows * (o.cols // o.group if "NBits" in fastest else 0)
    adapter.serve(work.run, copies, lambda: adapter.relative_error(work.result(), x @ w.T),
                  o.rows * o.cols * bits / 8 + scales, 2 * o.rows * o.cols * o.batch)


def serve_net(o):
    net = nets.make(o.net, o.sparsity)
    x = numpy.random.default_rng(2).random((o.batch, *net.shape), dtype="f4")
    model = nets.onnx_model(net, o.batch)
    work = Work(o, model, x)
    adapter.say(f"ready onnxruntime {onnxruntime.__version__} ({o.net} f32, batch {o.batch})")
    adapter.serve(work.run, 1, lambda: adapter.relative_error(work.result(), nets.expected(model, x)))


def main():
    o = adapter.options()
    serve_net(o) if o.net else serve_layer(o)


if __name__ == "__main__":
    main()
