import io
import json
import subprocess
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import export_tools as tools
import grpc
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from devserver import DevServer
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from keras_munet.errors import MissingExtraError, ModelError
from keras_munet.export.serving import repository
from keras_munet.separation.remote import RemoteRuntime, open_remote
from keras_munet.separation.separator import Separator
from keras_munet.separation.wire import (
    GrpcTransport,
    ServerError,
    ServerUnavailable,
    from_json,
    open_transport,
    to_json,
)

DOORS = ("grpc", "rest")


@pytest.fixture(scope="module")
def server():
    with DevServer(tools.saved_model_folder(), "munet") as server:
        yield server


def address(server, door):
    return server.grpc_address if door == "grpc" else server.rest_address


class Scripted:
    """A transport that answers from a network in memory, after some failures."""

    address = "scripted"
    max_bytes = 4_000_000

    def __init__(self, failures=()):
        self.failures = list(failures)
        self.card = json.dumps({"config": tools.CONFIG.to_dict()})
        self.batches = []
        self.change = lambda masks: masks

    def predict(self, signature, inputs, timeout_s):
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        if signature == "model_card":
            return {"model_card": np.array([self.card.encode()], object)}
        self.batches.append(len(inputs["waveform"]))
        stft = tools.CONFIG.stft
        shape = (len(inputs["waveform"]), stft.n_bins, stft.n_frames, 2)
        return {"masks": self.change(np.full(shape, 0.5, np.float32))}

    def close(self):
        pass


def remote(transport, **options):
    pauses = []
    runtime = RemoteRuntime(transport, "munet", sleep=pauses.append, **options)
    return runtime, pauses


@pytest.mark.parametrize("door", DOORS)
def test_masks_from_a_server_are_those_of_keras(server, door):
    windows = np.concatenate([tools.window(), tools.window(4)])
    with open_remote(address(server, door), "munet") as runtime:
        assert runtime.config == tools.CONFIG
        got = runtime.masks(windows)
    wanted = tools.in_keras(windows)["masks"]
    assert got.dtype == np.float32
    assert np.abs(got - wanted).max() <= 1e-4


def test_a_song_is_separated_as_without_a_server(server, tmp_path, run):
    song = np.stack([tools.mixture()[:100_001], tools.mixture()[100_000:200_001]], 1)
    soundfile.write(tmp_path / "song.wav", song * 0.5, 16000, subtype="PCM_16")
    done = run(
        *("remote-separate", tmp_path / "song.wav", "--server", server.grpc_address),
        *("--model", "munet", "--out", tmp_path / "there", "--batch", 2, "-q"),
    )
    assert done.code == 0, done.err
    Separator.load(tools.saved_model_folder(), batch=2).separate_file(
        tmp_path / "song.wav", tmp_path / "here"
    )
    files = [tmp_path / "there" / "song" / f"{s}.wav" for s in tools.CONFIG.sources]
    assert done.out.split() == [str(file) for file in files]
    for file in files:
        got, rate = soundfile.read(file)
        wanted, _ = soundfile.read(tmp_path / "here" / "song" / file.name)
        assert (rate, got.shape) == (16000, song.shape)
        assert np.abs(got - wanted).max() <= 2**-14


def test_requests_and_answers_fit_into_a_message(rng):
    transport = Scripted()
    runtime, _ = remote(transport)
    windows = rng.normal(size=(8, tools.LENGTH)).astype(np.float32)
    assert runtime.masks(windows).shape[0] == 8
    stft = tools.CONFIG.stft
    row = 4 * stft.n_bins * stft.n_frames * 2
    assert max(transport.batches) * row <= transport.max_bytes
    assert transport.batches == [3, 3, 2]
    assert runtime.masks(windows[:0]).shape == (0, stft.n_bins, stft.n_frames, 2)


def test_a_server_that_restarts_in_a_song_is_waited_for():
    away = ServerUnavailable("away")
    transport = Scripted([None, None, away, away, None])
    runtime, pauses = remote(transport, retries=3)
    window = tools.window()
    first, second = runtime.masks(window), runtime.masks(window)
    assert np.array_equal(first, second)
    assert len(pauses) == 2
    assert pauses[1] > pauses[0] > 0.3


def test_a_server_that_stays_away():
    with pytest.raises(ServerUnavailable, match=r"tried 3 times\. away\. Check that"):
        remote(Scripted([ServerUnavailable("away")] * 9), retries=2)


