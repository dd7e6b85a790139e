"""A DEVELOPMENT server that talks like TF Serving, for tests and for trying clients.

It is not TF Serving: Python, one request at a time, no batching, no versions, no
warm-up. It answers gRPC `PredictionService` (Predict, GetModelMetadata) and the REST
paths of one SavedModel folder:

    python tests/devserver.py repository/separator/1 --name separator
"""

import argparse
import base64
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from keras_munet.separation.wire import Arrays, to_json

NOTICE = "development server, not TF Serving"


class UnknownSignature(ValueError):
    """A signature or input that the model does not have."""


class Model:
    """The SavedModel behind both doors.

    Args:
        folder: of the SavedModel.
        name: what clients call it.
    """

    def __init__(self, folder: str | Path, name: str) -> None:
        self.name = name
        self.version = int(Path(folder).name) if Path(folder).name.isdecimal() else 1
        saved = saved_model_pb2.SavedModel()
        saved.ParseFromString((Path(folder) / "saved_model.pb").read_bytes())
        self.signature_defs = {
            key: value
            for key, value in saved.meta_graphs[0].signature_def.items()
            if not key.startswith("__")
        }
        self._loaded = tf.saved_model.load(str(folder))
        self._lock = threading.Lock()

    def run(self, signature: str, inputs: dict[str, Any]) -> Arrays:
        """Runs a signature on arrays or nested lists.

        Raises:
            UnknownSignature: when there is no such signature or input.
            ValueError, tf.errors.OpError: on values that the model refuses.
        """
        if signature not in self.signature_defs:
            raise UnknownSignature(f'Serving signature name: "{signature}" not found')
        infos = self.signature_defs[signature].inputs
        if set(infos) != set(inputs):
            raise UnknownSignature(
                f"input keys must be {sorted(infos)}; received {sorted(inputs)}"
            )
        tensors = {}
        for key, value in inputs.items():
            dtype = tf.dtypes.as_dtype(infos[key].dtype)
            # As bytes, NumPy would cut the zeros at the end of each.
            array = np.asarray(value, object if dtype == tf.string else None)
            if array.dtype.kind == "f" and not dtype.is_floating:
                raise ValueError(f"{key} must be {dtype.name}")
            tensors[key] = tf.constant(array, dtype)
            shape = tf.TensorShape(infos[key].tensor_shape)
            if not shape.is_compatible_with(tensors[key].shape):
                raise ValueError(
                    f"{key} must have shape {shape}; received {tensors[key].shape}"
                )
        with self._lock:
            outputs = self._loaded.signatures[signature](**tensors)
        return {key: value.numpy() for key, value in outputs.items()}


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """The gRPC door."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Runs one request."""
        self._check(request, context)
        signature = request.model_spec.signature_name or "serving_default"
        try:
            inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
            outputs = self._model.run(signature, inputs)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, _text(error))
        answer = predict_pb2.PredictResponse()
        answer.model_spec.name = self._model.name
        answer.model_spec.version.value = self._model.version
        answer.model_spec.signature_name = signature
        for key, value in outputs.items():
            answer.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return answer

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Describes the signatures."""
        self._check(request, context)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.name = self._model.name
        answer.metadata["signature_def"].Pack(_signature_map(self._model))
        return answer

    def _check(self, request: Any, context: grpc.ServicerContext) -> None:
        if request.model_spec.name != self._model.name:
            context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"Servable not found for request: Latest({request.model_spec.name})",
            )


def _signature_map(model: Model) -> Any:
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for key, value in model.signature_defs.items():
        copied = meta_graph_pb2.SignatureDef.FromString(value.SerializeToString())
        signatures.signature_def[key].CopyFrom(copied)
    return signatures


def _text(error: Exception) -> str:
    return getattr(error, "message", None) or str(error)


class _RestHandler(BaseHTTPRequestHandler):
    """The REST door; one instance per request."""

    server: "_RestServer"
    server_version = f"keras-munet ({NOTICE})"

    def do_GET(self) -> None:
        """Status and metadata of the model."""
        model = self.server.model
        match self._route():
            case ("", ""):
                status = {"error_code": "OK", "error_message": ""}
                version = {"version": str(model.version), "state": "AVAILABLE"}
                versions = [{**version, "status": status}]
                self._answer(200, {"model_version_status": versions})
            case ("metadata", ""):
                described = json_format.MessageToDict(_signature_map(model))
                spec = {"name": model.name, "version": str(model.version)}
                metadata = {"signature_def": described}
                self._answer(200, {"model_spec": spec, "metadata": metadata})
            case _:
                self._answer(404, {"error": f"Not found: {self.path}"})

    def do_POST(self) -> None:
        """Runs one request, in the row or the column format."""
        if self._route() != ("", "predict"):
            self._answer(404, {"error": f"Not found: {self.path}"})
            return
        try:
            length = int(self.headers.get("Content-Length", 0))
            self._answer(200, self._predict(json.loads(self.rfile.read(length))))
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            self._answer(400, {"error": _text(error)})

    def _predict(self, body: Any) -> dict[str, Any]:
        signature = body.get("signature_name", "serving_default")
        by_row = "instances" in body
        value = _decoded(body["instances"] if by_row else body["inputs"])
        if by_row and isinstance(value[0], dict):
            value = {key: [row[key] for row in value] for key in value[0]}
        if not isinstance(value, dict):  # the only input's name may be left out
            infos = self.server.model.signature_defs.get(signature)
            value = {next(iter(infos.inputs)): value} if infos else {}
        outputs = self.server.model.run(signature, value)
        texts = {key: _output(key, array) for key, array in outputs.items()}
        if not by_row:
            return {"outputs": texts if len(texts) > 1 else next(iter(texts.values()))}
        columns = list(texts)
        rows: list[Any] = [
            dict(zip(columns, row, strict=True))
            for row in zip(*texts.values(), strict=True)
        ]
        if len(columns) == 1:
            rows = [row[columns[0]] for row in rows]
        return {"predictions": rows}

    def _route(self) -> tuple[str, str]:
        """Returns (what of the model, verb), or ("?", "") for another path."""
        name = re.escape(self.server.model.name)
        pattern = rf"/v1/models/{name}(?:/versions/\d+)?(?:/(\w+))?(?::(\w+))?"
        match = re.fullmatch(pattern, self.path)
        return (match[1] or "", match[2] or "") if match else ("?", "")

    def _answer(self, code: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps quiet."""


