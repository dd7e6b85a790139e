import io
import itertools
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import soundfile
from audio_tools import KINDS, cut_in_half, write_aac, write_kind
from separation_tools import music

from keras_munet.audio.reading import (
    AudioWriter,
    Resampler,
    count_streams,
    downmix,
    open_audio,
    read_audio,
    resample,
)
from keras_munet.audio.wav_pipe import WavPipe
from keras_munet.audio.writer import quantize
from keras_munet.errors import AudioError

RATE = 48000  # opus knows this rate
LOSSY = ("a.ogg", "a.opus", "a.mp3", "a.m4a", "fast.m4a", "film.mp4")


@pytest.fixture(scope="module")
def song():
    return music(2.3, RATE)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory, song):
    folder = tmp_path_factory.mktemp("kinds")
    return {name: write_kind(folder, name, song, RATE) for name in KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_read_under_any_name(kinds, song, tmp_path, name):
    disguised = tmp_path / "song.xyz"
    disguised.write_bytes(kinds[name].read_bytes())
    audio, rate = read_audio(disguised)
    assert rate == RATE and audio.dtype == np.float32 and audio.shape[1] == 2
    if name in LOSSY:
        assert abs(len(audio) - len(song)) < 4096
        n = min(len(audio), len(song))
        assert np.corrcoef(audio[:n, 0], song[:n, 0])[0, 1] > 0.9
    else:
        assert audio.shape == song.shape
        bits = {"8 bit.wav": 8}.get(name, 16)
        np.testing.assert_allclose(audio, song, atol=1.01 / 2 ** (bits - 1))


@pytest.mark.parametrize("name", ["16 bit.wav", "a.mp3", "a.m4a"])
def test_blocks_of_any_size_join_to_the_same(kinds, name):
    def read(size):
        with open_audio(kinds[name]) as reader:
            blocks = list(reader.blocks(size))
        assert {len(block) for block in blocks[:-1]} <= {size}
        return np.concatenate(blocks)

    np.testing.assert_array_equal(read(1000), read(50000))


@pytest.mark.parametrize("name", ["24 bit.wav", "a.flac", "a.mp3", "a.m4a"])
def test_start_and_duration_cut_the_whole(kinds, name):
    whole, _ = read_audio(kinds[name])
    with open_audio(kinds[name], start_s=0.5, duration_s=0.25) as reader:
        assert reader.n_samples == RATE // 4
        part = np.concatenate(list(reader.blocks()))
    expected = whole[RATE // 2 : RATE // 2 + RATE // 4]
    assert part.shape == expected.shape
    np.testing.assert_allclose(part, expected, atol=2e-2 if name == "a.mp3" else 1e-6)


def test_duration_past_the_end_reads_to_the_end(kinds, song):
    with open_audio(kinds["a.flac"], start_s=2.0, duration_s=60) as reader:
        n_read = sum(len(block) for block in reader.blocks())
        assert n_read == reader.n_samples == len(song) - 2 * RATE


@pytest.mark.parametrize("name", ["a.flac", "a.m4a"])
def test_start_past_the_end(kinds, name):
    with pytest.raises(AudioError, match=r"ends at 2\.\d+ s.*earlier start"):
        open_audio(kinds[name], start_s=9)


def test_a_file_object_is_read_like_a_path(kinds):
    for name in ("a.flac", "a.m4a"):
        expected, _ = read_audio(kinds[name])
        audio, _ = read_audio(io.BytesIO(kinds[name].read_bytes()))
        np.testing.assert_array_equal(audio, expected)


def test_streams_are_counted_and_chosen(kinds):
    assert count_streams(kinds["film.mp4"]) == 1
    with pytest.raises(AudioError, match="1 audio stream"):
        open_audio(kinds["a.m4a"], stream=1)


@pytest.mark.parametrize("name", ["16 bit.wav", "a.mp3", "a.flac", "fast.m4a"])
def test_a_file_that_breaks_off_gives_what_is_readable(kinds, tmp_path, name):
    path = cut_in_half(kinds[name], tmp_path / "cut")
    whole, _ = read_audio(kinds[name])
    with open_audio(path) as reader:
        audio = np.concatenate(list(reader.blocks()))
        assert reader.truncated
        (warning,) = reader.warnings
    assert str(path) in warning and "breaks off after" in warning
    assert 0.4 < len(audio) / len(whole) < 0.6
    n = len(audio) - 2000  # an mp3's last frames lean on what is missing
    np.testing.assert_allclose(audio[:n], whole[:n], atol=1e-4)
    with pytest.raises(AudioError, match="complete copy"):
        read_audio(path)


def test_an_m4a_without_its_index_is_refused(kinds, tmp_path):
    path = cut_in_half(kinds["a.m4a"], tmp_path / "cut.m4a")
    with pytest.raises(AudioError, match=r"cut\.m4a .*damaged"):
        open_audio(path)


def _empty(path):
    path.touch()


def _text(path):
    path.write_text("This is no music.\n" * 500)


def _noise(path):
    path.write_bytes(np.random.default_rng(0).bytes(30000))


def _folder(path):
    path.mkdir()


def _pipe(path):
    os.mkfifo(path)


def _channelless(path):
    soundfile.write(path, np.zeros((100, 1)), 8000, format="WAV")
    data = bytearray(path.read_bytes())
    data[22] = 0
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (_empty, r"is empty \(0 bytes\)"),
        (_text, "no audio file that can be read"),
        (_noise, "no audio file that can be read"),
        (_folder, "is a folder"),
        (_pipe, "no regular file"),
        (_channelless, "no audio"),
    ],
)
def test_what_is_no_audio_is_named(tmp_path, make, message):
    path = tmp_path / "song.mp3"
    make(path)
    n_open = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self") else 0  # noqa: PTH112, PTH208
    with pytest.raises(AudioError, match=message) as caught:
        open_audio(path)
    assert str(path) in str(caught.value)
    if n_open:
        assert len(os.listdir("/proc/self/fd")) == n_open  # noqa: PTH208