def test_a_refusal_is_not_repeated():
    transport = Scripted([None, ServerError("no such thing")])
    runtime, pauses = remote(transport)
    with pytest.raises(ServerError, match="no such thing"):
        runtime.masks(tools.window())
    assert pauses == []


@pytest.mark.parametrize(
    "server", ["grpc://127.0.0.1:1", "http://127.0.0.1:1"], ids=DOORS
)
def test_nobody_listens(server):
    with pytest.raises(ServerUnavailable, match=r"tried 1 times.*127\.0\.0\.1:1"):
        open_remote(server, "munet", retries=0, timeout_s=20)


@pytest.mark.parametrize("door", DOORS)
def test_a_model_that_is_not_there(server, door):
    with pytest.raises(ServerError, match=r"'other'.*(NOT_FOUND|404)"):
        open_remote(address(server, door), "other")


def test_bad_windows_are_refused_before_they_travel():
    runtime, _ = remote(Scripted())
    with pytest.raises(ValueError, match=r"\(batch, 65280\) at 10880 Hz.*\(1, 100\)"):
        runtime.masks(np.zeros((1, 100), np.float32))
    with pytest.raises(ValueError, match=r"must be float\. Received: int16"):
        runtime.masks(np.zeros((1, tools.LENGTH), np.int16))
    broken = np.full((1, tools.LENGTH), np.nan, np.float32)
    with pytest.raises(ValueError, match="NaN or infinite"):
        runtime.masks(broken)


def test_bad_masks_are_refused():
    transport = Scripted()
    runtime, _ = remote(transport)
    transport.change = lambda masks: masks[..., :1]
    with pytest.raises(ServerError, match=r"no usable masks.*\(1, 512, 256, 1\)"):
        runtime.masks(tools.window())
    transport.change = lambda masks: masks * np.nan
    with pytest.raises(ServerError, match="no usable masks"):
        runtime.masks(tools.window())


def test_a_foreign_model_is_refused():
    transport = Scripted()
    transport.card = "no json"
    with pytest.raises(ModelError, match="no readable model card"):
        remote(transport)
    transport.card = "{}"
    with pytest.raises(ModelError, match="holds no model config"):
        remote(transport)


def test_addresses():
    for server in ("localhost:8500", "ftp://x", "grpc://"):
        with pytest.raises(ServerError, match=r"grpc://HOST:8500 or http://HOST:8501"):
            open_transport(server, "munet")


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_serving.apis", None)
    with pytest.raises(MissingExtraError, match=r"keras-munet\[serving\]"):
        GrpcTransport("localhost:1", "munet")


class Teapot(BaseHTTPRequestHandler):
    """Answers every request with what the test wants."""

    answer = (200, b"hello")

    def do_POST(self):
        code, text = self.answer
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ((200, b"hello"), ServerError, "does not answer like TF Serving"),
        ((200, b'{"predictions": []}'), ServerError, "does not answer like"),
        ((400, b'{"error": "too short"}'), ServerError, "400: too short"),
        ((404, b"<html>"), ServerError, "404: <html>"),
        ((503, b""), ServerUnavailable, "503"),
        ((429, b'{"error": "full"}'), ServerUnavailable, "429: full"),
    ],
)
def test_strange_answers(answer, error, text, monkeypatch):
    monkeypatch.setattr(Teapot, "answer", answer)
    with HTTPServer(("127.0.0.1", 0), Teapot) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        transport = open_transport(f"http://127.0.0.1:{server.server_port}", "m")
        with pytest.raises(error, match=text):
            transport.predict("masks", {"waveform": np.zeros(1)}, 20)
        thread.join()


def test_json_keeps_numbers_and_bytes(rng):
    numbers = rng.normal(size=(2, 3)).astype(np.float32)
    assert np.array_equal(from_json(json.loads(json.dumps(to_json(numbers)))), numbers)
    texts = np.array([b"\x00\xff", b""], object)
    assert list(from_json(to_json(texts))) == list(texts)


def get(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data, timeout=60) as answer:
        return json.load(answer)


