import subprocess
import sys

import export_tools as tools
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from keras_munet import dsp
from keras_munet.artefact import flatbuffer
from keras_munet.artefact.tflite import read_card, read_config
from keras_munet.config import ModelConfig, STFTConfig, UNetConfig
from keras_munet.errors import ExportError, ModelError
from keras_munet.export.quantize import (
    MIN_INT8,
    quantize_weights,
    round_per_channel,
)
from keras_munet.export.tflite import export_tflite
from keras_munet.export.verify import snr_db
from keras_munet.layers import STFT
from keras_munet.models import build_network

SCHEMES = (None, "float16", "int8")


def runner(path):
    interpreter = Interpreter(str(path), num_threads=2)
    return interpreter.get_signature_runner("separate")


def model(path):
    return flatbuffer.unpack(path.read_bytes())


def constants(path):
    """Yields (type, shape) of every large constant."""
    loaded = model(path)
    for tensor in loaded.subgraphs[0].tensors:
        data = loaded.buffers[tensor.buffer].data
        if data is not None and len(data) > 1024:
            yield tensor.type, tuple(int(n) for n in tensor.shape)


def test_dft_by_matmul_is_the_fft():
    stft = STFTConfig()
    real, imaginary = (np.asarray(x)[0] for x in STFT()(tools.window()))
    wanted = dsp.stft(
        tools.window()[0].astype(float), n_fft=stft.n_fft, hop_length=stft.hop_length
    )
    error = np.abs(real + 1j * imaginary - wanted).max()
    assert error <= 1e-5 * np.abs(wanted).max()


def test_the_test_networks_masks_vary():
    masks = tools.in_keras(tools.window())["masks"][0]
    assert masks.std(axis=0).min() > 0.05  # over frequency, in every frame
    assert np.median(masks.std(axis=1)) > 0.05  # over time
    assert 0.2 < masks.mean() < 1.5


