"""Writes a PyTorch CNN or MLP as an Ounce model in one call.

    from export import export
    export(model, torch.zeros(1, 3, 32, 32), "model.safetensors")

The model is traced with torch.fx, so its `forward` may branch on shapes but not on data. The first
dimension of every input is the batch and stays free. Batch norms are folded into the layers before them,
convolutions are reordered to [out][ky][kx][in], weights are f32 or f16. A module or function
that Ounce has no operator for is an ExportError that names the node.
"""

import operator

import numpy as np
import torch
from torch import fx
from torch.fx.passes.shape_prop import ShapeProp

import graph_fold
import hashed
import ounce_file
from fx_builder import Builder, Constant, ExportError, Value
from fx_graph import FUNCTIONS, IGNORED_MODULES, METHODS, SIMPLE_MODULES, is_own_layer, translation_of

__all__ = ["export", "ExportError", "to_graph"]

KINDS = {"f32": np.float32, "f16": np.float16}
INTEGER_FUNCTIONS = {operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod}


def _call_module(builder, model, node, args, kwargs):
    module = model.get_submodule(node.target)
    if isinstance(module, IGNORED_MODULES):
        return args[0]
    if type(module) in SIMPLE_MODULES:
        return builder.emit(SIMPLE_MODULES[type(module)], [args[0]])
    translate = translation_of(module)
    if translate is None:
        builder.fail(f"modules of type {type(module).__name__} are not supported")
    return translate(builder, module, node.target, *args, **kwargs)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _call_function(builder, node, args, kwargs):
    if node.target in INTEGER_FUNCTIONS and all(_is_number(a) for a in args):
        return node.target(*args)
    translate = FUNCTIONS.get(node.target)
    if translate is None:
        builder.fail("this function is not supported")
    return translate(builder, *args, **kwargs)


def _call_method(builder, node, args, kwargs):
    translate = METHODS.get(node.target)
    if translate is None:
        builder.fail("this method is not supported")
    return translate(builder, *args, **kwargs)


def _get_attribute(model, node):
    value = model
    for part in node.target.split("."):
        value = getattr(value, part)
    return Constant(node.target, value.detach()) if isinstance(value, torch.Tensor) else value


def _translate(builder, model, node, env):
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: env[n])
    try:
        if node.op == "get_attr":
            return _get_attribute(model, node)
        if node.op == "call_module":
            return _call_module(builder, model, node, args, kwargs)
        if node.op == "call_function":
            return _call_function(builder, node, args, kwargs)
        return _call_method(builder, node, args, kwargs)
    except (TypeError, AttributeError) as error:
        builder.fail(f"called in a form that is not supported ({error})")


def _input(builder, node):
    meta = node.meta["tensor_meta"]
    shape = ["N", *meta.shape[1:]]
    if meta.dtype == torch.float32:
        return shape
    if meta.dtype == torch.int64:
        return {"shape": shape, "dtype": "i64"}
    builder.fail(f"an input of type {meta.dtype}; only float32 and int64 are supported")


def _outputs(builder, result):
    if isinstance(result, dict):
        result = tuple(result.values())
    return [builder.name(v) for v in (result if isinstance(result, (tuple, list)) else (result,))]


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module, name):
        return is_own_layer(module) or super().is_leaf_module(module, name)


def _trace(model, inputs):
    try:
        traced = fx.GraphModule(model, _Tracer().trace(model))
    except Exception as error:
        raise ExportError(f"the model's forward cannot be traced: {error}") from error
    with torch.no_grad():
        ShapeProp(traced).propagate(*inputs)
    return traced


