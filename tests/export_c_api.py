"""Runs a SavedModel through TensorFlow's C API alone: ctypes, no TensorFlow Python.

    python export_c_api.py SAVED_MODEL FOLDER

FOLDER holds `plan.json` and `in.npz`; `out.npz` is written there. Strings travel as
object arrays of bytes.
"""

import ctypes as c
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np

DT_FLOAT, DT_INT32, DT_STRING = 1, 3, 7
TSTRING_BYTES = 24


class Output(c.Structure):
    _fields_ = [("oper", c.c_void_p), ("index", c.c_int)]


def load_library():
    # `find_spec` locates the package without running it.
    place = importlib.util.find_spec("tensorflow").submodule_search_locations[0]
    tf = c.CDLL(str(Path(place) / "libtensorflow_cc.so.2"))
    pointers = (
        "TF_NewStatus TF_NewGraph TF_NewSessionOptions TF_GraphOperationByName "
        "TF_LoadSessionFromSavedModel TF_AllocateTensor TF_TensorData "
        "TF_StringGetDataPointer"
    )
    for name in pointers.split():
        getattr(tf, name).restype = c.c_void_p
    tf.TF_Message.restype = c.c_char_p
    for name in ("TF_TensorByteSize", "TF_StringGetSize"):
        getattr(tf, name).restype = c.c_size_t
    tf.TF_Dim.restype = c.c_int64
    return tf


class Session:
    def __init__(self, folder):
        self.tf = load_library()
        self.status = c.c_void_p(self.tf.TF_NewStatus())
        self.graph = c.c_void_p(self.tf.TF_NewGraph())
        options = c.c_void_p(self.tf.TF_NewSessionOptions())
        tags = (c.c_char_p * 1)(b"serve")
        session = self.tf.TF_LoadSessionFromSavedModel(
            options, None, str(folder).encode(), tags, 1, self.graph, None, self.status
        )
        self.check()
        self.session = c.c_void_p(session)

    def check(self):
        if self.tf.TF_GetCode(self.status):
            raise SystemExit(self.tf.TF_Message(self.status).decode())

    def place(self, name):
        operation, _, index = name.partition(":")
        oper = self.tf.TF_GraphOperationByName(self.graph, operation.encode())
        if not oper:
            raise SystemExit(f"the graph has no operation {operation}")
        return Output(oper, int(index or 0))

    def tensor(self, array):
        kind = {"f": DT_FLOAT, "i": DT_INT32, "O": DT_STRING}[array.dtype.kind]
        dims = (c.c_int64 * array.ndim)(*array.shape)
        n_bytes = array.size * TSTRING_BYTES if kind == DT_STRING else array.nbytes
        tensor = c.c_void_p(
            self.tf.TF_AllocateTensor(kind, dims, array.ndim, c.c_size_t(n_bytes))
        )
        data = self.tf.TF_TensorData(tensor)
        if kind != DT_STRING:
            c.memmove(data, np.ascontiguousarray(array).ctypes.data, n_bytes)
            return tensor
        for index, value in enumerate(array.ravel()):
            string = c.c_void_p(data + index * TSTRING_BYTES)
            self.tf.TF_StringInit(string)
            self.tf.TF_StringCopy(string, value, c.c_size_t(len(value)))
        return tensor

    def array(self, tensor):
        tf = self.tf
        shape = [tf.TF_Dim(tensor, i) for i in range(tf.TF_NumDims(tensor))]
        data = tf.TF_TensorData(tensor)
        if tf.TF_TensorType(tensor) != DT_STRING:
            raw = c.string_at(data, tf.TF_TensorByteSize(tensor))
            return np.frombuffer(raw, np.float32).reshape(shape)
        values = np.empty(int(np.prod(shape)), object)
        for index in range(len(values)):
            string = c.c_void_p(data + index * TSTRING_BYTES)
            start = tf.TF_StringGetDataPointer(string)
            values[index] = c.string_at(start, tf.TF_StringGetSize(string))
        return values.reshape(shape)

    def run(self, inputs, outputs):
        places = (Output * len(inputs))(*(self.place(name) for name in inputs))
        given = [self.tensor(value).value for value in inputs.values()]
        values = (c.c_void_p * len(inputs))(*given)
        wanted = (Output * len(outputs))(*(self.place(name) for name in outputs))
        got = (c.c_void_p * len(outputs))()
        self.tf.TF_SessionRun(
            *(self.session, None, places, values, len(inputs)),
            *(wanted, got, len(outputs), None, 0, None, self.status),
        )
        self.check()
        return [self.array(c.c_void_p(tensor)) for tensor in got]


def main():
    folder, place = sys.argv[1], Path(sys.argv[2])
    session = Session(folder)
    arrays = np.load(place / "in.npz", allow_pickle=True)
    results = {}
    for number, step in enumerate(json.loads((place / "plan.json").read_text())):
        inputs = {name: arrays[key] for name, key in step["inputs"].items()}
        for index, value in enumerate(session.run(inputs, step["outputs"])):
            results[f"{number}-{index}"] = value
    np.savez(place / "out.npz", **results)
    python = [name for name in sys.modules if name.startswith(("tensorflow", "keras"))]
    if python:
        raise SystemExit(f"Python code was used: {python}")


main()
