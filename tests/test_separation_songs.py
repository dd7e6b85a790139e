"""What is a song in a folder, and what stems are called."""

import os
from pathlib import Path

import pytest
import soundfile
from separation_tools import Ones, music

from keras_munet.audio.wav_pipe import WavPipe
from keras_munet.audio.writer import FORMATS
from keras_munet.errors import AudioError
from keras_munet.separation.files import Output
from keras_munet.separation.separator import Separator
from keras_munet.separation.songs import PIPE, find_songs, song_name


def _song(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, music(0.3, 8000), 8000)
    return path


def _find(files, out, output=None):
    output, stems = output or Output(), ("vocals", "accompaniment")
    paths = lambda name: [output.path(out, name, stem) for stem in stems]  # noqa: E731
    return find_songs(files, out, paths)


def _names(found):
    return [song.name for song in found.songs]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("template", ["{name}/{stem}.{ext}", "{stem} of {name}.{ext}"])
def test_stems_are_known_again_wherever_they_lie(tmp_path, format, template):
    folder = tmp_path / "music"
    separator = Separator(Ones())
    for name in ("one.wav", "b/two.flac"):
        song = _song(folder / name)
        separator.separate_file(
            song, folder / "x/y", output=Output(format=format, template=template)
        )
    for number, stem in enumerate(folder.glob("x/y/**/*.*")):
        stem.rename(folder / f"moved {number}.{format}")  # another name and place
    found = _find([folder], tmp_path / "out")
    assert (_names(found), found.n_stems, found.empty) == (["b/two", "one"], 4, [])


def test_a_stem_from_a_pipe_is_known_again(tmp_path):
    with (tmp_path / "vocals.wav").open("wb") as file:
        pipe = WavPipe(file, 8000, 2)
        pipe.write(music(0.3, 8000))
        pipe.finish()
    found = _find([tmp_path], tmp_path / "out")
    assert found.songs == [] and found.n_stems == 1
    assert "holds stems of earlier runs (1) and no songs" in found.empty[0]