def test_development_server_speaks_the_rest_paths(server):
    base = f"{server.rest_address}/v1/models/munet"
    assert get(base)["model_version_status"][0]["state"] == "AVAILABLE"
    metadata = get(f"{base}/metadata")["metadata"]["signature_def"]["signatureDef"]
    assert "separate" in metadata
    wanted = tools.in_keras(tools.window()[:, :])
    rows = tools.window().tolist()
    named = [{"waveform": row} for row in rows]
    for body in ({"instances": rows}, {"instances": named}, {"inputs": rows}):
        answer = get(f"{base}/versions/1:predict", body)
        if "predictions" in answer:
            got = np.array([row["vocals"] for row in answer["predictions"]])
        else:
            got = np.array(answer["outputs"]["vocals"])
        assert np.abs(got - wanted["vocals"]).max() <= 1e-5
    short = {"signature_name": "separate", "inputs": [[0.0] * 300]}
    assert np.shape(get(f"{base}:predict", short)["outputs"]["vocals"]) == (1, 300)
    for body, text in (
        ({"instances": [[1.0, 2.0]]}, "must have shape"),
        ({"signature_name": "x", "inputs": [[1.0]]}, "not found"),
        ({"inputs": {"wave": [[1.0]]}}, "input keys must be"),
        ({}, "inputs"),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"{base}:predict", body)
        with refused.value as error:
            assert error.code == 400
            assert text in json.load(error)["error"]
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        get(f"{server.rest_address}/v1/models/other")
    refused.value.close()


def test_development_server_speaks_prediction_service(server):
    with grpc.insecure_channel(server.grpc_address.removeprefix("grpc://")) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "munet"
        request.inputs["waveform"].CopyFrom(tf.make_tensor_proto(tools.window()))
        answer = stub.Predict(request, timeout=60)
        assert answer.model_spec.signature_name == "serving_default"
        got = tf.make_ndarray(answer.outputs["vocals"])
        wanted = tools.in_keras(tools.window())["vocals"]
        assert np.abs(got - wanted).max() <= 1e-5
        request.inputs["waveform"].CopyFrom(tf.make_tensor_proto([[1.0]]))
        with pytest.raises(grpc.RpcError, match="must have shape"):
            stub.Predict(request, timeout=60)
        asked = get_model_metadata_pb2.GetModelMetadataRequest()
        asked.model_spec.name = "munet"
        described = stub.GetModelMetadata(asked, timeout=60)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        described.metadata["signature_def"].Unpack(signatures)
        assert "separate_wav" in signatures.signature_def


@pytest.mark.parametrize("door", DOORS)
def test_a_wav_that_ends_in_silence_arrives_whole(server, door, tmp_path):
    audio = np.concatenate([tools.mixture()[:9_000], np.zeros(2_000)])
    soundfile.write(tmp_path / "song.wav", audio, tools.RATE, subtype="PCM_16")
    data = (tmp_path / "song.wav").read_bytes()
    assert data.endswith(bytes(2_000))
    transport = open_transport(address(server, door), "munet")
    sent = {"wav_bytes": np.array([data], object)}
    (vocals,) = transport.predict("separate_wav", sent, 60)["vocals_bytes"]
    transport.close()
    decoded, rate = soundfile.read(io.BytesIO(vocals))
    assert (rate, decoded.shape) == (tools.RATE, audio.shape)
    assert np.abs(decoded[:8_000]).max() > 0.01


def test_curl_as_the_kit_explains_it(server, tmp_path):
    audio = tools.mixture()[:20_000]
    soundfile.write(tmp_path / "song.wav", audio, tools.RATE, subtype="PCM_16")
    text = (wire_templates() / "README.md").read_text()
    (command,) = [b for b in blocks(text, "sh") if "curl" in b]
    command = command.replace("http://localhost:8501", server.rest_address)
    command = command.replace("{{name}}", "munet")
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = json.loads(done.stdout)["outputs"]
    (vocals,) = from_json(outputs["vocals_bytes"])
    decoded = tf.audio.decode_wav(vocals)
    assert decoded.audio.shape == (20_000, 1)


def test_python_as_the_kit_explains_it(server):
    text = (wire_templates() / "README.md").read_text()
    (code,) = blocks(text, "python")
    code = code.replace("http://localhost:8501", server.rest_address)
    code = code.replace("{{batched}}", "munet").replace("{{window}}", "65280")
    names = {}
    exec(code, names)
    names["answer"].close()
    assert set(names["estimates"]) == set(tools.CONFIG.sources)


def wire_templates():
    return Path(repository.__file__).parent / "templates"


def blocks(text, language):
    """Returns the code blocks of a Markdown text."""
    import re

    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