def _decoded(value: Any) -> Any:
    """Replaces `{"b64": text}` by bytes, at any depth."""
    if isinstance(value, dict):
        if set(value) == {"b64"}:
            return base64.b64decode(value["b64"])
        return {key: _decoded(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        return [_decoded(inner) for inner in value]
    return value


def _output(key: str, array: Any) -> Any:
    """As TF Serving: base64 where the name ends in `_bytes`, text elsewhere."""
    if array.dtype == object and not key.endswith("_bytes"):
        return [value.decode() for value in array.ravel()]
    return to_json(array)


class _RestServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], model: Model) -> None:
        self.model = model
        super().__init__(address, _RestHandler)


class DevServer:
    """Both doors, open while the `with` block runs.

    Args:
        folder: of the SavedModel.
        name: what clients call the model.
        host: where to listen.
        grpc_port: 0 takes a free one.
        rest_port: 0 takes a free one.
    """

    def __init__(
        self,
        folder: str | Path,
        name: str = "separator",
        *,
        host: str = "127.0.0.1",
        grpc_port: int = 0,
        rest_port: int = 0,
    ) -> None:
        model = Model(folder, name)
        self._grpc = grpc.server(ThreadPoolExecutor(2))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            _PredictionService(model), self._grpc
        )
        port = self._grpc.add_insecure_port(f"{host}:{grpc_port}")
        self._rest = _RestServer((host, rest_port), model)
        self.grpc_address = f"grpc://{host}:{port}"
        self.rest_address = f"http://{host}:{self._rest.server_address[1]}"
        self._thread = threading.Thread(target=self._rest.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._grpc.start()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._grpc.stop(grace=None).wait()
        self._rest.shutdown()
        self._rest.server_close()
        self._thread.join()


def main() -> None:
    """Serves until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--name", default="separator")
    parser.add_argument("--grpc-port", type=int, default=8500)
    parser.add_argument("--rest-port", type=int, default=8501)
    values = parser.parse_args()
    with DevServer(
        values.folder,
        values.name,
        grpc_port=values.grpc_port,
        rest_port=values.rest_port,
    ) as server:
        print(f"{NOTICE}: {server.grpc_address} {server.rest_address}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
