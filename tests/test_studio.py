"""The studio engine: whole songs, the tree they are written to, what must be there."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from studio_tools import standin_parts

from keras_munet import files
from keras_munet.errors import DataError, MunetError
from keras_munet.music import collection as synth
from keras_munet.music import engine
from keras_munet.studio import needs
from keras_munet.studio.engine import STUDIO
from keras_munet.studio.needs import Library, Need

STEMS = ("vocals", "drums", "bass", "other")
ADVICE = needs.advice()
installed = pytest.mark.skipif(
    ADVICE is not None, reason=f"The studio is not installed: {ADVICE}"
)


@pytest.fixture
def standins(monkeypatch):
    """The engine with simple players, which need no programs and no sounds."""
    pytest.importorskip("pedalboard", reason="pip install 'keras-munet[studio]'")
    from keras_munet.studio import engine

    monkeypatch.setattr(needs, "missing", lambda: ([], []))
    pools = []

    def sing(rng, score, pool):
        pools.append(pool)
        return standin_parts(rng, score)["vocals"]

    def play(rng, score, pool):
        parts = standin_parts(rng, score)
        return {stem: parts[stem] for stem in STEMS[1:]}

    monkeypatch.setattr(engine.singers, "render", sing)
    monkeypatch.setattr(engine.band, "render", play)
    return pools


def write(folder, n_tracks=1, **settings):
    synth.write_tracks(
        folder, n_tracks, **{"seconds": 2, "seed": 3, "engine": STUDIO, **settings}
    )


def read(folder):
    return {p.stem: soundfile.read(p, dtype="int16")[0] for p in folder.glob("*.wav")}


def check_song(stems, n_samples):
    assert list(stems) == ["mixture", *STEMS]
    for sound in stems.values():
        assert sound.shape == (n_samples, 2) and sound.dtype == np.float32
        assert np.array_equal(sound * 2**15, np.round(sound * 2**15))
        assert np.abs(sound).max() < 0.99
    total = sum(stems[name].astype(np.float64) for name in STEMS)
    assert np.array_equal(stems["mixture"], total)


def test_mixture_is_the_exact_sum_and_seeds_decide(standins):
    from keras_munet.studio.engine import make_track

    first, other = make_track(1, 2, 1.5), make_track(1, 3, 1.0)
    again, reseeded = make_track(1, 2, 1.5), make_track(2, 2, 1.5)
    check_song(first, 66150)
    check_song(other, 44100)
    for name in ("mixture", "drums"):
        assert np.array_equal(first[name], again[name])
        assert not np.array_equal(first[name], reseeded[name])
    with pytest.raises(ValueError, match="at least 1"):
        make_track(0, 0, 0.5)


def test_test_songs_have_players_of_their_own(standins):
    from keras_munet.studio.engine import make_track

    for index in (0, synth.FIRST_TEST_INDEX - 1, synth.FIRST_TEST_INDEX):
        make_track(0, index, 1)
    assert standins == ["train", "train", "test"]


def test_tree_holds_what_the_engine_plays_and_grows(standins, tmp_path):
    from keras_munet.studio.engine import make_track

    write(tmp_path / "songs", n_test_tracks=1, workers=1)
    marker = json.loads((tmp_path / "songs" / "synth.json").read_text())
    assert marker == {"format": 2, "seed": 3, "seconds": 2.0, "engine": "studio"}
    for path, index in (("train/Seed 3 - Song 000", 0), ("test/*", 100_000)):
        (folder,) = (tmp_path / "songs").glob(path)
        stems, heard = make_track(3, index, 2), read(folder)
        assert all(np.array_equal(heard[k], x * 2**15) for k, x in stems.items())
    seen = []
    write(tmp_path / "songs", 2, workers=1, progress=lambda *a: seen.append(a))
    assert seen == [(2, 2)]


def test_trees_of_another_engine_are_refused_by_name(standins, tmp_path):
    synth.write_tracks(tmp_path / "tones", 1, seconds=2, seed=3, workers=1)
    with pytest.raises(DataError, match=r"songs of the numpy engine .*--engine numpy"):
        write(tmp_path / "tones")
    write(tmp_path / "studio", workers=1)
    with pytest.raises(DataError, match=r"studio engine .*not of numpy"):
        write(tmp_path / "studio", engine=synth.PLAIN)
    with pytest.raises(DataError, match=r"other settings.*--seed and --seconds"):
        write(tmp_path / "studio", seed=4)
    (tmp_path / "studio" / "synth.json").write_text("[")
    with pytest.raises(DataError, match="other settings"):
        write(tmp_path / "studio")


def test_a_tree_of_format_1_goes_on_as_numpy(tmp_path):
    folder = tmp_path / "songs"
    synth.write_tracks(folder, 1, seconds=1, seed=5, workers=1)
    old = {"format": 1, "seed": 5, "seconds": 1.0}
    files.write_json(folder / "synth.json", old)
    seen = []
    synth.write_tracks(
        folder, 2, seconds=1, seed=5, workers=1, progress=lambda *a: seen.append(a)
    )
    assert seen == [(2, 2)]
    assert len(list((folder / "train").iterdir())) == 2
    with pytest.raises(DataError, match="numpy engine"):
        synth._refuse_foreign(folder, {**old, "format": 2, "engine": "studio"})


def test_numpy_songs_are_what_they_were():
    stems = engine.make_track(7, 1, 1.5)
    sums = [np.abs(x * 2.0**15).sum(dtype=np.float64) for x in stems.values()]
    # Of the version that knew this engine only. Processors differ in a last bit.
    known = [390915828, 167288948, 186439504, 226329388, 160147210]
    assert sums == pytest.approx(known, rel=1e-5)


def test_a_second_writer_is_refused_and_left_overs_are_cleared(tmp_path):
    folder = tmp_path / "songs"
    synth.write_tracks(folder, 1, seconds=1, seed=5, workers=1)
    left_over = folder / "train" / ".Seed 5 - Song 001.0123abcd.part"
    left_over.mkdir()
    (folder / "train" / ".mine.part").mkdir()
    with files.locked(folder, "held"), pytest.raises(MunetError, match="Another proc"):
        synth.write_tracks(folder, 2, seconds=1, seed=5, workers=1)
    with files.locked(folder, "held"):
        synth.write_tracks(folder, 1, seconds=1, seed=5, workers=1)  # all is there
    assert left_over.is_dir() and len(list((folder / "train").iterdir())) == 3
    synth.write_tracks(folder, 2, seconds=1, seed=5, workers=1)
    names = sorted(path.name for path in (folder / "train").iterdir())
    assert names == [".mine.part", "Seed 5 - Song 000", "Seed 5 - Song 001"]


def test_what_is_missing_is_named_before_anything_is_written(
    run, tmp_path, monkeypatch
):
    lost = (
        Need("no-such-program", "flite"),
        Need("/no/such/font.sf2", "fluid-soundfont-gm"),
        Need("/no/such/other.sf2", "fluid-soundfont-gm"),
        Need("libno-such-library", "libfluidsynth3"),
        Need("sh", "dash"),
        Need("/bin", "base-files"),
    )
    monkeypatch.setattr(needs, "needs", lambda: lost)
    monkeypatch.setattr(needs, "LIBRARIES", (Library("no_such_module", "pyworld"),))
    with pytest.raises(DataError) as failure:
        write(tmp_path / "songs")
    text = str(failure.value)
    assert "  apt-get install flite fluid-soundfont-gm libfluidsynth3\n" in text
    assert "  pip install 'keras-munet[studio]'" in text
    for word in ("no-such-program", "/no/such/other.sf2", "no_such_module"):
        assert word in text
    assert "dash" not in text and "base-files" not in text
    out = run("synth", tmp_path / "songs", "--engine", "studio", "--tracks", 1)
    assert (out.code, out.out) == (1, "") and "apt-get install flite" in out.err
    assert list(tmp_path.iterdir()) == []
    from keras_munet.cli import doctor

    assert doctor._studio() == (
        "not installed: apt-get install flite fluid-soundfont-gm libfluidsynth3 && "
        "pip install 'keras-munet[studio]'"
    )


def test_only_what_is_missing_is_asked_for(monkeypatch):
    monkeypatch.setattr(needs, "needs", lambda: (Need("/no/such", "flite"),))
    monkeypatch.setattr(needs, "LIBRARIES", ())
    assert needs.advice() == (
        "  /no/such (Debian package flite)\nInstall it with:\n  apt-get install flite"
    )
    monkeypatch.setattr(needs, "needs", lambda: (Need("/no", "pico", "non-free"),))
    assert "  /no (Debian package pico, section non-free)\n" in str(needs.advice())
    monkeypatch.setattr(needs, "needs", lambda: ())
    assert needs.advice() is None
    needs.require_studio()


def test_every_debian_package_is_named_in_the_documentation():
    page = Path(__file__).parent.parent / "docs" / "data.md"
    text = page.read_text(encoding="utf-8")
    assert [name for name in needs.debian_packages() if name not in text] == []


@pytest.fixture(scope="module")
def real_songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio") / "songs"
    write(folder, 1, n_test_tracks=1, seconds=6, workers=1)
    return folder


@installed
def test_real_songs_are_whole(real_songs):
    folders = [*real_songs.glob("train/*"), *real_songs.glob("test/*")]
    assert len(folders) == 2
    for folder in folders:
        heard = read(folder)
        total = sum(heard[name].astype(int) for name in STEMS)
        assert np.array_equal(heard["mixture"], total)
        assert heard["mixture"].shape == (6 * 44100, 2)
        assert 1000 < np.abs(total).max() < 32768
        assert heard["other"].any() or heard["drums"].any() or heard["vocals"].any()


@installed
def test_two_processes_play_the_same_bits(real_songs, tmp_path):
    write(tmp_path / "songs", 1, n_test_tracks=1, seconds=6, workers=2)
    paths = sorted((tmp_path / "songs").glob("*/*/*.wav"))
    assert len(paths) == 10
    for path in paths:
        same = real_songs / path.relative_to(tmp_path / "songs")
        assert path.read_bytes() == same.read_bytes(), path.name


@installed
def test_command(run, real_songs, tmp_path):
    shutil.copytree(real_songs, tmp_path / "songs")
    arguments = ("--engine", "studio", "--tracks", 1, "--seconds", 6, "--seed", 3)
    out = run("synth", tmp_path / "songs", *arguments)
    assert (out.code, out.err) == (0, "")
    assert out.out.endswith("1 train and 0 test tracks, 0.1 minutes.\n")
    other = run("synth", tmp_path / "songs", *arguments[2:])
    assert other.code == 1 and "--engine studio" in other.err