def test_samples_that_are_no_numbers(tmp_path):
    audio = np.zeros((8000, 1), np.float32)
    audio[4000] = np.nan
    path = tmp_path / "nan.wav"
    soundfile.write(path, audio, 8000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"nan\.wav holds NaN.*0\.500 s"):
        read_audio(path)


@pytest.mark.parametrize(("bits", "scale"), [(16, 32768), (24, 8388608)])
def test_quantizing_undoes_reading(bits, scale):
    integers = np.array([-scale, -scale + 1, -1, 0, 1, scale - 1], np.int32)
    audio = (integers / scale).astype(np.float32)
    np.testing.assert_array_equal(quantize(audio, bits), integers)
    beyond = quantize(np.array([-2.0, 2.0], np.float32), bits)
    np.testing.assert_array_equal(beyond, [-scale, scale - 1])


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("bit_depth", [16, 24, None])
def test_what_is_written_is_what_is_read(tmp_path, song, suffix, bit_depth):
    path = tmp_path / f"out.{suffix}"
    if (suffix, bit_depth) == ("flac", None):
        with pytest.raises(AudioError, match="flac holds no float"):
            AudioWriter(path, RATE, 2, bit_depth=bit_depth)
        return
    with AudioWriter(path, RATE, 2, bit_depth=bit_depth) as writer:
        writer.write(song[:1000])
        writer.write(song[1000:])
        assert not path.exists()
    audio, rate = read_audio(path)
    assert rate == RATE
    if bit_depth is None:
        np.testing.assert_array_equal(audio, song)
    else:
        np.testing.assert_array_equal(
            quantize(audio, bit_depth), quantize(song, bit_depth)
        )


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_tags_are_written_and_read(tmp_path, song, suffix):
    path = tmp_path / f"out.{suffix}"
    tags = {"title": "Élan", "artist": "Nobody", "tracknumber": "3", "date": "1999"}
    with AudioWriter(path, RATE, 2, tags=tags) as writer:
        writer.write(song)
    with open_audio(path) as reader:
        assert {tag: reader.tags[tag] for tag in tags} == tags


def test_tags_of_an_m4a(kinds):
    with open_audio(kinds["a.m4a"]) as reader:
        assert reader.tags["title"] == "A title"


