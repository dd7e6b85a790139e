"""Checkpoint files of PyTorch: old, new, damaged, dangerous; and the command."""

import pickle
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import soundfile
from interop_tools import SOURCES, reference

from keras_munet.errors import MissingExtraError, ModelError
from keras_munet.interop.torch_checkpoint import read_checkpoint
from keras_munet.interop.torch_file import read_tensors
from keras_munet.models import load_model


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="reads and writes real .pth files")


@pytest.fixture(scope="module")
def state(torch):
    """The dedicated network as the authors' loop would save it, with `model.`."""
    tensors = reference("dedicated")[0]
    return OrderedDict((k, torch.from_numpy(np.array(v))) for k, v in tensors.items())


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_old_and_new_files_give_the_same_tensors(
    torch, state, tmp_path, new_format, wrapped
):
    path = tmp_path / "checkpoint.pth"
    content = {"state_dict": state, "epoch": 3, "arch": "BASELINE"}
    torch.save(
        content if wrapped else state,
        path,
        _use_new_zipfile_serialization=new_format,
    )
    tensors = read_tensors(path)
    assert list(tensors) == list(state)
    for name, value in reference("dedicated")[0].items():
        np.testing.assert_array_equal(tensors[name], value)


def test_half_precision_becomes_float32(torch, tmp_path):
    path = tmp_path / "half.pth"
    torch.save({"a": torch.ones(2, dtype=torch.bfloat16)}, path)
    assert read_tensors(path)["a"].dtype == np.float32


@pytest.mark.parametrize("new_format", [True, False])
def test_loss_meters_of_the_authors_loop_are_ignored_not_imported(
    torch, tmp_path, monkeypatch, new_format
):
    module = types.ModuleType("flerken.framework.classitems")
    for name in ("TensorScalarItem", "Timers", "AverageMeter"):
        kind = type(name, (), {"__module__": module.__name__})
        setattr(module, name, kind)
    monkeypatch.setitem(sys.modules, "flerken", types.ModuleType("flerken"))
    monkeypatch.setitem(sys.modules, "flerken.framework", types.ModuleType("f"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    meter = module.TensorScalarItem()
    meter.data = module.Timers()
    meter.data.is_best = np.bool_(True)
    meter.data.tuple = {"val": module.AverageMeter()}
    meter.data.tuple["val"].hist = [np.float64(0.5), 0.25]
    content = {
        "epoch": 7,
        "state_dict": {"a": torch.ones(2)},
        "optimizer": torch.optim.SGD([torch.ones(1)], lr=0.1).state_dict(),
        "loss": meter,
        "key": {"LOSS": np.float64(0.5)},
    }
    path = tmp_path / "bestcheckpoint.pth"
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    for name in list(sys.modules):
        if name.split(".")[0] == "flerken":
            monkeypatch.delitem(sys.modules, name)
    assert list(read_tensors(path)) == ["a"]
    assert "flerken" not in sys.modules


@pytest.mark.parametrize("new_format", [True, False])
def test_a_pickle_that_wants_to_run_code_is_refused(torch, state, tmp_path, new_format):
    path, mark = tmp_path / "evil.pth", tmp_path / "mark"
    content = {"state_dict": state, "loss": Bomb(mark)}
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(ModelError, match=r"evil\.pth wants to run code.*\(.+\); ref"):
        read_checkpoint(path, sources=("vocals",))
    assert not mark.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["evil.pth"]


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_plain_pickle_is_refused_and_not_run(torch, tmp_path, protocol):
    path, mark = tmp_path / "plain.pth", tmp_path / "mark"
    path.write_bytes(pickle.dumps({"state_dict": Bomb(mark)}, protocol=protocol))
    with pytest.raises(ModelError, match=r"plain\.pth"):
        read_tensors(path)
    assert not mark.exists()


def test_damaged_files_are_refused_by_name(torch, state, tmp_path):
    new, old = tmp_path / "new.pth", tmp_path / "old.pth"
    torch.save(state, new)
    torch.save(state, old, _use_new_zipfile_serialization=False)
    data, legacy = new.read_bytes(), old.read_bytes()
    broken = tmp_path / "broken.pth"
    half = data[: len(data) // 2], legacy[: len(legacy) // 2]
    for content in (b"", b"hello", data[-1000:], legacy[:300], *half):
        broken.write_bytes(content)
        with pytest.raises(ModelError, match=r"broken\.pth is no checkpoint.*damaged"):
            read_tensors(broken)
    with pytest.raises(ModelError, match=r"No checkpoint at .*absent\.pth"):
        read_tensors(tmp_path / "absent.pth")


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {}}, 3.0])
def test_files_without_tensors_are_refused(torch, tmp_path, content):
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(ModelError, match=r"other\.pth.* (holds no state_dict|plain)"):
        read_tensors(path)


