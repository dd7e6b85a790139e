import json
import subprocess
import sys

import export_tools as tools
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_munet.artefact.saved_model import read_config
from keras_munet.errors import ExportError, ModelError
from keras_munet.export.saved_model import export_saved_model
from keras_munet.export.serving.warmup import example_inputs
from keras_munet.export.windows import Windows

SOURCES = tools.CONFIG.sources
LENGTHS = (0, 1, 1000, tools.LENGTH, tools.LENGTH + 1, 150_001)


@pytest.fixture(scope="module")
def loaded():
    return tf.saved_model.load(str(tools.saved_model_folder()))


@pytest.fixture(scope="module")
def ones():
    return tf.saved_model.load(str(tools.saved_model_folder("ones")))


def call(model, signature, **inputs):
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    outputs = model.signatures[signature](**tensors)
    return {name: value.numpy() for name, value in outputs.items()}


def meta_graph(folder):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    return saved.meta_graphs[0]


def operators(folder):
    graph = meta_graph(folder).graph_def
    nodes = list(graph.node)
    for function in graph.library.function:
        nodes += function.node_def
    return nodes


def joined(waveform, network="varying"):
    """What `separate` should give, written the plain way around Keras."""
    windows = Windows.of(tools.CONFIG.stft)
    n = waveform.shape[1]
    count = windows.count(n)
    padded = np.pad(waveform, ((0, 0), (0, count * windows.step + windows.overlap - n)))
    total = {source: np.zeros(padded.shape) for source in SOURCES}
    rise = windows.rise()
    for index in range(count):
        fade = np.ones(windows.length)
        if index:
            fade[: windows.overlap] = rise
        if index < count - 1:
            fade[windows.step :] = 1 - rise
        place = slice(index * windows.step, index * windows.step + windows.length)
        estimates = tools.in_keras(padded[:, place], network)
        for source in SOURCES:
            total[source][:, place] += fade * estimates[source]
    return {source: value[:, :n] for source, value in total.items()}


def test_signatures_have_the_promised_names_and_shapes(loaded):
    stft = tools.CONFIG.stft
    found = {
        name: (
            {k: (v.dtype, v.shape.as_list()) for k, v in inputs.items()},
            {k: (v.dtype, v.shape.as_list()) for k, v in s.structured_outputs.items()},
        )
        for name, s in loaded.signatures.items()
        for inputs in [s.structured_input_signature[1]]
    }
    chunk = (tf.float32, [None, tools.LENGTH])
    song = (tf.float32, [None, None])
    text = (tf.string, [None])
    masks = (tf.float32, [None, stft.n_bins, stft.n_frames, 2])
    assert found == {
        "serving_default": ({"waveform": chunk}, dict.fromkeys(SOURCES, chunk)),
        "separate_chunk": ({"waveform": chunk}, dict.fromkeys(SOURCES, chunk)),
        "separate": ({"waveform": song}, dict.fromkeys(SOURCES, song)),
        "separate_wav": (
            {"wav_bytes": text},
            {f"{source}_bytes": text for source in SOURCES},
        ),
        "masks": ({"waveform": chunk}, {"masks": masks}),
        "model_card": ({"row": (tf.int32, [None])}, {"model_card": text}),
    }


@pytest.mark.parametrize("case", tools.EDGE_CASES)
def test_chunks_agree_with_keras(loaded, case):
    signal = np.concatenate([tools.edge_case(case), tools.window(5)])
    wanted = tools.in_keras(signal)
    for signature in ("serving_default", "separate_chunk", "separate"):
        got = call(loaded, signature, waveform=signal)
        for source in SOURCES:
            assert np.abs(got[source] - wanted[source]).max() <= 1e-5
    masks = call(loaded, "masks", waveform=signal)["masks"]
    assert np.abs(masks - wanted["masks"]).max() <= 1e-4