@pytest.mark.parametrize(
    ("name", "rate", "n_channels", "message"),
    [
        ("a.mp3", 96000, 2, "mp3 holds 1 or 2 channels at 8000 to 48000 Hz"),
        ("a.mp3", 44100, 6, "Received: 6 channels"),
        ("a.flac", 44100, 9, "at most 8 channels"),
        ("a.aac", 44100, 2, "can be written as wav, flac, mp3, ogg"),
    ],
)
def test_a_format_that_cannot_hold_it(tmp_path, name, rate, n_channels, message):
    with pytest.raises(AudioError, match=message):
        AudioWriter(tmp_path / name, rate, n_channels)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path, song, error):
    with pytest.raises(error), AudioWriter(tmp_path / "a.wav", RATE, 2) as writer:
        writer.write(song)
        raise error
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_disk_that_is_full_in_the_middle(tmp_path, suffix):
    program = f"""
        import resource, numpy as np
        from keras_munet.audio.reading import AudioWriter
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        noise = np.random.default_rng(0).uniform(-1, 1, (200_000, 2))
        with AudioWriter("{tmp_path}/a.{suffix}", 44100, 2) as writer:
            for _ in range(3):
                writer.write(noise.astype(np.float32))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"a.{suffix} cannot be written after" in done.stderr
    assert "Check the disk's space" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError), AudioWriter(tmp_path / "file" / "a.wav", RATE, 1):
        pass


@pytest.mark.parametrize("bit_depth", [16, 24, None])
def test_a_wav_from_a_pipe_is_complete(song, bit_depth):
    stream = io.BytesIO()
    pipe = WavPipe(stream, RATE, 2, bit_depth=bit_depth)
    pipe.write(song)
    pipe.finish()
    stream.seek(0)
    audio, rate = read_audio(stream)
    assert rate == RATE
    np.testing.assert_allclose(audio, song, atol=2.0 ** -(bit_depth or 30))


@pytest.mark.parametrize("rates", [(44100, 10880), (8000, 10880), (10880, 10880)])
def test_resampling_does_not_depend_on_blocks(rates):
    audio = music(1.7, rates[0])
    whole = resample(audio, *rates)
    assert len(whole) == round(len(audio) * rates[1] / rates[0])
    resampler = Resampler(*rates, 2)
    ends = np.cumsum([0, 1, 7, 4096, 13, 20000, len(audio)])
    blocks = [audio[a:b] for a, b in itertools.pairwise(ends)]
    parts = [*(resampler.push(block) for block in blocks), resampler.flush()]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_resampled_tone_keeps_its_place_in_time():
    time = np.arange(44100)[:, None] / 44100
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    expected = np.sin(2 * np.pi * 440 * np.arange(10880) / 10880)
    middle = slice(500, -500)  # the filter rings at the ends
    resampled = resample(tone, 44100, 10880)[:, 0]
    np.testing.assert_allclose(resampled[middle], expected[middle], atol=1e-4)


@pytest.mark.parametrize("rate", [10_880, 22_050, 48_000])
def test_resampling_keeps_what_fits_and_nothing_else(rate):
    """Below 0.91 of the lower Nyquist frequency to 0.01 dB, above it 100 dB down."""
    time = np.arange(44_100) / 44_100
    limit = min(rate, 44_100) / 2

    def level_db(hertz):
        tone = np.sin(2 * np.pi * hertz * time)[:, None].astype(np.float32)
        middle = resample(tone, 44_100, rate)[rate // 4 : 3 * rate // 4, 0]
        return 10 * np.log10(2 * np.mean(middle.astype(float) ** 2) + 1e-20)

    for share in (0.05, 0.5, 0.9):
        assert abs(level_db(share * limit)) < 0.01
    if rate < 44_100:
        for share in (1.1, 1.5, 1.9):
            assert level_db(share * limit) < -100


def test_the_downmix_does_not_know_left_from_right(song):
    np.testing.assert_array_equal(downmix(song), downmix(song[:, ::-1]))
    np.testing.assert_array_equal(downmix(song[:, :1]), song[:, 0])


def test_write_aac_is_whole(tmp_path, song):
    write_aac(tmp_path / "mono.m4a", song[:, :1], RATE)
    assert read_audio(tmp_path / "mono.m4a")[0].shape[1] == 1
