"""How a request reaches TF Serving: gRPC or REST, arrays in, arrays out."""

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Protocol

import numpy as np

from keras_munet.errors import MunetError
from keras_munet.extras import advising

Arrays = dict[str, Any]
"""NumPy arrays by name; strings are object arrays of `bytes`."""

MESSAGE_BYTES = 4 * 1024 * 1024
"""What gRPC lets pass by default, in either direction."""

_HEADROOM = 64 * 1024  # names, shapes and the rest of a message


class ServerError(MunetError):
    """The server answered that it cannot do this; asking again will not help."""


class ServerUnavailable(MunetError):
    """No answer, or `not now`; asking again may help."""


class Transport(Protocol):
    """One way to ask a server.

    Attributes:
        address: of the server, for messages.
        max_bytes: what the arrays of one request or answer may take together.
    """

    address: str
    max_bytes: int

    def predict(self, signature: str, inputs: Arrays, timeout_s: float) -> Arrays:
        """Asks one signature.

        Raises:
            ServerError: when the server refuses.
            ServerUnavailable: when it cannot be reached, or is busy or starting.
        """

    def close(self) -> None:
        """Ends the connection."""


def open_transport(server: str, model: str) -> Transport:
    """Chooses the transport by the address.

    Args:
        server: `grpc://host:8500`, `http://host:8501` or `https://...`.
        model: name of the servable.

    Raises:
        ServerError: for another kind of address.
    """
    parts = urllib.parse.urlsplit(server)
    if not parts.netloc or parts.scheme not in ("grpc", "http", "https"):
        raise ServerError(
            f"A server's address is grpc://HOST:8500 or http://HOST:8501. "
            f"Received: {server!r}"
        )
    if parts.scheme == "grpc":
        return GrpcTransport(parts.netloc, model)
    return RestTransport(server.rstrip("/"), model)


class GrpcTransport:
    """gRPC, the port 8500 of TF Serving.

    Args:
        address: `host:port`.
        model: name of the servable.
    """

    def __init__(self, address: str, model: str) -> None:
        with advising("serving"):
            import grpc
            from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
        self.address = f"grpc://{address}"
        self.max_bytes = MESSAGE_BYTES - _HEADROOM
        self._model = model
        self._grpc, self._predict_pb2 = grpc, predict_pb2
        self._channel = grpc.insecure_channel(address)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def predict(self, signature: str, inputs: Arrays, timeout_s: float) -> Arrays:
        """See `Transport.predict`."""
        import tensorflow as tf

        request = self._predict_pb2.PredictRequest()
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        try:
            answer = self._stub.Predict(request, timeout=timeout_s)
        except self._grpc.RpcError as error:
            raise self._failure(error) from error
        return {name: tf.make_ndarray(t) for name, t in answer.outputs.items()}

    def _failure(self, error: Any) -> MunetError:
        codes = self._grpc.StatusCode
        passing = (codes.UNAVAILABLE, codes.DEADLINE_EXCEEDED, codes.ABORTED)
        kind = ServerUnavailable if error.code() in passing else ServerError
        return kind(
            f"{self.address}, model {self._model!r}: {error.code().name}: "
            f"{error.details()}"
        )

    def close(self) -> None:
        """See `Transport.close`."""
        self._channel.close()


class RestTransport:
    """REST, the port 8501 of TF Serving.

    Args:
        url: `http://host:port`.
        model: name of the servable.
    """

    max_bytes = 16 * 1024 * 1024
    """No limit of the protocol, but JSON takes four times the room."""

    def __init__(self, url: str, model: str) -> None:
        self.address = url
        self._model = model
        self._url = f"{url}/v1/models/{urllib.parse.quote(model)}:predict"

    def predict(self, signature: str, inputs: Arrays, timeout_s: float) -> Arrays:
        """See `Transport.predict`."""
        body = {
            "signature_name": signature,
            "inputs": {name: to_json(value) for name, value in inputs.items()},
        }
        request = urllib.request.Request(
            self._url,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                outputs = json.load(answer)["outputs"]
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ServerUnavailable(f"{self.address}: {reason}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ServerError(
                f"{self.address} does not answer like TF Serving. Is this its REST "
                "port (8501)?"
            ) from error
        # With one output TF Serving leaves its name out.
        return {
            name: from_json(value)
            for name, value in (
                outputs if isinstance(outputs, dict) else {signature: outputs}
            ).items()
        }

    def _refusal(self, error: urllib.error.HTTPError) -> MunetError:
        with error:
            text = error.read().decode(errors="replace")
        try:
            text = json.loads(text)["error"]
        except (ValueError, KeyError, TypeError):
            text = text.strip()[:200] or error.reason
        busy = error.code in (429, 502, 503, 504)
        kind = ServerUnavailable if busy else ServerError
        return kind(f"{self.address}, model {self._model!r}: {error.code}: {text}")

    def close(self) -> None:
        """See `Transport.close`."""


def to_json(array: Any) -> Any:
    """Returns an array as nested lists, bytes as `{"b64": ...}`."""
    array = np.asarray(array)
    if array.dtype != object:
        return array.tolist()
    return [{"b64": base64.b64encode(value).decode()} for value in array.ravel()]


def from_json(value: Any) -> Any:
    """Returns what `to_json` gave, numbers as float32, texts as objects of bytes."""
    if isinstance(value, list) and value and isinstance(value[0], dict | str):
        data = [
            base64.b64decode(v["b64"]) if isinstance(v, dict) else v.encode()
            for v in value
        ]
        return np.array(data, object)
    return np.array(value, np.float32)