@pytest.mark.parametrize("length", LENGTHS)
def test_any_length_is_windowed_and_cross_faded(loaded, length):
    signal = np.stack([tools.mixture()[:length], tools.mixture()[-length or 220000 :]])
    signal = signal[:, :length]
    got = call(loaded, "separate", waveform=signal)
    wanted = joined(signal)
    for source in SOURCES:
        assert got[source].shape == (2, length)
        if length:
            assert np.abs(got[source] - wanted[source]).max() <= 1e-5


def test_a_fade_in_is_a_fade_out_played_backwards():
    windows = Windows.of(tools.CONFIG.stft)
    rise = windows.rise()
    assert len(rise) == windows.overlap and 0 < rise[0] < rise[-1] < 1
    np.testing.assert_allclose(rise + rise[::-1], 1, atol=1e-6)


@pytest.mark.parametrize("length", LENGTHS[1:])
def test_masks_of_one_give_any_length_back(ones, length, rng):
    signal = np.clip(rng.normal(0, 0.3, (1, length)), -1, 1).astype(np.float32)
    signal[0, 0] = signal[0, -1] = 1
    for source, got in call(ones, "separate", waveform=signal).items():
        assert source in SOURCES
        assert np.abs(got - signal).max() <= 2e-5


def test_wav_in_wav_out(loaded):
    stereo = np.stack([tools.mixture()[:100_000], tools.mixture()[100_000:200_000]], 1)
    data = [
        tf.audio.encode_wav(stereo, tools.RATE).numpy(),
        tf.audio.encode_wav(stereo[:5000, :1], tools.RATE).numpy(),
    ]
    got = call(loaded, "separate_wav", wav_bytes=data)
    mono = stereo.mean(axis=1)[None]
    wanted = call(loaded, "separate", waveform=mono)
    for source in SOURCES:
        first, second = (tf.audio.decode_wav(d) for d in got[f"{source}_bytes"])
        assert first.sample_rate == tools.RATE
        assert second.audio.shape == (5000, 1)
        error = np.abs(first.audio.numpy()[:, 0] - np.clip(wanted[source][0], -1, 1))
        assert error.max() < 1e-3  # 16 bits, in and out


def test_bad_input_is_refused_with_a_reason(loaded):
    broken = np.zeros((1, 100), np.float32)
    broken[0, 50] = np.nan
    with pytest.raises(tf.errors.InvalidArgumentError, match="holds NaN or infinite"):
        call(loaded, "separate", waveform=broken)
    wav = tf.audio.encode_wav(np.zeros((100, 1)), 44100).numpy()
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"must be 10880 Hz; received.*44100"
    ):
        call(loaded, "separate_wav", wav_bytes=[wav])
    with pytest.raises(tf.errors.InvalidArgumentError):
        call(loaded, "separate_wav", wav_bytes=[b"no wav"])


def test_a_neighbour_with_nan_does_no_harm_in_a_batch(loaded):
    signal = np.concatenate([tools.window(), np.full((1, tools.LENGTH), np.nan, "f4")])
    got = call(loaded, "separate_chunk", waveform=signal)["vocals"]
    assert np.abs(got[0] - tools.in_keras(tools.window())["vocals"][0]).max() <= 1e-5


def test_nothing_but_weights_is_stored():
    folder = tools.saved_model_folder()
    shapes = [
        shape
        for _, shape in tf.train.list_variables(str(folder / "variables" / "variables"))
    ]
    weights = tools.varying().network.get_weights()
    stored = sum(int(np.prod(shape)) for shape in shapes)
    assert stored <= sum(w.size for w in weights) + 2  # and the object graph
    assert stored >= sum(w.size for w in weights)


def test_operators_are_conservative():
    nodes = operators(tools.saved_model_folder())
    names = {node.op for node in nodes}
    assert not [n for n in names if "Xla" in n or "FFT" in n or "PyFunc" in n]
    for node in nodes:
        assert not (node.attr["_XlaMustCompile"].b)


def test_card_is_complete_and_also_served(loaded):
    folder = tools.saved_model_folder()
    card = json.loads((folder / "assets" / "model_card.json").read_text())
    assert card["sources"] == list(SOURCES)
    assert (card["sample_rate_hz"], card["window"]) == (10880, 65280)
    assert card["training_data"] == card["licence"] == "not stated"
    assert len(card["weights_sha256"]) == 64
    assert read_config(folder) == tools.CONFIG
    served = call(loaded, "model_card", row=np.zeros(2, np.int32))["model_card"]
    assert [json.loads(text) for text in served] == [card, card]


