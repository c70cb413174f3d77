"""Layers, activations and pooling: how PyTorch's arguments become attributes of the graph's operators."""

from fx_builder import Value, axis_of, pair, short


def linear(b, module, layer, x):
    return b.emit("linear", [x], weight=b.weight(module, layer))


def conv_padding(b, module):
    if module.padding_mode != "zeros":
        b.fail(f"padding_mode={module.padding_mode!r} is not supported, only zeros")
    if module.padding == "same":
        total = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size)]
        before = [t // 2 for t in total]
        pad = before + [t - n for t, n in zip(total, before)]
    else:
        pad = [0] * 4 if module.padding == "valid" else list(pair(module.padding)) * 2
    return (pad[0] or None) if len(set(pad)) == 1 else pad


def conv2d(b, module, layer, x):
    return b.emit(
        "conv2d",
        [x],
        weight=b.weight(module, layer),
        kernel=list(module.kernel_size),
        stride=short(module.stride, 1),
        pad=conv_padding(b, module),
        dilation=short(module.dilation, 1),
        groups=None if module.groups == 1 else module.groups,
    )


def batch_norm(b, module, layer, x):
    if module.running_mean is None:
        b.fail("a batch norm without running statistics cannot be folded")
    for key in ("running_mean", "running_var"):
        b.tensors[f"{layer}.{key}"] = getattr(module, key).detach()
    b.weight(module, layer)
    return b.emit("batch_norm", [x], weight=layer, eps=None if module.eps == 1e-5 else module.eps)


def embedding(b, module, layer, ids):
    if module.max_norm is not None:
        b.fail("max_norm is not supported")
    return b.emit("embedding", [ids], weight=b.weight(module, layer))


def embedding_bag(b, module, layer, ids, offsets=None, per_sample_weights=None):
    if module.mode not in ("sum", "mean") or module.max_norm is not None or module.padding_idx is not None:
        b.fail("only mode sum or mean, without max_norm and padding_idx")
    if offsets is not None or per_sample_weights is not None or len(ids.shape) != 2:
        b.fail("only a matrix of indexes, without offsets and weights")
    mode = None if module.mode == "sum" else module.mode
    return b.emit("embedding_bag", [ids], weight=b.weight(module, layer), mode=mode)


def activation(op):
    return lambda b, x, inplace=False: b.emit(op, [x])


def leaky_relu(b, x, negative_slope=0.01, inplace=False):
    return b.emit("leaky", [x], slope=None if negative_slope == 0.01 else negative_slope)


def gelu(b, x, approximate="none"):
    return b.emit("gelu_tanh" if approximate == "tanh" else "gelu", [x])


def hardtanh(b, x, min_val=-1.0, max_val=1.0, inplace=False):
    if (min_val, max_val) != (0, 6):
        b.fail("of hardtanh only the limits 0 and 6 (relu6) are supported")
    return b.emit("relu6", [x])


def identity(b, x, *args, **kwargs):
    return x


def softmax(b, x, dim=None, _stacklevel=3, dtype=None):
    if dim is None or dtype is not None:
        b.fail("softmax needs a dim, and no dtype")
    axis = axis_of(b, dim, x)
    return b.emit("softmax", [x], axis=None if axis == len(x.shape) - 1 else axis)


def window(kernel_size, stride, padding, ceil_mode):
    return {
        "kernel": list(pair(kernel_size)),
        "stride": short(stride or kernel_size, 1),
        "pad": None if pair(padding) == (0, 0) else list(pair(padding)) * 2,
        "ceil": True if ceil_mode else None,
    }


def max_pool(b, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    if pair(dilation) != (1, 1) or return_indices:
        b.fail("max pooling with dilation or return_indices is not supported")
    return b.emit("max_pool", [x], **window(kernel_size, stride, padding, ceil_mode))


def avg_pool(
    b, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    if divisor_override is not None:
        b.fail("divisor_override is not supported")
    counted = True if count_include_pad and pair(padding) != (0, 0) else None
    return b.emit("avg_pool", [x], count_pad=counted, **window(kernel_size, stride, padding, ceil_mode))


def global_pool(b, op, x, keep=True):
    pooled = b.emit(op, [x], x.shape[:2])
    return Value(pooled.name, x.shape[:2] + (1, 1), pooled=True) if keep else pooled


def adaptive_pool(op):
    def translate(b, x, output_size, return_indices=False):
        size = tuple(n if o is None else o for o, n in zip(pair(output_size), x.shape[2:]))
        if len(x.shape) != 4 or return_indices:
            b.fail("only images [N, C, H, W] are supported, without return_indices")
        if size == (1, 1):
            return global_pool(b, "global_" + op, x)
        if any(n % s for n, s in zip(x.shape[2:], size)):
            b.fail(f"an output of {size} from {tuple(x.shape[2:])} has windows of different sizes")
        kernel = tuple(n // s for n, s in zip(x.shape[2:], size))
        return b.emit(op, [x], **window(kernel, kernel, 0, False))

    return translate


def spatial_reduction(op):
    def translate(b, x, dim=None, keepdim=False, dtype=None):
        dims = (
            {axis_of(b, d, x) for d in (dim if isinstance(dim, (tuple, list)) else [dim])} if dim else set()
        )
        if len(x.shape) != 4 or dims != {2, 3} or dtype is not None:
            b.fail("only over the last two dimensions of an image [N, C, H, W]")
        return global_pool(b, op, x, keepdim)

    return translate