def test_signature_has_the_promised_names_and_shapes():
    run = runner(tools.tflite_file())
    stft = tools.CONFIG.stft
    inputs = run.get_input_details()
    assert list(inputs) == ["waveform"]
    assert list(inputs["waveform"]["shape"]) == [1, 65280]
    assert inputs["waveform"]["dtype"] == np.float32
    outputs = {k: list(v["shape"]) for k, v in run.get_output_details().items()}
    assert outputs == {
        "masks": [1, stft.n_bins, stft.n_frames, 2],
        "vocals": [1, 65280],
        "accompaniment": [1, 65280],
    }
    signatures = Interpreter(str(tools.tflite_file())).get_signature_list()
    assert list(signatures) == ["separate"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_operators_are_builtin_and_shapes_static(scheme):
    loaded = model(tools.tflite_file(quantize=scheme))
    assert flatbuffer.foreign_operators(loaded) == []
    names = set(flatbuffer.operators(loaded))
    assert not [n for n in names if "FFT" in n or n.startswith(("Flex", "unknown"))]
    assert {"CONV_2D", "TRANSPOSE_CONV", "MIRROR_PAD"} <= names
    assert len(loaded.subgraphs) == 1
    for tensor in loaded.subgraphs[0].tensors:
        shape = [] if tensor.shapeSignature is None else list(tensor.shapeSignature)
        assert -1 not in shape


def test_batch_norm_is_folded():
    counts = flatbuffer.operators(model(tools.tflite_file()))
    # What is left of additions are the overlap-adds and the guard of the logarithm.
    assert counts["ADD"] < counts["CONV_2D"]
    assert counts["MUL"] == 3 * len(tools.CONFIG.sources)


@pytest.mark.parametrize("case", tools.EDGE_CASES)
def test_float32_agrees_with_keras(case):
    signal = tools.edge_case(case)
    wanted, got = tools.in_keras(signal), runner(tools.tflite_file())(waveform=signal)
    for source in tools.CONFIG.sources:
        assert np.abs(got[source] - wanted[source]).max() <= 1e-4
        if wanted[source].any():
            assert snr_db(wanted[source], got[source]) >= 80
    # Single bins may be anything where the input is silent; most must not.
    assert snr_db(wanted["masks"], got["masks"]) >= 60


@pytest.mark.parametrize(("scheme", "limit"), [("float16", 50), ("int8", 25)])
def test_fewer_bits_keep_the_music(scheme, limit):
    signal = tools.window(2)
    wanted = tools.in_keras(signal, "trained")
    got = runner(tools.tflite_file("trained", scheme))(waveform=signal)
    for source in tools.CONFIG.sources:
        assert snr_db(wanted[source], got[source]) >= limit


@pytest.mark.parametrize("case", tools.EDGE_CASES)
def test_masks_of_one_give_the_input_back(case):
    signal = tools.edge_case(case)
    got = runner(tools.tflite_file("ones"))(waveform=signal)
    for source in tools.CONFIG.sources:
        assert np.abs(got[source] - signal).max() <= 2e-5


def test_float16_halves_all_but_the_networks_dft():
    whole = tools.tflite_file().stat().st_size
    dft = dsp.analysis_matrix(tools.CONFIG.stft).nbytes
    half = tools.tflite_file(quantize="float16").stat().st_size
    assert half < 1.05 * (dft + (whole - dft) / 2)
    found = set(constants(tools.tflite_file(quantize="float16")))
    assert (schema.TensorType.FLOAT32, (1024, 1024)) in found
    assert (schema.TensorType.FLOAT16, (1024, 1024)) in found


def test_int8_rounds_convolutions_and_leaves_the_front_end_float():
    found = list(constants(tools.tflite_file(quantize="int8")))
    rounded = [shape for kind, shape in found if kind == schema.TensorType.INT8]
    others = {shape for kind, shape in found if kind != schema.TensorType.INT8}
    assert rounded
    assert all(len(shape) == 4 for shape in rounded)
    assert min(np.prod(shape) for shape in rounded) >= MIN_INT8  # inner levels only
    assert {(1024, 1024), (512, 256)} <= others | {shape[::-1] for shape in others}


@pytest.mark.parametrize("scheme", ["float16", "int8"])
def test_wide_convolutions_keep_a_float32_bias(scheme, rng):
    kernel = rng.normal(0, 0.1, (1, 1, 64, 1024)).astype(np.float32)
    bias = rng.normal(size=1024).astype(np.float32)
    module = tf.Module()
    module.run = tf.function(
        lambda x: {"y": tf.nn.conv2d(x, tf.constant(kernel), 1, "SAME") + bias},
        input_signature=[tf.TensorSpec([1, 4, 4, 64], tf.float32, "x")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.run.get_concrete_function()], module
    )
    loaded = flatbuffer.unpack(converter.convert())
    quantize_weights(loaded, scheme)
    interpreter = Interpreter(model_content=flatbuffer.pack(loaded))
    (name,) = interpreter.get_signature_list()
    x = rng.normal(size=(1, 4, 4, 64)).astype(np.float32)
    got = interpreter.get_signature_runner(name)(x=x)["y"]
    assert snr_db(x @ kernel[0, 0] + bias, got) > 30


def test_rounding_per_channel_errs_by_half_a_step(rng):
    values = (
        rng.normal(size=(5, 3, 3, 7))
        * np.array([1e-3, 1, 10, 100, 0])[:, None, None, None]
    )
    for signed in (values, -values):  # the largest of a channel is of either sign
        rounded, scale = round_per_channel(signed)
        error = np.abs(signed - rounded * scale[:, None, None, None])
        assert (error <= 0.5001 * scale[:, None, None, None]).all()
        assert not rounded[4].any()
        assert rounded.dtype == np.int8
        assert (np.abs(rounded[:4].astype(int)).max(axis=(1, 2, 3)) == 127).all()


def test_shorter_windows():
    path = tools.tflite_file(n_frames=64)
    length = 63 * 256
    assert read_config(path).stft.n_frames == 64
    signal = tools.window()[:, :length]
    got = runner(path)(waveform=signal)
    assert got["vocals"].shape == (1, length)
    report = tools.artefact(path)
    assert report.config.stft.chunk_length == length
    # The middle hears the same music as in a long window; it must not be silent.
    assert np.abs(got["vocals"]).max() > 0.01


def test_metadata_round_trip():
    assert read_config(tools.tflite_file()) == tools.CONFIG
    card = read_card(tools.tflite_file(quantize="int8"))
    assert card["sources"] == ["vocals", "accompaniment"]
    assert card["sample_rate_hz"] == 10880
    assert card["window"] == 65280
    assert card["window_s"] == 6.0
    assert card["artefact"] == {"kind": "tflite", "weights": "int8"}
    assert len(card["weights_sha256"]) == 64


def test_metadata_are_read_without_tensorflow():
    code = (
        "import sys\n"
        "sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from keras_munet.artefact.tflite import read_config\n"
        f"print(*read_config({str(tools.tflite_file())!r}).sources)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["vocals", "accompaniment"]


def test_arrays_in_the_file_are_aligned():
    data = tools.tflite_file(quantize="int8").read_bytes()
    loaded = schema.Model.GetRootAs(data)
    for index in range(loaded.BuffersLength()):
        table = loaded.Buffers(index)._tab
        field = table.Offset(4)
        if field:
            assert table.Vector(field) % flatbuffer.ALIGNMENT == 0


def test_mixed_precision_networks_are_exported_in_float32(tmp_path):
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_float16")
        network = build_network(tools.CONFIG)
    finally:
        keras.config.set_dtype_policy(policy)
    network.set_weights(tools.varying().network.get_weights())
    path = tmp_path / "half.tflite"
    export_tflite(network, tools.CONFIG, path)
    got = runner(path)(waveform=tools.window())["vocals"]
    wanted = tools.in_keras(tools.window())["vocals"]
    assert np.abs(got - wanted).max() <= 1e-4


def test_an_operator_that_needs_flex_is_named(tmp_path):
    @keras.saving.register_keras_serializable("tests")
    class Unusual(keras.layers.Layer):
        def call(self, x):
            return tf.math.betainc(x, x, x)

    config = ModelConfig(unet=UNetConfig(width=4, depth=1))
    features = keras.Input((256, None, 1))
    masks = keras.layers.Conv2D(2, 1)(Unusual()(features))
    path = tmp_path / "m.tflite"
    with pytest.raises(ExportError, match=r"not builtin in TFLite: Betainc\b"):
        export_tflite(keras.Model(features, masks), config, path)
    assert list(tmp_path.iterdir()) == []


def test_a_window_that_the_network_cannot_take(tmp_path):
    network = tools.varying().network
    with pytest.raises(ExportError, match=r"windows of 65 frames.*multiple of 2\*\*d"):
        export_tflite(network, tools.CONFIG, tmp_path / "m.tflite", n_frames=65)
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments(tmp_path):
    network = tools.varying().network
    with pytest.raises(ValueError, match=r"float16, int8.*'int4'"):
        export_tflite(network, tools.CONFIG, tmp_path / "m.tflite", quantize="int4")
    with pytest.raises(ValueError, match=r"must end in \.tflite.*m\.bin"):
        export_tflite(network, tools.CONFIG, tmp_path / "m.bin")


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    import errno
    from pathlib import Path

    def full(self, data):
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        export_tflite(tools.varying().network, tools.CONFIG, tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"No TFLite file at .*none\.tflite"):
        read_config(tmp_path / "none.tflite")
    text = tmp_path / "text.tflite"
    text.write_text("hello, hello")
    with pytest.raises(ModelError, match=r"text\.tflite is not a TFLite file"):
        read_config(text)
    foreign = tmp_path / "foreign.tflite"
    loaded = model(tools.tflite_file())
    loaded.metadata = None
    foreign.write_bytes(flatbuffer.pack(loaded))
    with pytest.raises(ModelError, match="was not exported by keras-munet"):
        read_config(foreign)
    bare = model(tools.tflite_file())
    flatbuffer.add_metadata(bare, "munet.json", {"sources": ["a"]})
    foreign.write_bytes(flatbuffer.pack(bare))
    with pytest.raises(ModelError, match="holds no model config"):
        read_config(foreign)


def test_a_file_of_masks_alone_computes_less_and_the_same():
    path = tools.tflite_file()
    data = flatbuffer.with_outputs(path, ("masks",))
    assert len(data) < path.stat().st_size
    whole, part = (
        flatbuffer.operators(flatbuffer.unpack(content))
        for content in (path.read_bytes(), data)
    )
    assert part["CONV_2D"] == whole["CONV_2D"]
    assert sum(part.values()) < sum(whole.values())
    masks = []
    for content in (path.read_bytes(), data):
        interpreter = Interpreter(model_content=content)
        run = interpreter.get_signature_runner("separate")
        window = tools.mixture()[: tools.CONFIG.stft.chunk_length].astype(np.float32)
        masks.append(run(waveform=window[None])["masks"])
    np.testing.assert_array_equal(*masks)
