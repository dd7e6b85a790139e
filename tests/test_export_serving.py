import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import export_tools as tools
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from keras_munet.errors import ExportError
from keras_munet.export.saved_model import DEFAULT, FIXED_LENGTH, SIGNATURES
from keras_munet.export.serving import warmup
from keras_munet.export.serving.repository import TEMPLATES, export_serving, versions

SERVABLES = {"munet": SIGNATURES, "munet_batched": FIXED_LENGTH}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    out = tmp_path_factory.mktemp("repository")
    export_serving(tools.varying().network, tools.CONFIG, out, name="munet")
    return out


def records(folder):
    """Returns the requests in a version's warm-up file."""
    logs = []
    for record in tf.data.TFRecordDataset(str(folder / warmup.FILE)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        logs.append(log.predict_log.request)
    return logs


def test_repository_is_complete(repository):
    for servable, signatures in (
        ("munet", SIGNATURES),
        ("munet_batched", FIXED_LENGTH),
    ):
        folder = repository / servable / "1"
        saved = saved_model_pb2.SavedModel()
        saved.ParseFromString((folder / "saved_model.pb").read_bytes())
        found = set(saved.meta_graphs[0].signature_def) - {"__saved_model_init_op"}
        assert found == {DEFAULT, *signatures}
        assert (folder / "assets" / "model_card.json").is_file()
        assert (folder / "batching_params.pbtxt").exists() == ("_batched" in servable)
    assert {p.name for p in repository.iterdir() if p.is_file()} == set(TEMPLATES)


def test_model_config_is_what_the_server_parses(repository):
    text = (repository / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    found = {c.name: c.base_path for c in config.model_config_list.config}
    assert found == {
        "munet": "/models/munet",
        "munet_batched": "/models/munet_batched",
    }


def test_batching_sizes_keep_the_servers_rules(repository):
    text = (repository / "batching.config").read_text()
    sizes = [int(n) for n in re.findall(r"allowed_batch_sizes: (\d+)", text)]
    (largest,) = re.findall(r"max_batch_size \{ value: (\d+) \}", text)
    assert sizes == sorted(sizes)
    assert sizes[-1] == int(largest)
    assert "pad_variable_length_inputs" not in text
    own = repository / "munet_batched" / "1" / "batching_params.pbtxt"
    assert own.read_text() == text


def test_deployment_files_name_the_same_things(repository):
    for file in ("docker-compose.yml", "kubernetes.yml"):
        text = (repository / file).read_text()
        assert "{{" not in text
        for flag in (
            "--model_config_file=/models/models.config",
            "--batching_parameters_file=/models/batching.config",
            "--enable_per_model_batching_parameters=true",
            "--monitoring_config_file=/models/monitoring.config",
        ):
            assert flag in text
        assert "memory: " in text
    kubernetes = (repository / "kubernetes.yml").read_text()
    assert "path: /v1/models/munet/metadata" in kubernetes
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert probe in kubernetes


def test_yaml_is_well_formed(repository):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    (compose,) = yaml.safe_load_all((repository / "docker-compose.yml").read_text())
    assert list(compose["services"]) == ["munet"]
    deployment, service = yaml.safe_load_all(
        (repository / "kubernetes.yml").read_text()
    )
    assert deployment["kind"] == "Deployment"
    assert service["kind"] == "Service"


def test_compose_opens_its_ports_to_this_machine_only(repository):
    text = (repository / "docker-compose.yml").read_text()
    ports = re.findall(r'^ +- "(.*:85\d\d)"', text, re.M)
    assert ports == [f"${{MUNET_HOST:-127.0.0.1}}:{n}:{n}" for n in (8500, 8501)]


def test_images_are_pinned(repository):
    for file in ("docker-compose.yml", "kubernetes.yml"):
        text = (repository / file).read_text()
        assert re.search(r"tensorflow/serving:\d+\.\d+\.\d+\b", text)
        assert "latest" not in text.replace("latest {", "")


@pytest.mark.parametrize("file", ["docker-compose.yml", "kubernetes.yml"])
@pytest.mark.parametrize(
    ("loaded", "code"),
    [(("munet", "munet_batched"), 0), (("munet",), 1), (("munet_batched",), 1)],
)
def test_a_server_is_ready_when_both_servables_are(repository, file, loaded, code):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

    class Rest(BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path in {f"/v1/models/{name}/metadata" for name in loaded}
            self.send_response(200 if known else 404)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    (first, *_) = yaml.safe_load_all((repository / file).read_text())
    if "services" in first:  # where $$ stands for $
        command = first["services"]["munet"]["healthcheck"]["test"][1:]
        command = [word.replace("$$", "$") for word in command]
    else:
        (container,) = first["spec"]["template"]["spec"]["containers"]
        command = container["readinessProbe"]["exec"]["command"]
    with ThreadingHTTPServer(("127.0.0.1", 0), Rest) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [word.replace("8501", str(server.server_port)) for word in command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        server.shutdown()
    assert done.returncode == code, done.stderr


def test_the_page_and_the_kit_name_the_servables_alike():
    root = Path(__file__).parents[1]
    kit = (root / "keras_munet/export/serving/templates/README.md").read_text()
    kit = kit.replace("{{name}}", "separator").replace(
        "{{batched}}", "separator_batched"
    )
    page = (root / "docs" / "export.md").read_text()
    named = [
        set(re.findall(r"remote-separate [^|]*?--model\s+(\w+)", text))
        for text in (kit, page)
    ]
    assert named[0] == named[1] == {"separator_batched"}
    paths = [set(re.findall(r"/v1/models/(\w+):", text)) for text in (kit, page)]
    assert paths[0] == paths[1] == {"separator", "separator_batched"}


def test_warm_up_requests_are_of_the_servable(repository):
    for servable, signatures in SERVABLES.items():
        requests = records(repository / servable / "1")
        assert {r.model_spec.name for r in requests} == {servable}
        names = [r.model_spec.signature_name for r in requests]
        assert names == [DEFAULT, *signatures]


def test_warm_up_requests_run_through_the_c_api(repository):
    folder = repository / "munet" / "1"
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    definitions = saved.meta_graphs[0].signature_def
    plan = []
    for request in records(folder):
        infos = definitions[request.model_spec.signature_name]
        inputs = {
            infos.inputs[key].name: tf.make_ndarray(value)
            for key, value in request.inputs.items()
        }
        plan.append((inputs, [info.name for info in infos.outputs.values()]))
    for answer in tools.run_in_c(folder, plan):
        for value in answer.values():
            assert value.size
            assert value.dtype == object or np.isfinite(value).all()


def test_versions_count_up_and_are_never_changed(tmp_path, monkeypatch):
    network = tools.varying().network
    # What is written is tested above; here only names count.
    monkeypatch.setattr(
        "keras_munet.export.saved_model.export_saved_model",
        lambda network, config, folder, **options: folder.mkdir(),
    )
    monkeypatch.setattr(
        "keras_munet.export.serving.warmup.write_warmup", lambda folder, *rest: None
    )
    first = export_serving(network, tools.CONFIG, tmp_path, name="m")
    assert first == tmp_path / "m" / "1"
    (tmp_path / "README.md").write_text("edited")
    assert export_serving(network, tools.CONFIG, tmp_path, name="m").name == "2"
    assert (tmp_path / "README.md").read_text() == "edited"
    export_serving(network, tools.CONFIG, tmp_path, name="m", version=7)
    assert versions(tmp_path / "m") == [1, 2, 7]
    with pytest.raises(ExportError, match=r"m/2 exists already\. Published versions"):
        export_serving(network, tools.CONFIG, tmp_path, name="m", version=2)
    with pytest.raises(ExportError, match=r"models\.config is of other models"):
        export_serving(network, tools.CONFIG, tmp_path, name="other")
    with pytest.raises(ExportError, match=r"positive number\. Received: 0"):
        export_serving(network, tools.CONFIG, tmp_path, name="m", version=0)
    with pytest.raises(ExportError, match=r"Received: 'a/b'"):
        export_serving(network, tools.CONFIG, tmp_path, name="a/b")


def test_an_error_leaves_no_version(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        "keras_munet.export.saved_model.export_saved_model",
        lambda network, config, folder, **options: folder.mkdir(),
    )
    monkeypatch.setattr("keras_munet.export.serving.warmup.write_warmup", full)
    with pytest.raises(OSError, match="No space left"):
        export_serving(tools.varying().network, tools.CONFIG, tmp_path, name="m")
    assert [path for path in tmp_path.rglob("*") if path.is_dir()] == []


def test_a_killed_exporter_leaves_no_version(tmp_path):
    # It dies by itself, at the last moment before the version is renamed.
    code = f"""
import os, signal
from keras_munet.export.serving import warmup
from keras_munet.export.serving.repository import export_serving
from keras_munet.models import load_model
warmup.write_warmup = lambda *rest: os.kill(os.getpid(), signal.SIGKILL)
export_serving(*load_model({str(tools.keras_file())!r}), {str(tmp_path)!r}, name="m")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    left = [path.name for path in (tmp_path / "m").iterdir()]
    assert left  # something unfinished, which no server takes for a version
    assert not [name for name in left if name.isdecimal()]
    assert versions(tmp_path / "m") == []


@pytest.mark.skipif(
    not shutil.which("tensorflow_model_server"),
    reason="tensorflow_model_server is not on PATH; it is no Python package",
)
def test_the_real_server(repository, tmp_path):
    from keras_munet.separation.remote import open_remote

    config = (repository / "models.config").read_text()
    (tmp_path / "models.config").write_text(config.replace("/models", str(repository)))
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        grpc_port, rest_port = one.getsockname()[1], two.getsockname()[1]
    server = subprocess.Popen(
        [
            "tensorflow_model_server",
            f"--port={grpc_port}",
            f"--rest_api_port={rest_port}",
            f"--model_config_file={tmp_path / 'models.config'}",
            "--enable_batching=true",
            f"--batching_parameters_file={repository / 'batching.config'}",
            "--enable_per_model_batching_parameters=true",
            f"--monitoring_config_file={repository / 'monitoring.config'}",
        ],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "1"},
    )
    try:
        url = f"http://127.0.0.1:{rest_port}/v1/models/munet/metadata"
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "the server does not start"
                time.sleep(0.5)
        wanted = tools.in_keras(tools.window())["masks"]
        for address in (
            f"grpc://127.0.0.1:{grpc_port}",
            f"http://127.0.0.1:{rest_port}",
        ):
            for name in ("munet", "munet_batched"):
                with open_remote(address, name) as runtime:
                    assert runtime.config == tools.CONFIG
                    got = runtime.masks(tools.window())
                assert np.abs(got - wanted).max() <= 1e-3
    finally:
        server.terminate()
        server.wait()
