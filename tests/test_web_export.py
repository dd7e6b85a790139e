"""The karaoke page as a folder, its server, and the two commands."""

import json
import re
import shlex
import threading
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

import pytest
import soundfile
from ai_edge_litert import schema_py_generated as schema
from web_tools import WEB
from weights_tools import stand_in

from keras_munet.artefact import flatbuffer
from keras_munet.artefact.tflite import read_card
from keras_munet.config import ModelConfig
from keras_munet.errors import ExportError, ModelError, MunetError
from keras_munet.export.web import PageServer, export_web, page
from keras_munet.separation.band import LIMIT, TOP


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built page in small: what the exporter fills in is the real thing."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>Karaoke</title>")
    (folder / "assets" / "runtime.wasm").write_bytes(b"\0asm")
    (folder / "assets" / "page.js").write_text("'page'")
    for name in ("sw.js", "manifest.webmanifest"):
        (folder / name).write_text((WEB / "public" / name).read_text())
    monkeypatch.setattr(page, "STATIC", folder)
    monkeypatch.setattr(page, "DEMO_S", 2)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The shell of a model: no network, but the names and metadata of one."""
    config = ModelConfig(sources=("vocals", "drums", "bass", "other"))
    shell = schema.ModelT()
    shell.version, shell.buffers, shell.metadata = 3, [schema.BufferT()], []
    shell.operatorCodes = []
    outputs = ("masks", *config.sources)
    graph = schema.SubGraphT(
        tensors=[schema.TensorT(name=n, buffer=0) for n in ("waveform", *outputs)],
        inputs=[0],
        outputs=list(range(1, len(outputs) + 1)),
        operators=[],
    )
    shell.subgraphs = [graph]
    named = [schema.TensorMapT(name, index) for index, name in enumerate(outputs, 1)]
    shell.signatureDefs = [
        schema.SignatureDefT(inputs=[], outputs=named, signatureKey="separate")
    ]
    card = {"config": config.to_dict(), "licence": "CC0"}
    flatbuffer.add_metadata(shell, "munet.json", card)
    path = tmp_path / "m.tflite"
    path.write_bytes(flatbuffer.pack(shell))
    return path


def settings(folder: Path) -> dict:
    return json.loads((folder / "karaoke.json").read_text())


def test_page_holds_the_model_and_says_what_it_is(static, model, tmp_path):
    exported = export_web(model, tmp_path / "out", title="Sing!")
    found = settings(exported.folder)
    kept = exported.folder / found["model"]["file"]
    (signature,) = flatbuffer.unpack(kept.read_bytes()).signatureDefs
    assert [output.name for output in signature.outputs] == [b"masks"]
    assert read_card(kept) == read_card(model)
    assert found["model"]["bytes"] == exported.model_bytes == kept.stat().st_size
    assert found["sources"] == ["vocals", "drums", "bass", "other"]
    assert found["stft"]["sampleRate"] == 10880
    assert (found["stft"]["limit"], found["stft"]["top"]) == (LIMIT, list(TOP))
    assert found["about"] == {"licence": "CC0"}
    manifest = json.loads((exported.folder / "manifest.webmanifest").read_text())
    assert found["title"] == manifest["name"] == "Sing!"
    assert not list(tmp_path.glob(".*"))  # nothing half-written is left


def test_demo_song_is_music_of_the_length_it_should_have(static, model, tmp_path):
    out = export_web(model, tmp_path / "out").folder
    info = soundfile.info(out / settings(out)["demo"])
    assert abs(info.duration - page.DEMO_S) < 0.1
    assert info.samplerate == 44100


def test_worker_keeps_all_but_what_the_page_keeps(static, model, tmp_path):
    out = export_web(model, tmp_path / "out", demo=False).folder
    text = (out / "sw.js").read_text()
    shell = json.loads(text.split("const SHELL = ")[1].split(";")[0])
    assert set(shell) == {
        "./",
        "assets/page.js",
        "index.html",
        "karaoke.json",
        "manifest.webmanifest",
    }
    assert settings(out)["demo"] is None
    assert f'"{settings(out)["version"]}"' in text


def test_version_changes_with_any_file(static, model, tmp_path):
    versions = [settings(export_web(model, tmp_path / "a").folder)["version"]]
    versions.append(settings(export_web(model, tmp_path / "a").folder)["version"])
    (static / "assets" / "page.js").write_text("'newer'")
    versions.append(settings(export_web(model, tmp_path / "a").folder)["version"])
    assert versions[0] == versions[1] != versions[2]


def test_earlier_page_is_replaced_and_nothing_else(static, model, tmp_path):
    out = export_web(model, tmp_path / "out").folder
    (out / "old.js").write_text("")
    export_web(model, out)
    assert not (out / "old.js").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match=r"other is not empty .* --overwrite"):
        export_web(model, other)
    assert (other / "thesis.txt").exists()
    with pytest.raises(ExportError, match=r"m\.tflite is a file"):
        export_web(model, model)


def test_unbuilt_page_says_how_to_build_it(model, tmp_path, monkeypatch, run):
    monkeypatch.setattr(page, "STATIC", tmp_path / "nowhere")
    outcome = run("export", "web", model, tmp_path / "out")
    assert outcome.code == 1
    assert "nowhere is missing or empty" in outcome.err
    assert "`make web`" in outcome.err
    assert not (tmp_path / "out").exists()


def test_models_that_are_none_are_refused(static, tmp_path):
    with pytest.raises(ModelError, match=r"No model at .*gone"):
        export_web(tmp_path / "gone", tmp_path / "out")
    letter = tmp_path / "letter.tflite"
    letter.write_text("Dear Sir or Madam")
    with pytest.raises(ModelError, match=r"letter\.tflite"):
        export_web(letter, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="Received: weights='int4'"):
        export_web(letter, tmp_path / "out", weights="int4")


def test_export_command_prints_the_sizes(static, model, tmp_path, run):
    outcome = run("export", "web", model, tmp_path / "out", "--no-demo")
    assert (outcome.code, outcome.out.count("\n")) == (0, 1)
    assert outcome.out.startswith(f"{tmp_path / 'out'}: 0.0 MB")
    assert "keras-munet karaoke --model" in outcome.err


def fetch(server: PageServer, path: str = "") -> tuple[int, Message, bytes]:
    threading.Thread(target=server.handle_request, daemon=True).start()
    try:
        with urllib.request.urlopen(server.url + path, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.mark.parametrize("isolated", [True, False])
def test_server_sends_types_and_isolation(static, isolated):
    with PageServer(static, port=0, isolated=isolated) as server:
        status, headers, body = fetch(server)
        assert (status, body) == (200, b"<title>Karaoke</title>")
        assert ("Cross-Origin-Embedder-Policy" in headers) == isolated
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        kinds = {
            name: fetch(server, name)[1]["Content-Type"]
            for name in ("assets/runtime.wasm", "sw.js", "manifest.webmanifest")
        }
        assert list(kinds.values()) == [
            "application/wasm",
            "text/javascript; charset=utf-8",
            "application/manifest+json",
        ]
        assert fetch(server, "assets/")[0] == 404  # no listings
        assert fetch(server, "../m.tflite")[0] == 404


def test_taken_port_is_named(static):
    with PageServer(static, port=0) as first:
        port = first.server_address[1]
        with pytest.raises(MunetError, match=f"Port {port} is taken .* --port 0"):
            PageServer(static, port=port)


def test_karaoke_command_serves_and_ends_with_ctrl_c(static, model, run, monkeypatch):
    opened, folders = [], []

    def interrupted(server: PageServer) -> None:
        folders.append(settings(Path(server.RequestHandlerClass.keywords["directory"])))
        raise KeyboardInterrupt

    monkeypatch.setattr(PageServer, "serve_forever", interrupted)
    monkeypatch.setattr("webbrowser.open", opened.append)
    outcome = run("karaoke", "--model", model, "--port", "0")
    assert outcome.code == 0
    assert outcome.out.startswith("http://localhost:")
    assert opened == [outcome.out.strip()]
    assert folders[0]["sources"][0] == "vocals"
    quiet = run("karaoke", "--model", model, "--port", "0", "--no-browser", "-q")
    assert (quiet.code, quiet.err, len(opened)) == (0, "", 1)


def test_karaoke_command_takes_an_exported_page(
    static, model, run, monkeypatch, tmp_path
):
    out = export_web(model, tmp_path / "out", title="Mine").folder
    monkeypatch.setattr(PageServer, "serve_forever", lambda server: None)
    outcome = run("karaoke", "--model", out, "--port", "0", "--no-browser")
    assert outcome.code == 0
    missing = run("karaoke", "--model", tmp_path / "gone", "--no-browser")
    assert missing.code == 1
    assert "No model at" in missing.err


def test_examples_of_the_docs_run(static, run, monkeypatch, tmp_path):
    """The page is made without a model option, from what the package ships."""
    text = (WEB.parent / "docs" / "karaoke.md").read_text()
    commands = re.findall(r"^\$ keras-munet (.*)$", text, re.M)
    assert len(commands) == 2
    stand_in(tmp_path / "weights", monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(PageServer, "serve_forever", lambda server: None)
    monkeypatch.setattr("webbrowser.open", lambda url: True)
    for command in commands:
        assert run(*shlex.split(command)).code == 0
    assert settings(tmp_path / "page")["title"] == "Our karaoke"
    assert settings(tmp_path / "page")["sources"] == ["vocals", "accompaniment"]
