"""A `.tflite` file as data: operators, metadata, and writing it back.

The schema is the one that `ai-edge-litert` ships; nothing here needs TensorFlow.
"""

import json
import mmap
from collections.abc import Collection
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_munet.errors import ModelError

IDENTIFIER = b"TFL3"
ALIGNMENT = 16
"""Bytes; the schema asks for it and the generated Python code does not keep it."""


class _Builder(flatbuffers.Builder):
    """Puts every array at a multiple of `ALIGNMENT`, as runtimes expect."""

    def CreateNumpyVector(self, x: Any) -> int:
        """Writes a one-dimensional array."""
        self.StartVector(x.itemsize, x.size, ALIGNMENT)
        payload = memoryview(x.view("uint8"))
        self.head -= len(payload)
        self.Bytes[self.head : self.head + len(payload)] = payload
        self.vectorNumElems = x.size
        return int(self.EndVector())


def unpack(data: Any) -> Any:
    """Returns the file's contents as the schema's `ModelT` object."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))


def pack(model: Any) -> bytes:
    """Returns the file that a `ModelT` object describes."""
    sizes = [0 if b.data is None else len(b.data) for b in model.buffers]
    builder = _Builder(sum(sizes) + (1 << 20))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def operators(model: Any) -> dict[str, int]:
    """Returns how often each operator occurs, by name, custom ones included."""
    names = {
        code: name
        for name, code in vars(schema.BuiltinOperator).items()
        if not name.startswith("_")
    }
    counts: dict[str, int] = {}
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            if code.customCode:
                name = code.customCode.decode()
            else:
                # Old codes live in one byte; codes above 127 in the other field.
                number = max(code.deprecatedBuiltinCode, code.builtinCode)
                name = names.get(number, f"unknown operator {number}")
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def foreign_operators(model: Any) -> list[str]:
    """Returns the operators that are not builtin: custom ones, Flex among them."""
    codes = (code.customCode for code in model.operatorCodes)
    return sorted(code.decode() for code in codes if code)


def keep_outputs(model: Any, names: Collection[str]) -> None:
    """Removes from a `ModelT` object all that computes other outputs.

    Runtimes compute every output of a signature, wanted or not.

    Args:
        model: of one graph and one signature, which must have these outputs.
        names: of the outputs that stay.
    """
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    wanted = {name.encode() for name in names}
    signature.outputs = [entry for entry in signature.outputs if entry.name in wanted]
    graph.outputs = np.array([o.tensorIndex for o in signature.outputs], np.int32)
    used = {int(index) for index in graph.outputs}
    kept = []
    for operator in reversed(graph.operators):
        if used & set(map(int, operator.outputs)):
            kept.append(operator)
            used |= set(map(int, operator.inputs)) | set(map(int, operator.outputs))
    graph.operators = kept[::-1]
    for index, tensor in enumerate(graph.tensors):
        if index not in used:
            tensor.buffer = 0
    drop_unused_buffers(model)


def drop_unused_buffers(model: Any) -> None:
    """Empties the buffers that no tensor and no metadata refers to."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or []}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None


def with_outputs(path: str | Path, names: Collection[str]) -> bytes:
    """Returns a file of ours that computes only the outputs `names`."""
    data: Any = np.memmap(path, mode="r")
    model = unpack(memoryview(data))  # its arrays are views of the file
    keep_outputs(model, names)
    return pack(model)


def add_metadata(model: Any, name: str, value: Any) -> None:
    """Stores `value` as JSON under `name` in the metadata of a `ModelT` object."""
    text = json.dumps(value, indent=2).encode()
    buffer = schema.BufferT(data=np.frombuffer(text, np.uint8))
    model.buffers.append(buffer)
    model.metadata = [m for m in model.metadata or [] if m.name != name.encode()]
    model.metadata.append(schema.MetadataT(name=name, buffer=len(model.buffers) - 1))


def read_metadata(path: str | Path, name: str) -> Any:
    """Returns the JSON value stored under `name`; reads only the pages it needs.

    Raises:
        ModelError: when there is no such file, it is no TFLite file, or it holds
            no such metadata.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"No TFLite file at {path}.")
    with path.open("rb") as file:
        if file.read(8)[4:] != IDENTIFIER:
            raise ModelError(f"{path} is not a TFLite file. Export it again.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            text = _find(data, name)
    if text is None:
        raise ModelError(
            f"{path} was not exported by keras-munet: it has no metadata {name!r}. "
            "Export one with `keras-munet export tflite`."
        )
    return json.loads(text)


def _find(data: Any, name: str) -> bytes | None:
    """Walks from the file's root to one metadata buffer and copies it."""
    model = schema.Model.GetRootAs(data)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == name.encode():
            buffer = model.Buffers(entry.Buffer())
            # A slice of the file, found without a view that would keep it open.
            start = buffer._tab.Vector(buffer._tab.Offset(4))
            return bytes(data[start : start + buffer.DataLength()])
    return None
