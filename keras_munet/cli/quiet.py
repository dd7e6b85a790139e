"""Greetings kept off the terminal: what libraries say before they can be asked not to.

They write to the process's standard error, so this turns that away for a moment. It
is the command line's business and is done once, at its start, before there are
threads; the library never does it.
"""

import contextlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def stderr_aside() -> Iterator[None]:
    """Keeps what is written to standard error back, and shows it if the block fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(stderr, log.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def start_quietly(model: str, *, device: str | None = None) -> None:
    """Starts what will run a model: TensorFlow only where it is needed."""
    from keras_munet.separation.runtime import find_models

    if any(kind != "tflite" for kind, _ in find_models(model, device=device)):
        import_quietly()
    else:
        greet_quietly()


def import_quietly() -> None:
    """Imports TensorFlow, and lets LiteRT greet, too."""
    if "tensorflow" not in sys.modules:
        with stderr_aside():
            import tensorflow  # noqa: F401
    greet_quietly()


def import_backend_quietly() -> None:
    """Imports Keras with the backend that it is set to: TensorFlow as above, or JAX.

    Where JAX is installed and TensorFlow is not, it is JAX.
    """
    if not importlib.util.find_spec("tensorflow") and importlib.util.find_spec("jax"):
        os.environ.setdefault("KERAS_BACKEND", "jax")
    with stderr_aside():
        import keras
    if keras.backend.backend() == "tensorflow":
        greet_quietly()


def greet_quietly() -> None:
    """Has LiteRT announce its delegate, which it does once, with the first model.

    No log level or option of its Python package keeps it from that.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:  # said by what needs it
        return
    with stderr_aside():
        Interpreter(model_content=_one_operator()).allocate_tensors()


def _one_operator() -> bytes:
    """Returns the smallest `.tflite` that runs: the absolute value of a number."""
    from ai_edge_litert import schema_py_generated as schema

    from keras_munet.artefact.flatbuffer import pack

    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ABS
    operator.inputs, operator.outputs = [0], [1]
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors = [schema.TensorT(), schema.TensorT()]
    for tensor in graph.tensors:
        tensor.shape = [1]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT()]
    return pack(model)
