"""Shipped weights: whole, described, found by name; and what is said when not."""

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from export_tools import CONFIG, keras_file, tflite_file, vary
from separation_tools import music, tiny_models
from weights_tools import SHIPPED, script, stand_in

from keras_munet import Separator
from keras_munet.artefact import flatbuffer
from keras_munet.errors import ExportError, ModelError, MunetError
from keras_munet.evaluation.report import load_report
from keras_munet.export.trained import Trained, load_trained
from keras_munet.files import sha256
from keras_munet.models import build_network, save_model
from keras_munet.separation.runtime import find_models
from keras_munet.weights import DEFAULT, shipped

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = (
    "What it is",
    "Trained on",
    "Ingredients and licences",
    "Scores",
    "What it is bad at",
)
WHEEL_BYTES = 60e6
PAGE_BYTES = 10e6
"""The karaoke page, compressed, and the code: 9.2 MB when last looked at."""

SOURCES = {
    "vocals": ("vocals", "accompaniment"),
    "4stems": ("vocals", "drums", "bass", "other"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return stand_in(tmp_path / "weights", monkeypatch)


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, music(1.5, 44100), 44100)
    return path


# What is in the repository.


@pytest.mark.parametrize("name", SOURCES)
def test_files_are_those_of_the_index(name):
    model = shipped.shipped_models()[name]
    assert model.state == shipped.PRESENT
    assert sha256(model.path) == model.sha256
    assert sha256(model.keras_path) == model.keras_sha256
    assert Separator.load(name).config.sources == model.sources


@pytest.mark.parametrize("name", SOURCES)
def test_the_keras_behind_a_model_has_its_sources(name):
    from keras_munet.artefact.keras_file import read_config

    model = shipped.shipped_models()[name]
    assert read_config(model.keras_path).sources == model.sources


@pytest.mark.parametrize("name", SOURCES)
def test_every_model_has_a_card_with_all_sections(name):
    model = shipped.shipped_models()[name]
    title, *parts = re.split(r"^## ", shipped.read_card(name), flags=re.M)
    assert title.strip() == f"# `{name}`: {model.title}"
    sections = dict(part.split("\n", 1) for part in parts)
    assert tuple(sections) == SECTIONS
    assert all(len(text.strip()) > 30 for text in sections.values())
    assert "docs/licences.md" in sections["Ingredients and licences"]


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_shipped_weights_separate_real_music(name, run, excerpt, tmp_path):
    """Every source of the MUSDB18 excerpt comes out better than it is in the mix."""
    path = tmp_path / "report.json"
    words = ("evaluate", excerpt, "--split", "all", "--model", name, "--report", path)
    assert run(*words).code == 0
    summary = load_report(path).summary()
    for source in SOURCES[name]:
        ours, mixture = (
            summary[row][source]["sdr"]["mean"] for row in ("estimates", "mixture")
        )
        assert ours > mixture, source
    vocals = [summary[row]["vocals"]["sdr"]["mean"] for row in ("estimates", "mixture")]
    assert vocals[0] > vocals[1] + 3


def test_the_index_names_each_model_and_its_sources():
    models = shipped.shipped_models()
    assert {name: model.sources for name, model in models.items()} == SOURCES
    assert next(iter(models)) == DEFAULT
    assert not any("/" in name or "\\" in name for name in models)


def test_wheels_carry_the_weights_and_stay_small():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    globs = settings["tool"]["setuptools"]["package-data"]["keras_munet"]
    package = ROOT / "keras_munet"
    carried = {path for glob in globs for path in package.glob(glob)}
    models = shipped.shipped_models().values()
    wanted = {SHIPPED / "index.json", *(SHIPPED / model.card for model in models)}
    wanted |= {model.path for model in models if model.sha256}
    assert wanted <= carried
    assert any(Path("weights/x.tflite").match(glob) for glob in globs)
    n_bytes = sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file())
    assert n_bytes + PAGE_BYTES < WHEEL_BYTES


# Names.


@pytest.mark.parametrize("name", SOURCES)
def test_a_name_separates(folder, name):
    audio = music(1.5, 44100)
    stems = Separator.load(name).separate(audio, 44100)
    assert tuple(stems) == SOURCES[name]
    np.testing.assert_allclose(sum(stems.values()), audio, atol=1e-5)