def test_it_runs_where_neither_keras_nor_keras_munet_can_be_imported(tmp_path):
    np.save(tmp_path / "in.npy", tools.window(3))
    code = f"""
import sys
for name in ("keras", "keras_munet", "tf_keras"):
    sys.modules[name] = None  # importing it fails from now on
import numpy as np
import tensorflow as tf
model = tf.saved_model.load({str(tools.saved_model_folder())!r})
waveform = tf.constant(np.load({str(tmp_path / "in.npy")!r}))
got = model.signatures["serving_default"](waveform=waveform)
assert not [m for m in sys.modules if m.startswith(("keras.", "keras_munet."))]
np.savez({str(tmp_path / "out.npz")!r}, **{{k: v.numpy() for k, v in got.items()}})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    wanted = tools.in_keras(tools.window(3))
    with np.load(tmp_path / "out.npz") as got:
        for source in SOURCES:
            assert np.abs(got[source] - wanted[source]).max() <= 1e-5


def test_every_signature_runs_through_the_c_api(loaded):
    folder = tools.saved_model_folder()
    definitions = meta_graph(folder).signature_def
    inputs = example_inputs(tools.CONFIG)
    requests, outputs = [], []
    for signature in loaded.signatures:
        infos = definitions[signature]
        given = inputs[signature]
        outputs.append(list(infos.outputs))
        names = [infos.outputs[key].name for key in outputs[-1]]
        requests.append(({infos.inputs[k].name: v for k, v in given.items()}, names))
    answers = tools.run_in_c(folder, requests)
    for signature, keys, answer in zip(
        loaded.signatures, outputs, answers, strict=True
    ):
        given = {
            k: v.tolist() if v.dtype == object else v
            for k, v in inputs[signature].items()
        }
        wanted = call(loaded, signature, **given)
        for key, got in zip(keys, answer.values(), strict=True):
            if got.dtype == object:
                assert list(got) == list(wanted[key])
            else:
                assert np.abs(got - wanted[key]).max() <= 1e-6


RUN_SAVED_MODEL_CLI = """
import json, sys
from tensorflow.python.tools import saved_model_cli
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["saved_model_cli", *arguments]
    try:
        saved_model_cli.main()
    except SystemExit as stop:
        if stop.code:
            raise
"""


def test_saved_model_cli_shows_and_runs_it(tmp_path):
    place = ["--dir", str(tools.saved_model_folder()), "--tag_set", "serve"]
    np.save(tmp_path / "in.npy", tools.window(3))
    inputs = f"--inputs=waveform={tmp_path / 'in.npy'}"
    commands = [
        ["show", *place, "--signature_def", "separate"],
        [
            *("run", *place, "--signature_def", "serving_default"),
            *(inputs, "--outdir", str(tmp_path)),
        ],
    ]
    code = [sys.executable, "-c", RUN_SAVED_MODEL_CLI, json.dumps(commands)]
    done = subprocess.run(code, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "inputs['waveform'] tensor_info" in done.stdout
    assert "outputs['vocals'] tensor_info" in done.stdout
    got = np.load(tmp_path / "vocals.npy")
    wanted = tools.in_keras(tools.window(3))["vocals"]
    assert np.abs(got - wanted).max() <= 1e-5


def test_an_occupied_place_is_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    known = tools.varying()
    with pytest.raises(ExportError, match="exists already"):
        export_saved_model(known.network, tools.CONFIG, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


def test_unknown_signatures(tmp_path):
    known = tools.varying()
    with pytest.raises(ValueError, match=r"`signatures` must be of .*Received: x"):
        export_saved_model(
            known.network, tools.CONFIG, tmp_path / "m", signatures=["x"]
        )


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"holds no saved_model\.pb"):
        read_config(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ModelError, match="was not exported by keras-munet"):
        read_config(tmp_path)