def to_graph(model, example_input):
    """The graph as a dictionary, the tensors of its layers and batch norms by PyTorch's names, and the layers
    whose weights lie in a shared array.
    """
    inputs = example_input if isinstance(example_input, (tuple, list)) else (example_input,)
    traced = _trace(model, inputs)
    builder, env, shapes, outputs = Builder(), {}, {}, []
    for node in traced.graph.nodes:
        builder.node = node
        if node.op == "placeholder":
            if "tensor_meta" not in node.meta:
                builder.fail("every argument of forward must be a tensor")
            shapes[node.name] = _input(builder, node)
            env[node] = Value(node.name, node.meta["tensor_meta"].shape)
        elif node.op == "output":
            outputs = _outputs(builder, fx.node.map_arg(node.args, lambda n: env[n])[0])
        else:
            env[node] = _translate(builder, traced, node, env)
    graph = {"inputs": shapes, "outputs": outputs, "nodes": builder.nodes}
    return graph, builder.tensors, builder.shared


def _matrix(tensor, factor):
    """[out, in, ky, kx] -> [out][ky][kx][in], rows multiplied by `factor`, in double."""
    rows = np.moveaxis(tensor.double().numpy(), 1, -1).reshape(len(tensor), -1)
    return rows * np.reshape(factor, (-1, 1))


def _bias(tensors, layer, affine):
    bias = tensors.get(layer + ".bias")
    if affine is None:
        return None if bias is None else bias.double().numpy()
    factor, addend = affine
    return addend if bias is None else addend + factor * bias.double().numpy()


def _checked(name, values, kind):
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(values).astype(kind)
    if not np.isfinite(stored).all():
        raise ExportError(
            f"{name}: number {int(np.argmin(np.isfinite(stored)))} is not finite in {kind.__name__}"
        )
    return stored


class _Weights:
    """Layers' weights; matrices that are tied, and arrays that are shared, are made once."""

    def __init__(self, kind, codec):
        self.kind, self.codec = kind, codec
        self.matrices, self.arrays = {}, {}

    def dense(self, layer, tensor, factor):
        tied = tensor.data_ptr(), tensor.shape, None if factor is None else layer
        if tied not in self.matrices:
            matrix = _matrix(tensor, 1.0 if factor is None else factor)
            self.matrices[tied] = _checked(layer + ".weight", matrix, self.kind)
        return ounce_file.dense(self.matrices[tied])

    def hashed(self, layer, module, factor):
        array = module.shared[0]
        if id(array) not in self.arrays:
            values = _checked(layer + ".array", array.values.detach().numpy(), np.float32)
            self.arrays[id(array)] = hashed.parts(values, self.codec)
        text = hashed.text(array.slots, module.start, self.codec, array.seed, array.r)
        shape = module.dense_shape[0], int(np.prod(module.dense_shape[1:]))
        rows = np.broadcast_to(module.scale * (1.0 if factor is None else factor), shape[:1])
        return hashed.weight(text, self.arrays[id(array)], shape, _checked(layer + ".rows", rows, self.kind))


def _layers(graph, tensors, shared, affine, kind, codec):
    made, weights, vectors = _Weights(kind, codec), {}, {}
    for layer in (node[3]["weight"] for node in graph["nodes"] if len(node) > 3 and "weight" in node[3]):
        factor = affine[layer][0] if layer in affine else None
        if layer in shared:
            weights[layer] = made.hashed(layer, shared[layer], factor)
        else:
            weights[layer] = made.dense(layer, tensors[layer + ".weight"], factor)
        bias = _bias(tensors, layer, affine.get(layer))
        if bias is not None:
            vectors[layer + ".bias"] = _checked(layer + ".bias", bias, kind)
    return weights, vectors


def export(model, example_input, path, dtype="f32", array_codec=None):
    """Writes `model` (in evaluation mode, on the CPU) to `path`; returns the file's size.

    `example_input` is a tensor, or a tuple of tensors, of a shape that the model takes; its first
    dimension stands for any batch size. `dtype` is "f32" or "f16"; `array_codec`, of shared arrays, also
    "int8" (default: as dtype)."""
    training = model.training
    model.eval()
    try:
        graph, tensors, shared = to_graph(model, example_input)
    finally:
        model.train(training)
    graph, affine = graph_fold.fold(graph, tensors)
    weights, vectors = _layers(graph, tensors, shared, affine, KINDS[dtype], array_codec or dtype)
    source = f"PyTorch {torch.__version__}, {type(model).__name__}"
    return ounce_file.write(path, graph, weights, vectors, source=source)