def test_without_a_name_it_is_the_default(folder):
    audio = music(1.5, 44100)
    ours, named = Separator.load(), Separator.load(folder / "vocals.tflite")
    for stem, other in zip(
        ours.separate(audio, 44100).values(),
        named.separate(audio, 44100).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(stem, other)


def test_a_name_wins_over_a_folder_and_a_path_stays_one(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("4stems").symlink_to(tiny_models().run, target_is_directory=True)
    assert find_models("4stems") == [("tflite", folder / "4stems.tflite")]
    for path in ("./4stems", "4stems/", Path("4stems"), str(tmp_path / "4stems")):
        assert find_models(path) == [("tflite", Path(path) / "model.tflite")]


def test_separate_needs_no_model_option(folder, run, song, tmp_path):
    outcome = run("separate", song, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    names = [Path(line).name for line in outcome.out.splitlines()]
    assert names == ["vocals.wav", "accompaniment.wav"]
    outcome = run("separate", song, "--model", "4stems", "--out", tmp_path / "four")
    names = [Path(line).stem for line in outcome.out.splitlines()]
    assert tuple(names) == SOURCES["4stems"]


def test_separate_tells_name_and_path_apart(folder, run, song, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("4stems").symlink_to(tiny_models().run, target_is_directory=True)
    words = ("separate", song, "--quiet", "--model")
    assert len(run(*words, "4stems", "--out", "name").out.splitlines()) == 4
    assert len(run(*words, "./4stems", "--out", "path").out.splitlines()) == 2


def test_evaluate_takes_a_name(folder, run, excerpt, tmp_path):
    report = tmp_path / "report.json"
    outcome = run(
        *("evaluate", excerpt, "--split", "all", "--model", "vocals"),
        *("--report", report, "--quiet"),
    )
    assert outcome.code == 0, outcome.err
    method = load_report(report).header["method"]
    assert method["sha256"] == shipped.shipped_models()["vocals"].sha256


def _page_stands_in(tmp_path, monkeypatch):
    """Takes the place of the built page, which needs Node.js."""
    from test_web_export import static

    static.__wrapped__(tmp_path, monkeypatch)


def test_the_karaoke_page_takes_a_name(folder, run, tmp_path, monkeypatch):
    _page_stands_in(tmp_path, monkeypatch)
    page = tmp_path / "page"
    assert run("export", "web", "4stems", page, "--no-demo").code == 0
    settings = json.loads((page / "karaoke.json").read_text())
    assert tuple(settings["sources"]) == SOURCES["4stems"]


def test_exports_find_the_keras_of_a_checkout(folder):
    trained = load_trained("vocals")
    assert trained.path == folder / "keras" / "vocals.keras"


def test_nothing_on_the_way_loads_tensorflow(song, tmp_path):
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from keras_munet import Separator; from keras_munet.weights import shipped\n"
        f"shipped.FOLDER = Path({str(tmp_path / 'weights')!r})\n"
        "Separator.load().separate(np.zeros((50000, 2), np.float32), 44100)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    with pytest.MonkeyPatch.context() as patch:
        stand_in(tmp_path / "weights", patch)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_index_is_read_and_a_file_hashed_once(folder, monkeypatch):
    counted = []
    monkeypatch.setattr(shipped, "sha256", lambda p: counted.append(p) or sha256(p))
    for _ in range(3):
        Separator.load("vocals")
    assert counted == [folder / "vocals.tflite"]


# Trouble.


def _separate_fails(run, song, tmp_path, *words):
    out = tmp_path / "out"
    outcome = run("separate", song, "--out", out, *words)
    assert (outcome.code, outcome.out, out.exists()) == (1, "", False)
    assert outcome.err.startswith("Error: ") and outcome.err.count("\n") == 1
    return outcome.err


def test_weights_that_are_not_installed(folder, run, song, tmp_path):
    (folder / "vocals.tflite").unlink()
    said = _separate_fails(run, song, tmp_path)
    assert "'vocals' are not in this installation" in said
    assert f"{folder / 'vocals.tflite'} is missing" in said
    assert "Install keras-munet again" in said and "a model of your own" in said
    assert Separator.load("4stems").config.sources == SOURCES["4stems"]


def _flip(data):
    return data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]


@pytest.mark.parametrize(
    "damage",
    [_flip, lambda data: data[:1000], lambda data: b"", lambda data: data + b"\0"],
    ids=["one bit", "cut", "empty", "longer"],
)
def test_weights_that_are_damaged(folder, run, song, tmp_path, damage):
    file = folder / "vocals.tflite"
    Separator.load("vocals")  # a hash that is remembered is no excuse
    file.write_bytes(damage(file.read_bytes()))
    said = _separate_fails(run, song, tmp_path)
    assert f"{file} is damaged: size or SHA-256" in said
    assert "Install keras-munet again" in said


@pytest.mark.parametrize("model", ["5stems", "Vocals", "./vocals"])
def test_a_name_that_there_is_not(folder, run, song, tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    _page_stands_in(tmp_path, monkeypatch)
    said = _separate_fails(run, song, tmp_path, "--model", model)
    assert f"No model at {Path(model)}." in said
    assert "path of a model" in said and "vocals, 4stems." in said
    assert "vocals, 4stems." in run("export", "web", model, "page").err


def _with_card(path, **changes):
    """Writes the stand-in with a changed card, as another version would."""
    file = tflite_file("varying", "float16")
    card = flatbuffer.read_metadata(file, "munet.json") | changes
    model = flatbuffer.unpack(file.read_bytes())
    flatbuffer.add_metadata(model, "munet.json", card)
    path.write_bytes(flatbuffer.pack(model))
    return path


@pytest.mark.parametrize(
    ("found", "advice"),
    [(2, "Install a newer"), (0, "Export the model again"), ("x", "Export the model")],
)
def test_a_model_of_another_format(run, song, tmp_path, found, advice):
    path = _with_card(tmp_path / "other.tflite", format=found)
    said = _separate_fails(run, song, tmp_path, "--model", path)
    assert f"{path} is of model format {found}" in said
    assert "reads format 1" in said and advice in said


def test_a_model_with_settings_of_another_version(run, song, tmp_path):
    path = _with_card(tmp_path / "other.tflite", config={"sauces": ["vocals"]})
    said = _separate_fails(run, song, tmp_path, "--model", path)
    assert f"{path} holds a model config of another kind" in said and "sauces" in said


def test_a_card_without_a_format_is_of_the_first():
    from keras_munet.artefact.card import card_config

    config = Separator.load(tflite_file("varying", "float16")).config
    assert card_config({"config": config.to_dict()}, "here") == config


def test_exports_say_where_the_keras_lies(folder, run, tmp_path):
    out = tmp_path / "saved"
    outcome = run("export", "saved-model", "4stems", out)
    assert (outcome.code, out.exists()) == (1, False)
    assert "'4stems' is shipped as a .tflite alone" in outcome.err
    assert "recipes/4stems.keras" in outcome.err
    (folder / "keras" / "vocals.keras").write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"vocals\.keras is damaged"):
        load_trained("vocals")


@pytest.mark.parametrize("text", [None, "{", "[]", '{"models": {"vocals": {}}}'])
def test_an_index_that_cannot_be_read(folder, run, text):
    (folder / "index.json").unlink()
    if text is not None:
        (folder / "index.json").write_text(text)
    with pytest.raises(MunetError, match=r"list of shipped models.*Install"):
        shipped.shipped_models()
    assert run("models").code == 1


# The command.


def test_models_lists_what_there_is(folder, run):
    (folder / "4stems.tflite").write_bytes(b"cut")
    outcome = run("models")
    assert (outcome.code, outcome.err) == (0, "")
    for word in ("vocals", "accompaniment", "4stems", "karaoke", "present", "damaged"):
        assert word in outcome.out
    (folder / "4stems.tflite").unlink()
    rows = json.loads(run("models", "--json").out)
    assert [row["state"] for row in rows] == ["present", "missing"]
    assert rows[0]["sources"] == ["vocals", "accompaniment"]
    assert rows[0]["sha256"] == sha256(rows[0]["path"])


def test_models_prints_a_card(folder, run):
    outcome = run("models", "4stems")
    assert outcome.code == 0 and outcome.out.startswith("# `4stems`: vocals, drums")
    said = json.loads(run("models", "4stems", "--json").out)
    assert said["card"] in outcome.out
    outcome = run("models", "5stems")
    assert (outcome.code, outcome.out) == (1, "")
    assert "No shipped model is called '5stems'. There are: vocals, 4stems." in (
        outcome.err
    )


def test_the_commands_of_the_page_work(folder, run):
    text = (ROOT / "docs" / "models.md").read_text()
    commands = re.findall(r"^\$ keras-munet (.*)$", text, re.M)
    assert commands
    for command in commands:
        assert run(*command.split()).code == 0
    for model in shipped.shipped_models().values():
        row = f"| `{model.name}` | {', '.join(model.sources)} | {model.use} |"
        assert row in text
        assert f'--8<-- "keras_munet/weights/{model.card}"' in text


# Shipping a run.


@pytest.fixture
def ship():
    return script("ship").ship


@pytest.fixture
def average():
    return script("average").average


@pytest.mark.parametrize("name", SOURCES)
def test_shipped_models_have_a_floor_in_both_files(name):
    from keras_munet.artefact.keras_file import read_config
    from keras_munet.artefact.tflite import read_config as read_tflite

    model = shipped.shipped_models()[name]
    configs = read_config(model.keras_path), read_tflite(model.path)
    assert configs[0] == configs[1]
    assert configs[0].floor_db == -80


def test_a_floor_leaves_the_weights_as_they_are(tmp_path):
    before = load_trained(keras_file())
    script("floor").give_floor(keras_file(), tmp_path / "floor.keras", -70.0)
    after = load_trained(tmp_path / "floor.keras")
    assert after.config == replace(before.config, floor_db=-70.0)
    pairs = zip(after.network.weights, before.network.weights, strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_an_average_lies_half_way_and_keeps_the_settings(average, tmp_path):
    paths = []
    for seed in (1, 2):
        network = build_network(CONFIG)
        vary(network, CONFIG, seed)
        paths.append(tmp_path / f"{seed}.keras")
        save_model(network, CONFIG, paths[-1])
    average(paths, tmp_path / "mean.keras")
    mean, one, two = (
        load_trained(path).network.get_weights()
        for path in (tmp_path / "mean.keras", *paths)
    )
    assert any(np.abs(a - b).max() > 0.1 for a, b in zip(one, two, strict=True))
    for middle, a, b in zip(mean, one, two, strict=True):
        np.testing.assert_allclose(middle, (a + b) / 2, atol=1e-6)
    assert load_trained(tmp_path / "mean.keras").config == CONFIG


def test_networks_of_other_sources_are_not_averaged(average, tmp_path):
    other = replace(CONFIG, sources=("vocals", "drums"))
    save_model(build_network(other), other, tmp_path / "other.keras")
    with pytest.raises(ModelError, match="has other settings"):
        average([keras_file(), tmp_path / "other.keras"], tmp_path / "mean.keras")
    assert not (tmp_path / "mean.keras").exists()


@pytest.mark.slow
def test_a_run_is_shipped_whole_or_not_at_all(folder, ship, tmp_path):
    for path in (folder / "vocals.tflite", folder / "keras" / "vocals.keras"):
        path.unlink()
    before = {path.name: path.read_bytes() for path in folder.glob("*.*")}
    with pytest.raises(ExportError, match="4stems has the sources"):
        ship(keras_file(), "4stems")
    assert before == {path.name: path.read_bytes() for path in folder.glob("*.*")}

    model = ship(keras_file(), "vocals")
    assert model.state == shipped.PRESENT
    assert sha256(model.keras_path) == model.keras_sha256 == sha256(keras_file())
    assert find_models("vocals") == [("tflite", model.path)]
    card = flatbuffer.read_metadata(model.path, "munet.json")
    assert card["artefact"]["weights"] == "float16" and card["licence"] == "MIT"
    assert "synth --engine studio" in card["training_data"]
    assert shipped.shipped_models()["4stems"].state == shipped.PRESENT


@pytest.fixture
def grow():
    return script("grow").grow


@pytest.mark.parametrize("depth", [2, 1])
def test_a_grown_network_computes_what_it_did_as_far_as_its_levels_go(
    grow, tmp_path, depth
):
    unet = replace(CONFIG.unet, width=3, depth=2, dropout=0.0)
    config = replace(CONFIG, unet=unet)
    small = build_network(config)
    vary(small, config, 1)
    trained = Trained(small, config, tmp_path / "small.keras")
    grow(trained, tmp_path / "grown.keras", width=7, depth=depth)
    grown = load_trained(tmp_path / "grown.keras")
    assert grown.config.unet == replace(unet, width=7, depth=depth)
    features = np.random.default_rng(0).random((1, config.stft.n_rows, 8, 1), "f")
    if depth < 2:  # the small network, without what comes from below that depth
        below = small.get_layer("decoder_0_up")
        below.set_weights([np.zeros_like(w) for w in below.get_weights()])
    for training in (False, True):
        expected, found = (
            network(features, training=training).numpy()
            for network in (small, grown.network)
        )
        assert expected.std() > 0.01
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_what_grows_is_new_filters_that_can_learn(grow, tmp_path):
    small = load_trained(keras_file())
    unet = small.config.unet
    grow(small, tmp_path / "g.keras", width=2 * unet.width, depth=unet.depth)
    grown = load_trained(tmp_path / "g.keras").network
    kernel = grown.get_layer("encoder_0_conv2").get_weights()[0]
    old = unet.width
    assert not kernel[:, :, old:, :old].any()
    assert kernel[:, :, :, old:].std(axis=(0, 1, 2)).min() > 0


@pytest.mark.parametrize("size", [{"width": 1}, {"depth": 9}])
def test_a_network_does_not_shrink_or_deepen(grow, tmp_path, size):
    model = load_trained(keras_file())
    now = {"width": model.config.unet.width, "depth": model.config.unet.depth}
    with pytest.raises(ModelError, match="Only U-Nets without conditions grow"):
        grow(model, tmp_path / "grown.keras", **{**now, **size})
    assert not (tmp_path / "grown.keras").exists()
