"""Smaller weights in a TFLite file: float16, or int8 for the convolutions.

Both work on the converted float32 model, tensor by tensor, which keeps the choice of
what is rounded in one place. The matrices of DFT and warp are never int8, and the
DFT that the network hears through stays float32: the network sees the logarithm of
each bin, where rounding of the loudest one would drown the quiet ones (measured:
29 dB with that matrix in float16).

Small kernels are never int8 either. They are those of the first and last levels, next
to the waveform: what the runtime rounds there is heard, and there is little to gain
(measured on the shipped 4stems: 10 dB more for less than 0.1 of 15 MB).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from keras_munet.artefact.flatbuffer import drop_unused_buffers
from keras_munet.dsp import FloatArray

SCHEMES = ("float16", "int8")
MIN_ELEMENTS = 1024
"""Smaller constants stay float32: nothing to gain (the converter's own limit)."""

MIN_INT8 = 10_000
"""Kernels of fewer values are float16: up to 3 x 3 of 32 channels to 32."""

_OP, _TYPE = schema.BuiltinOperator, schema.TensorType
_KERNEL_INPUT = 1
"""Place of the kernel among the inputs of both kinds of convolution."""

# Versions of the operators that first took these types.
_CONV_HYBRID_PER_CHANNEL = 5
_DEQUANTIZE = {_TYPE.FLOAT16: 3, _TYPE.INT8: 5}


def quantize_weights(
    model: Any, scheme: str, *, keep: Sequence[FloatArray] = ()
) -> None:
    """Rounds the large constants of a `ModelT` object in place.

    `float16`: all of them are stored as float16. `int8`: kernels of convolutions of
    at least `MIN_INT8` values are int8, symmetric, one scale per output channel
    ("dynamic range": the runtime rounds activations as they come, where it can); all
    others are float16.

    Args:
        model: of the schema.
        scheme: one of `SCHEMES`.
        keep: matrices that stay float32, transposed or not.
    """
    graph = model.subgraphs[0]
    kernels = _kernels(model) if scheme == "int8" else {}
    restored = []
    for index in range(len(graph.tensors)):
        values = _constant(model, graph.tensors[index])
        if values is None or _is_small(values) or _is_one_of(values, keep):
            continue
        if values.size < MIN_INT8:
            kernels.pop(index, None)
        if kernels.get(index) == _OP.CONV_2D:
            _store_int8(model, graph.tensors[index], values)
            continue
        stored = _copy(graph, index)
        if index in kernels:
            _store_int8(model, graph.tensors[stored], values)
        else:
            _store(model, graph.tensors[stored], values.astype(np.float16))
        graph.tensors[index].buffer = 0  # the empty buffer: computed from now on
        restored.append(_dequantize(model, stored, index))
    graph.operators[:0] = restored
    _raise_version(model, _OP.CONV_2D, _CONV_HYBRID_PER_CHANNEL if kernels else 1)
    drop_unused_buffers(model)


def round_per_channel(values: Any) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Returns int8 values and one scale per index of the first axis.

    Law: `|values - rounded * scale| <= scale / 2`, and zero stays zero.
    """
    flat = np.abs(values).reshape(len(values), -1).max(axis=1)
    scale = np.where(flat > 0, flat / 127, 1).astype(np.float32)
    shape = (-1, *[1] * (values.ndim - 1))
    return np.rint(values / scale.reshape(shape)).astype(np.int8), scale


def _is_small(values: FloatArray) -> bool:
    """Biases count as small at any length: XNNPACK takes them in float32 only."""
    return values.ndim < 2 or values.size < MIN_ELEMENTS


def _is_one_of(values: FloatArray, matrices: Sequence[FloatArray]) -> bool:
    return any(
        np.array_equal(values, matrix) or np.array_equal(values, matrix.T)
        for matrix in matrices
    )


def _code(model: Any, operator: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _kernels(model: Any) -> dict[int, int]:
    """Returns tensor -> kind of convolution, for tensors used as kernels only."""
    users: dict[int, int] = {}
    others: set[int] = set()
    for operator in model.subgraphs[0].operators:
        code = _code(model, operator)
        for place, tensor in enumerate(map(int, operator.inputs)):
            convolution = code in (_OP.CONV_2D, _OP.TRANSPOSE_CONV)
            if convolution and place == _KERNEL_INPUT:
                users[tensor] = code
            else:
                others.add(tensor)
    return {tensor: code for tensor, code in users.items() if tensor not in others}


def _constant(model: Any, tensor: Any) -> NDArray[np.float32] | None:
    data = model.buffers[tensor.buffer].data
    if tensor.type != _TYPE.FLOAT32 or data is None or not len(data):
        return None
    return np.frombuffer(data, np.float32).reshape(tensor.shape)


def _store(model: Any, tensor: Any, values: Any) -> None:
    types = {"float16": _TYPE.FLOAT16, "int8": _TYPE.INT8}
    data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(schema.BufferT(data=data))
    tensor.buffer = len(model.buffers) - 1
    tensor.type = types[values.dtype.name]


def _store_int8(model: Any, tensor: Any, values: Any) -> None:
    rounded, scale = round_per_channel(values)
    _store(model, tensor, rounded)
    tensor.quantization = schema.QuantizationParametersT(
        scale=scale, zeroPoint=np.zeros(len(scale), np.int64), quantizedDimension=0
    )


def _copy(graph: Any, index: int) -> int:
    """Adds a tensor of the same shape and returns its index."""
    like = graph.tensors[index]
    name = like.name + b"/stored"
    graph.tensors.append(schema.TensorT(shape=like.shape, name=name, hasRank=True))
    return len(graph.tensors) - 1


def _dequantize(model: Any, stored: int, index: int) -> Any:
    """Returns the operator that computes tensor `index` from `stored`."""
    kind = model.subgraphs[0].tensors[stored].type
    codes = model.operatorCodes
    wanted = (_OP.DEQUANTIZE, _DEQUANTIZE[kind])
    known = [(max(c.builtinCode, c.deprecatedBuiltinCode), c.version) for c in codes]
    if wanted not in known:
        codes.append(
            schema.OperatorCodeT(
                builtinCode=_OP.DEQUANTIZE,
                deprecatedBuiltinCode=_OP.DEQUANTIZE,
                version=wanted[1],
            )
        )
        known.append(wanted)
    return schema.OperatorT(
        opcodeIndex=known.index(wanted),
        inputs=np.array([stored], np.int32),
        outputs=np.array([index], np.int32),
        builtinOptionsType=schema.BuiltinOptions.DequantizeOptions,
        builtinOptions=schema.DequantizeOptionsT(),
    )


def _raise_version(model: Any, builtin: int, version: int) -> None:
    for code in model.operatorCodes:
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            code.version = max(code.version, version)