@pytest.mark.parametrize("kind", ["text", "complex", "sparse", "meta"])
def test_values_that_are_no_plain_tensors_are_named(torch, tmp_path, kind):
    value = {
        "text": "hello",
        "complex": torch.ones(2, dtype=torch.complex64),
        "sparse": torch.eye(2).to_sparse(),
        "meta": torch.ones(2, device="meta"),
    }[kind]
    path = tmp_path / "mixed.pth"
    torch.save({"a": torch.ones(1), "note": value}, path)
    with pytest.raises(ModelError, match=r"mixed\.pth: note is no plain tensor of re"):
        read_tensors(path)


def test_without_torch_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = tmp_path / "a.pth"
    path.touch()
    with pytest.raises(MissingExtraError, match=r"pip install 'keras-munet\[torch\]'"):
        read_tensors(path)


def test_a_torch_that_runs_code_is_refused(torch, tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    path = tmp_path / "a.pth"
    path.touch()
    with pytest.raises(MissingExtraError, match=r"PyTorch 2\.5\.1\+cpu can be made"):
        read_tensors(path)


@pytest.mark.parametrize("network", ["munet", "cunet"])
def test_command_writes_a_model_that_loads(torch, tmp_path, run, network):
    tensors = reference(network)[0]
    path, out = tmp_path / "bestcheckpoint.pth", tmp_path / "model.keras"
    torch.save({k: torch.from_numpy(np.array(v)) for k, v in tensors.items()}, path)
    result = run("import-weights", path, out)
    assert (result.code, result.err) == (0, "")
    assert f"model.keras: {network}, {', '.join(SOURCES[network])}; wid" in result.out
    assert "num_batches_tracked" in result.out
    loaded, config = load_model(out)
    assert (config.stft.warp, config.sources) == ("paper", SOURCES[network])
    bias = loaded.get_layer("masks_conv").bias
    np.testing.assert_array_equal(bias, tensors["model.final_conv.bias"])
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, out.name]

    before = out.read_bytes()
    result = run("import-weights", path, out)
    assert result.code == 1
    assert "model.keras exists already" in result.err
    assert out.read_bytes() == before


def test_separate_takes_an_imported_model(torch, tmp_path, run, rng):
    path, out = tmp_path / "cunet.pth", tmp_path / "cunet.keras"
    tensors = reference("cunet")[0]
    torch.save({k: torch.from_numpy(np.array(v)) for k, v in tensors.items()}, path)
    read_checkpoint(path).save(out)
    song = 0.1 * rng.standard_normal((12345, 2))
    soundfile.write(tmp_path / "song.wav", song, 22050, subtype="FLOAT")
    stems = tmp_path / "stems"
    result = run("separate", tmp_path / "song.wav", "--model", out, "--out", stems)
    assert result.code == 0, result.err
    files = sorted(stems.rglob("*.wav"))
    assert [file.stem for file in files] == ["accompaniment", "vocals"]
    audio = [soundfile.read(file)[0] for file in files]
    assert np.abs(audio[0] - audio[1]).max() > 1e-3  # the condition has an effect
    np.testing.assert_allclose(sum(audio), song, atol=1e-3)


def test_command_leaves_nothing_behind_when_it_fails(torch, state, tmp_path, run):
    path, out = tmp_path / "part.pth", tmp_path / "model.keras"
    part = {k: v for k, v in state.items() if k != "model.final_conv.bias"}
    torch.save(part, path)
    result = run("import-weights", path, out, "--sources", "vocals")
    assert (result.code, result.out) == (1, "")
    assert "part.pth: Missing tensors" in result.err
    assert "final_conv.bias" in result.err
    assert [p.name for p in tmp_path.iterdir()] == ["part.pth"]


def test_command_refuses_bad_usage(torch, state, tmp_path, run):
    path = tmp_path / "a.pth"
    torch.save(state, path)
    result = run("import-weights", path, tmp_path / "model.h5")
    assert result.code == 2
    assert "must end in .keras" in result.err
    result = run("import-weights", path, tmp_path / "m.keras", "--sources", "mixture")
    assert result.code == 2
    assert "reserved name" in result.err
    result = run("import-weights", path, tmp_path / "m.keras")
    assert result.code == 1
    assert "a.pth: A checkpoint with 1 source does not say which" in result.err