def test_stems_without_a_mark_are_known_by_their_place(tmp_path, monkeypatch):
    """As they were written before there was a mark."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "separated/a/vocals.wav", "separated/b/drums.wav"):
        _song(tmp_path / name)
    assert _names(_find([Path()], Path("separated"))) == ["a"]
    for name in ("a/vocals.wav", "a/accompaniment.wav", "a/live.wav"):
        _song(tmp_path / name)
    found = _find([Path()], Path())
    assert _names(found) == ["a/live", "a", "separated/a/vocals", "separated/b/drums"]


def test_a_link_to_the_folder_is_the_folder(tmp_path):
    _song(tmp_path / "music/a.wav")
    _song(tmp_path / "music/out/a/vocals.wav")
    (tmp_path / "link").symlink_to(tmp_path / "music")
    assert _names(_find([tmp_path / "link"], tmp_path / "music/out")) == ["a"]


def test_what_is_named_is_always_taken(tmp_path):
    song = _song(tmp_path / "out/vocals.wav")
    found = _find([song, PIPE, tmp_path / "missing.wav"], tmp_path / "out")
    assert _names(found) == ["vocals", "stdin", "missing"]


def test_nothing_hidden_is_a_song(tmp_path):
    for name in (".a.wav", ".trash/b.wav", ".01234567.part/.0.part.wav", "c.wav"):
        _song(tmp_path / name)
    assert _names(_find([tmp_path], tmp_path / "out")) == ["c"]


def test_a_folder_without_songs_is_named_and_the_next_has_its_turn(tmp_path):
    (tmp_path / "a").mkdir()
    song = _song(tmp_path / "b/song.wav")
    found = _find([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert found.empty == [f"{tmp_path / 'a'} holds no audio files."]
    assert [s.path for s in found.songs] == [song]


@pytest.mark.parametrize(
    "name", ["...wav", "..wav", "....flac", ".wav", "a...wav", "x", "..x.wav", " .wav"]
)
def test_stems_stay_inside_the_folder(tmp_path, name):
    song = tmp_path / "in" / name
    _song(song.with_name("a.wav")).rename(song)
    out = tmp_path / "out"
    result = Separator(Ones()).separate_file(song, out)
    for file in result.files:
        assert file.resolve().parent.parent == out
    assert len(list(tmp_path.rglob("*"))) == 2 + 4
    if song.suffix == ".wav":
        found = _find([song.parent], out)
        assert _names(found) in ([song_name(song)], [])  # `.wav` is hidden


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a", ".."])
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(AudioError, match="leads out of"):
        Output().path(tmp_path, name, "vocals")


@pytest.mark.parametrize("template", ["../{stem}", "/x/{stem}", "{name}/../../{stem}"])
def test_a_template_that_leads_out_is_refused(template):
    with pytest.raises(ValueError, match="`template` must stay inside"):
        Output(template=template)


def test_names_are_bytes(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    _song(tmp_path / "a.wav").rename(tmp_path / f"{name}.wav")
    (tmp_path / name).mkdir()
    _song(tmp_path / "b.wav").rename(tmp_path / name / "b.wav")
    found = _find([tmp_path], tmp_path / "out")
    assert _names(found) == [f"{name}/b", name]
    for song in found.songs:
        output = Output(name=song.name, plot=True)
        Separator(Ones()).separate_file(song.path, tmp_path / "out", output=output)
        assert (tmp_path / "out" / song.name / "vocals.wav").is_file()


@pytest.mark.parametrize("length", [230, 251])
@pytest.mark.parametrize("template", ["{name}/{stem}.{ext}", "{stem}/{name}.{ext}"])
def test_every_name_that_fits_can_be_written(tmp_path, length, template):
    song = _song(tmp_path / "in" / f"{'n' * length}.wav")
    output = Output(template=template, plot=True)
    result = Separator(Ones()).separate_file(song, tmp_path / "out", output=output)
    assert len(result.files) == 3 and all(file.is_file() for file in result.files)


def test_a_name_that_does_not_fit_is_known_before_the_song_is_computed(tmp_path):
    song = _song(tmp_path / f"{'n' * 251}.wav")
    output = Output(template="{name} ({stem}).{ext}")
    with pytest.raises(AudioError, match=r"File name too long\. Choose shorter names"):
        Separator(Ones()).separate_file(
            song, tmp_path / "out", output=output, progress=_never
        )
    assert not (tmp_path / "out").exists()


def _never(done, total):
    raise AssertionError("the song was computed")


@pytest.mark.parametrize(
    "stem", ["vocals.wav", "accompaniment.wav", "spectrograms.png"]
)
def test_a_final_name_that_is_a_folder_is_known_before(tmp_path, stem):
    song = _song(tmp_path / "song.wav")
    (tmp_path / "out/song" / stem).mkdir(parents=True)
    output = Output(overwrite=True, plot=True)
    with pytest.raises(AudioError, match="is a folder"):
        Separator(Ones()).separate_file(
            song, tmp_path / "out", output=output, progress=_never
        )
    assert len(list((tmp_path / "out").rglob("*"))) == 2


@pytest.mark.parametrize("stem", ["vocals.wav", "accompaniment.wav"])
def test_a_final_name_that_becomes_a_folder_costs_the_whole_set(tmp_path, stem):
    song = _song(tmp_path / "song.wav")
    separator, output = Separator(Ones()), Output(overwrite=True)
    old = separator.separate_file(song, tmp_path / "out").files
    other = next(path for path in old if path.name != stem)
    before = other.read_bytes()

    def disturb(done, total):
        path = tmp_path / "out/song" / stem
        if path.is_file():
            path.unlink()
            path.mkdir()

    with pytest.raises(OSError, match="Is a directory"):
        separator.separate_file(
            song, tmp_path / "out", output=output, progress=disturb, duration_s=0.1
        )
    assert other.read_bytes() == before and (tmp_path / "out/song" / stem).is_dir()
    assert len(list((tmp_path / "out").rglob("*"))) == 3
