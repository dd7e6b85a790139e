"""Files of sound: whole or not there, with their tags, and honest about failures."""

import os
import subprocess
import sys
import textwrap

import av
import pytest
import soundfile
from separation_tools import music

from keras_munet.audio.tags import FRAMES, fitted
from keras_munet.audio.writer import FORMATS, AudioWriter
from keras_munet.errors import AudioError

RATE = 44100
TAGS = {
    "software": "somebody",
    "title": "Für Élise 愛 🎵",
    "artist": "Бах; Bach",
    "album": "Œuvre",
    "date": "1810-04-27",
    "tracknumber": "3/12",
    "genre": "Klassik, früh",
    "comment": "first line\nsecond “line”",
    "copyright": "© nobody",
}
AS_FFMPEG_SAYS = {"tracknumber": "track", "software": "encoder"}


def _write(path, tags, seconds=0.5, **options):
    with AudioWriter(path, RATE, 2, tags=tags, **options) as writer:
        writer.write(music(seconds, RATE))
    return writer


def _read_tags(path):
    """What FFmpeg finds: in lower case, of file and stream."""
    with av.open(str(path)) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) >= RATE // 2
        found = {**file.streams.audio[0].metadata, **file.metadata}
    return {name.lower(): text for name, text in found.items()}


@pytest.mark.parametrize("format", FORMATS)
def test_ffmpeg_reads_every_tag_as_it_was(tmp_path, format):
    path = tmp_path / f"a.{format}"
    _write(path, TAGS)
    found = _read_tags(path)
    for name, text in TAGS.items():
        if name == "software":  # libsndfile adds its own name to it
            assert found.get(name, found.get("encoder")).startswith(text)
        else:
            assert found[AS_FFMPEG_SAYS.get(name, name)] == text
    with soundfile.SoundFile(path) as file:
        assert file.title == TAGS["title"] and file.comment == TAGS["comment"]


def test_the_id3_tag_is_read_by_a_library_of_tags(tmp_path):
    id3 = pytest.importorskip("mutagen.id3")
    _write(tmp_path / "a.mp3", TAGS)
    found = id3.ID3(tmp_path / "a.mp3")
    assert found.version == (2, 4, 0)
    for name, frame in FRAMES.items():
        (text,) = found.getall(frame)
        assert str(text) == TAGS[name], frame


def test_an_mp3_without_tags_has_no_head(tmp_path):
    _write(tmp_path / "a.mp3", {})
    assert (tmp_path / "a.mp3").read_bytes()[:2] == b"\xff\xfb"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("n_bytes", [3_000, 60_000, 2_000_000])
def test_a_long_tag_never_costs_the_sound(tmp_path, format, n_bytes):
    path = tmp_path / f"a.{format}"
    tags = {"comment": "é" * (n_bytes // 2), "title": "Title"}
    writer = _write(path, tags)
    found = _read_tags(path)
    assert found["title"] == "Title"
    assert tags["comment"].startswith(found["comment"])
    assert len(found["comment"]) >= 1_000
    if found["comment"] != tags["comment"]:
        (warning,) = writer.warnings
        assert f"`comment` has {n_bytes} bytes, too many for {format}" in warning
    else:
        assert writer.warnings == []


def test_what_is_too_long_is_known_before_anything_is_written(tmp_path):
    writer = AudioWriter(tmp_path / "a.wav", RATE, 2, tags={"comment": "x" * 60_000})
    assert "`comment` has 60000 bytes" in writer.warnings[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "text", ["two\0values", "\udce9 not UTF-8", "", "\0", "\x01\x7f"]
)
def test_strange_tags_are_written_somehow(tmp_path, format, text):
    path = tmp_path / f"a.{format}"
    _write(path, {"artist": text, "title": "Title"})
    assert _read_tags(path)["title"] == "Title"


def test_values_are_joined_and_stray_bytes_replaced():
    tags, lost = fitted({"artist": "one\0two\0", "title": "a\udce9"}, "mp3")
    assert (tags, lost) == ({"artist": "one; two", "title": "a?"}, [])


@pytest.mark.parametrize("format", FORMATS)
def test_names_of_any_bytes(tmp_path, format):
    path = tmp_path / os.fsdecode(b"caf\xe9") / os.fsdecode(b"\xff." + format.encode())
    _write(path, TAGS)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


LIMITED = """
    import resource, sys
    import numpy as np
    from keras_munet.audio.writer import AudioWriter
    from keras_munet.errors import AudioError
    folder, format, in_body = sys.argv[1:]
    noise = np.random.default_rng(0).uniform(-1, 1, (3000, 2)).astype(np.float32)
    free = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in range(0, 16000, 800):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, free[1]))
        try:
            with AudioWriter(f"{folder}/a.{format}", 44100, 2) as writer:
                writer.write(noise)
                if in_body == "fails":
                    raise RuntimeError("the song is broken")
        except (AudioError, RuntimeError) as error:
            said = str(error)
        else:
            said = "written"
        resource.setrlimit(resource.RLIMIT_FSIZE, free)
        print(limit, said, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("in_body", ["fails", "goes on"])
def test_nothing_is_left_wherever_the_disk_becomes_full(tmp_path, format, in_body):
    """In the head, in the middle, while it is closed; after another error, too."""
    folder = tmp_path / "out"
    folder.mkdir()
    program = [sys.executable, "-c", textwrap.dedent(LIMITED)]
    done = subprocess.run(
        [*program, str(folder), format, in_body],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert "File too large. Check the disk's space" in said[0]
    assert said[-1].endswith("is broken" if in_body == "fails" else "written")
    left = [path.name for path in folder.iterdir()]
    assert left == ([] if in_body == "fails" else [f"a.{format}"])


@pytest.mark.parametrize(("format", "rate"), [("flac", 199_999), ("ogg", 300_000)])
def test_the_disk_is_not_blamed_for_what_it_did_not_do(tmp_path, format, rate):
    """These rates cannot be written, on any disk; for ogg, libsndfile crashed."""
    with (
        pytest.raises(AudioError, match=str(rate)) as caught,
        AudioWriter(tmp_path / f"a.{format}", rate, 2),
    ):
        raise AssertionError
    assert "disk's" not in str(caught.value) and "folder" not in str(caught.value)
    assert not list(tmp_path.iterdir())
