"""Every readable song is read whole: the ffmpeg program's decode is the judge."""

import struct
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import soundfile
from reading_tools import encode, hole, judge, lag, wav
from separation_tools import tiny_models

from keras_munet.audio.reading import AudioWriter, downmix, open_audio, read_audio
from keras_munet.audio.riff import is_endless
from keras_munet.audio.window import Window
from keras_munet.errors import AudioError

RATE = 48000
FRAME = 4096
"""Samples of the largest frame among the codecs here."""


def _song(seconds=4.0, n_channels=2, rate=RATE):
    """Quiet tones, then loud noise: what comes first does not tell the bit rate."""
    rng = np.random.default_rng(5)
    time = np.arange(round(seconds * rate))[:, None] / rate
    tones = 0.01 * np.sin(2 * np.pi * time * (300 + np.arange(n_channels)))
    noise = 0.2 * rng.standard_normal((len(time), n_channels))
    return np.where(time < seconds / 3, tones, noise).astype(np.float32)


SONG = _song()


def _vbr(song, **options):
    return encode(song, RATE, "mp3", "libmp3lame", bit_rate=192_000, **options)


def _wave64(song, n_declared):
    """An RF64 whose header counts `n_declared` bytes."""
    plain = wav(song, RATE)
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, n_declared + 72, n_declared, 0, 0)
    return (
        b"RF64" + b"\xff" * 4 + b"WAVE" + ds64 + plain[12:40] + b"\xff" * 4 + plain[44:]
    )


def _mp3():
    return _vbr(SONG, options={"write_xing": "0"})


def _adts(song=SONG):
    return encode(song, RATE, "adts", "aac", bit_rate=160_000)


def _silent(song):
    return np.concatenate([np.zeros((8 * RATE, 2), np.float32), song])


WHOLE = {
    "mp3 without Xing": lambda: (_mp3(), SONG),
    "mp3 from a pipe": lambda: (_vbr(SONG, pipe=True), SONG),
    "two mp3 joined": lambda: (_vbr(SONG) * 2, np.tile(SONG, (2, 1))),
    "mp3, tags behind": lambda: (_vbr(SONG) + b"TAG" + bytes(125), SONG),
    "mp3, silence first": lambda: (_vbr(_silent(SONG)), _silent(SONG)),
    "mp3, a large cover": lambda: (_covered(_vbr(SONG)), SONG),
    "mp3, zeros first": lambda: (bytes(70000) + _mp3(), SONG),
    "mp3, a Xing of a longer one": lambda: (_xing(_vbr(SONG), 3), SONG),
    "mp3, a Xing of a shorter one": lambda: (_xing(_vbr(SONG), 0.4), SONG),
    "mp3, a Xing of zeros": lambda: (_xing(_vbr(SONG), 0), SONG),
    "adts": lambda: (_adts(), SONG),
    "adts, silence first": lambda: (_adts(_silent(SONG)), _silent(SONG)),
    "adts, tags behind": lambda: (_adts() + b"TAG" + bytes(125), SONG),
    "mpegts": lambda: (encode(SONG, RATE, "mpegts", "aac"), SONG),
    "ac3": lambda: (encode(SONG, RATE, "ac3", "ac3"), SONG),
    "flac from a pipe": lambda: (_uncounted(encode(SONG, RATE, "flac", "flac")), SONG),
    "flac of a piped wav": lambda: (
        _uncounted(encode(SONG, RATE, "flac", "flac"), 0xFFFFFFFF // 4),
        SONG,
    ),
    "two flac joined": lambda: (
        encode(SONG, RATE, "flac", "flac") + encode(SONG[:RATE], RATE, "flac", "flac"),
        np.concatenate([SONG, SONG[:RATE]]),
    ),
    "flac, a total of a longer one": lambda: (
        _uncounted(encode(SONG, RATE, "flac", "flac"), 3 * len(SONG)),
        SONG,
    ),
    "flac, ID3v1 behind": lambda: (
        encode(SONG, RATE, "flac", "flac") + b"TAG" + bytes(125),
        SONG,
    ),
    "flac, ID3v2 before": lambda: (_covered(encode(SONG, RATE, "flac", "flac")), SONG),
    "wavpack, tags behind": lambda: (
        encode(SONG, RATE, "wv", "wavpack") + b"TAG" + bytes(125),
        SONG,
    ),
    "ogg, tags behind": lambda: (
        encode(SONG, RATE, "ogg", "libvorbis") + b"TAG" + bytes(125),
        SONG,
    ),
    "ogg, a cover before": lambda: (
        _covered(encode(SONG, RATE, "ogg", "libvorbis")),
        SONG,
    ),
    "wav, a cover before": lambda: (_covered(wav(SONG, RATE)), SONG),
    "m4a, zeros before": lambda: (
        bytes(70000) + encode(SONG, RATE, "mp4", "aac"),
        SONG,
    ),
    "live webm": lambda: (encode(SONG, RATE, "webm", "libopus", pipe=True), SONG),
    "live mkv": lambda: (encode(SONG, RATE, "matroska", "aac", pipe=True), SONG),
    "wav of size 0": lambda: (wav(SONG, RATE, size=0), SONG),
    "wav of size -1": lambda: (wav(SONG, RATE, size=0xFFFFFFFF), SONG),
    "wav from sox's pipe": lambda: (wav(SONG, RATE, size=0x7FFFF000), SONG),
    "wav of an odd size": lambda: (wav(SONG, RATE, size=SONG.size * 2 + 1), SONG),
    "rf64": lambda: (_wave64(SONG, SONG.size * 2), SONG),
    "rf64 of size 0": lambda: (_wave64(SONG, 0), SONG),
    "chained ogg": lambda: (
        encode(SONG, RATE, "ogg", "libvorbis") * 2,
        np.tile(SONG, (2, 1)),
    ),
    "chained opus": lambda: (
        encode(SONG, RATE, "ogg", "libopus") * 3,
        np.tile(SONG, (3, 1)),
    ),
}
"""What it is -> its bytes, and the sound it was made of."""


def _uncounted(data, n_samples=0):
    """Makes a flac count `n_samples`, as an encoder that writes to a pipe does."""
    place = (
        data.index(b"fLaC") + 8 + 13
    )  # 36 bits, of which 4 are the byte's lower ones
    first = data[place] & 0xF0 | n_samples >> 32
    rest = struct.pack(">I", n_samples & 0xFFFFFFFF)
    return data[:place] + bytes([first]) + rest + data[place + 5 :]


def _xing(data, factor):
    """Makes the Xing frame of an mp3 count `factor` as many frames and bytes."""
    place = max(data.find(b"Xing"), data.find(b"Info")) + 8
    counts = struct.unpack(">II", data[place : place + 8])
    wrong = struct.pack(">II", *(round(count * factor) for count in counts))
    return data[:place] + wrong + data[place + 8 :]


def _covered(data):
    """Puts an ID3v2 tag with 200 kB of a picture before the music."""
    body = b"APIC" + struct.pack(">IH", 200_000, 0) + bytes(200_000)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + size + body + data


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")

    def make(name):
        path, (data, sound) = folder / "song", WHOLE[name]()
        path.write_bytes(data)
        return path, sound

    return make


def _read(path, **options):
    with open_audio(path, **options) as reader:
        blocks = list(reader.blocks())
        empty = np.zeros((0, reader.n_channels), np.float32)
        return np.concatenate([empty, *blocks]), reader


@pytest.mark.parametrize("name", WHOLE)
def test_a_declared_length_is_never_the_truth(whole, name):
    path, sound = whole(name)
    audio, reader = _read(path)
    assert not reader.truncated and reader.warnings == []
    assert reader.sample_rate == RATE
    assert 0 <= len(audio) - len(sound) < FRAME
    if len(audio) == len(sound) and lag(audio, sound) == 0:
        return  # what was coded; older ffmpegs lose ends of links and of joined files
    expected, rate = judge(path) or (sound, RATE)
    assert rate == RATE and audio.shape[1] == expected.shape[1]
    assert abs(len(audio) - len(expected)) <= FRAME
    assert 0 in (lag(audio, expected), lag(audio, sound))


@pytest.mark.parametrize("name", ["mp3 without Xing", "wav of size 0", "chained ogg"])
def test_a_start_beyond_the_false_end(whole, name):
    path, _ = whole(name)
    audio, _ = _read(path)
    part, reader = _read(path, start_s=3.7, duration_s=0.2)
    first = round(3.7 * RATE)
    np.testing.assert_array_equal(part, audio[first : first + RATE // 5])
    assert not reader.truncated
    with pytest.raises(AudioError, match=r"ends at \d+\.\d+ s.*earlier start"):
        open_audio(path, start_s=60)


def test_a_wav_that_outgrew_its_header(tmp_path):
    """More than 4 GiB: the size ran over. The file has a hole that takes no disk."""
    path, sound = tmp_path / "long.wav", wav(SONG, RATE)[44:]
    path.write_bytes(wav(SONG, RATE))
    with Window.open(path) as file:
        assert not is_endless(file)
    with path.open("r+b") as file:
        file.seek(2**32 + 44)
        file.write(sound)
    with Window.open(path) as file:
        assert is_endless(file)


CUT = {
    "wav": lambda: wav(SONG, RATE),
    "rf64": lambda: _wave64(SONG, SONG.size * 2),
    "aiff": lambda: encode(SONG, RATE, "aiff", "pcm_s16be"),
    "caf": lambda: encode(SONG, RATE, "caf", "pcm_s16le"),
    "w64": lambda: encode(SONG, RATE, "w64", "pcm_s16le"),
    "au": lambda: encode(SONG, RATE, "au", "pcm_s16be"),
    "flac": lambda: encode(SONG, RATE, "flac", "flac"),
    "mp3": lambda: _vbr(SONG),
    "ogg": lambda: encode(SONG, RATE, "ogg", "libvorbis"),
    "opus": lambda: encode(SONG, RATE, "ogg", "libopus"),
    "ogg flac": lambda: encode(SONG, RATE, "ogg", "flac"),
    "chained ogg": lambda: encode(SONG, RATE, "ogg", "libvorbis") * 2,
    "webm": lambda: encode(SONG, RATE, "webm", "libopus"),
    "live webm": lambda: encode(SONG, RATE, "webm", "libopus", pipe=True),
    "mkv": lambda: encode(SONG, RATE, "matroska", "aac"),
    "m4a": lambda: encode(SONG, RATE, "mp4", "aac", options={"movflags": "+faststart"}),
    "m4a in pieces": lambda: encode(
        SONG,
        RATE,
        "mp4",
        "aac",
        options={"movflags": "+frag_keyframe+empty_moov+default_base_moof"},
    ),
    "wma": lambda: encode(SONG, RATE, "asf", "wmav2", bit_rate=128_000),
    "tta": lambda: encode(SONG, RATE, "tta", "tta"),
    "wavpack": lambda: encode(SONG, RATE, "wv", "wavpack"),
    "avi": lambda: encode(SONG, RATE, "avi", "libmp3lame"),
}
"""Containers that can prove that they break off -> a complete file."""


@pytest.mark.parametrize("name", CUT)
def test_what_breaks_off_is_proven(tmp_path, name):
    data, path = CUT[name](), tmp_path / "song"
    path.write_bytes(data)
    audio, reader = _read(path)
    assert not reader.truncated and reader.warnings == []
    for share in (0.4, 0.7, 0.9):
        path.write_bytes(data[: round(len(data) * share)])
        part, reader = _read(path)
        assert reader.truncated, share
        assert "breaks off after" in reader.warnings[0]
        assert 0.25 * share < len(part) / len(audio) < 1
        with pytest.raises(AudioError, match="complete copy"):
            read_audio(path)


@pytest.mark.parametrize("name", ["mp3", "adts", "mpegts", "flac", "wav"])
def test_what_cannot_be_proven_is_not_said(tmp_path, name):
    """Streams that count nothing may end anywhere."""
    data = {
        "mp3": _mp3,
        "adts": _adts,
        "mpegts": lambda: encode(SONG, RATE, "mpegts", "aac"),
        "flac": lambda: _uncounted(encode(SONG, RATE, "flac", "flac")),
        "wav": lambda: wav(SONG, RATE, size=0xFFFFFFFF),
    }[name]()
    path = tmp_path / "song"
    path.write_bytes(data[: len(data) // 2])
    audio, reader = _read(path)
    assert not reader.truncated and len(audio) > RATE
    assert not any("breaks off" in warning for warning in reader.warnings)


HOLES = {
    "m4a": lambda: encode(SONG, RATE, "mp4", "aac", bit_rate=128_000),
    "adts": _adts,
    "mp3": lambda: _vbr(SONG),
    "mkv": lambda: encode(SONG, RATE, "matroska", "aac"),
    "flac": lambda: encode(SONG, RATE, "flac", "flac"),
    "ogg": lambda: encode(SONG, RATE, "ogg", "libvorbis"),
    "opus": lambda: encode(SONG, RATE, "ogg", "libopus"),
}


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_costs_no_more_than_itself(tmp_path, name):
    path = tmp_path / "song"
    path.write_bytes(hole(HOLES[name](), 0.6, 50))
    audio, reader = _read(path)
    expected, _ = judge(path)
    assert not reader.truncated
    assert abs(len(audio) - len(expected)) <= FRAME
    assert len(audio) > 0.7 * len(SONG)
    np.testing.assert_allclose(audio[-RATE // 2 :], expected[-RATE // 2 :], atol=1e-3)
    n_lost = len(SONG) - len(audio)
    if n_lost > FRAME:
        (warning,) = reader.warnings
        assert "is damaged: about" in warning and "left out" in warning
        told = float(warning.split("about ")[1].split(" s")[0])
        assert told == pytest.approx(n_lost / RATE, abs=0.1)
        with pytest.raises(AudioError, match="complete copy"):
            read_audio(path)


def test_many_holes_are_one_warning(tmp_path):
    data = HOLES["m4a"]()
    for seed, at in enumerate((0.4, 0.5, 0.6, 0.7)):
        data = hole(data, at, 80, seed)
    (tmp_path / "song").write_bytes(data)
    _, reader = _read(tmp_path / "song")
    (warning,) = reader.warnings
    assert "places, the first at" in warning


def test_links_of_another_rate_are_given_the_first_ones(tmp_path):
    links = [
        encode(SONG, RATE, "ogg", "libvorbis"),
        encode(_song(3, 1, 32000), 32000, "ogg", "libvorbis"),
        encode(SONG, RATE, "ogg", "libvorbis"),
    ]
    path = tmp_path / "radio.ogg"
    path.write_bytes(b"".join(links))
    audio, reader = _read(path)
    assert (reader.sample_rate, reader.n_channels) == (RATE, 2)
    assert not reader.truncated and reader.warnings == []
    assert abs(len(audio) - len(SONG) * 2 - 3 * RATE) < 64
    assert lag(audio[: len(SONG)], SONG) == 0
    assert lag(audio[-len(SONG) :], SONG) == 0
    middle = audio[len(SONG) : -len(SONG)]
    assert np.corrcoef(middle.T)[0, 1] > 0.999


def _tones(n_channels, rate=RATE):
    """A tone of its own for each channel, low enough for an LFE."""
    time = np.arange(2 * rate)[:, None] / rate
    tones = np.sin(2 * np.pi * time * (20 + 15 * np.arange(n_channels)))
    return (0.3 * tones).astype(np.float32)


def _order(audio):
    spectra = np.abs(np.fft.rfft(audio[: 2 * RATE], axis=0))
    return [round((peak / 2 - 20) / 15) for peak in np.argmax(spectra, axis=0)]


@pytest.mark.parametrize("n_channels", [3, 4, 5, 6, 8])
@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("ogg", "libopus"),
        ("webm", "libopus"),
        ("flac", "flac"),
        ("mp4", "aac"),
        ("matroska", "ac3"),
    ],
)
def test_channels_come_in_the_order_of_a_wav(tmp_path, n_channels, container, codec):
    if codec == "ac3" and n_channels == 8:
        pytest.skip("ac3 holds 6 channels")
    if codec == "libopus" and n_channels < 5:
        pytest.skip("FFmpeg's encoder mixes fewer channels down")
    path, tones = tmp_path / "song", _tones(n_channels)
    path.write_bytes(encode(tones, RATE, container, codec, bit_rate=512_000))
    audio, _ = read_audio(path)
    assert _order(audio) == list(range(n_channels))
    n = RATE
    mixed, expected = downmix(audio)[:n], downmix(tones)[:n]
    assert np.corrcoef(mixed, expected)[0, 1] > 0.99


@pytest.mark.parametrize("n_channels", range(1, 9))
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_channels_are_written_in_the_order_of_the_format(tmp_path, n_channels, suffix):
    path = tmp_path / f"song.{suffix}"
    with AudioWriter(path, RATE, n_channels) as writer:
        writer.write(_tones(n_channels))
    for audio in (read_audio(path)[0], judge(path)[0]):
        assert _order(audio) == list(range(n_channels))


def test_an_order_of_its_own_does_not_crash(tmp_path):
    """PyAV frees such a layout twice; a second process takes the blow."""
    tones = _tones(6)
    data = bytearray(encode(tones, RATE, "caf", "pcm_s16le"))
    tag = data.index(b"chan") + 12
    data[tag : tag + 8] = struct.pack(">II", 0x7C0006, 0)  # C L R Ls Rs LFE
    path = tmp_path / "song.caf"
    path.write_bytes(data)
    program = f"""
        from keras_munet.audio.reading import count_streams, read_audio
        assert count_streams({str(path)!r}) == 1
        audio, _ = read_audio({str(path)!r})
        audio.tofile({str(tmp_path / "out")!r})
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    subprocess.run(command, check=True)
    audio = np.fromfile(tmp_path / "out", np.float32).reshape(-1, 6)
    assert _order(audio) == [1, 2, 0, 5, 3, 4]


@pytest.mark.parametrize(
    ("format", "subtype"), [("WAV", "GSM610"), ("AIFF", "GSM610"), ("AU", "G721_32")]
)
def test_formats_that_cannot_seek(tmp_path, format, subtype):
    song, path = _song(3, 1, 8000), tmp_path / "song"
    soundfile.write(path, song, 8000, format=format, subtype=subtype)
    audio, reader = _read(path)
    assert 0 <= len(audio) - len(song) < 640 and not reader.truncated
    part, _ = _read(path, start_s=2.0)
    np.testing.assert_array_equal(part, audio[16000:])


@pytest.mark.parametrize("format", ["PAF", "MAT5", "PVF", "SDS"])
def test_formats_that_only_libsndfile_knows(tmp_path, format):
    song, path = _song(1, 1), tmp_path / "song"
    soundfile.write(path, song, RATE, format=format, subtype="PCM_16")
    audio, _ = _read(path)
    np.testing.assert_allclose(audio[: len(song)], song, atol=1e-3)
    part, _ = _read(path, start_s=0.5)
    np.testing.assert_array_equal(part, audio[RATE // 2 :])


def test_the_default_track_of_a_film(tmp_path):
    path = tmp_path / "film.mkv"
    tones = _tones(3)
    tracks = [tones[:, [0]], tones[:, [1]], tones[:, [2, 2]]]
    path.write_bytes(encode(tracks, RATE, "matroska", "flac"))
    audio, reader = _read(path)
    assert _order(audio) == [1]
    (word,) = reader.warnings
    assert "has 3 audio tracks" in word and "Track 2 was taken" in word
    for number in range(3):
        audio, reader = _read(path, stream=number)
        assert _order(audio)[0] == number and reader.warnings == []
    with pytest.raises(AudioError, match=r"3 audio stream.*number 4 was asked"):
        open_audio(path, stream=3)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:1,\nfile:{path}\n",
        "ffconcat version 1.0\nfile '{path}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_opens_no_other_file(tmp_path, text):
    target = tmp_path / "target.wav"
    target.write_bytes(wav(SONG, RATE))
    path = tmp_path / "song.m3u8"
    path.write_text(text.format(path=target))
    with pytest.raises(AudioError, match="no audio"):
        open_audio(path)


def test_a_name_that_is_no_text(tmp_path):
    path = tmp_path / "caf\udce9.wav"
    path.write_bytes(wav(SONG, RATE))
    audio, _ = read_audio(path)
    assert audio.shape == SONG.shape


def test_the_track_is_chosen_on_the_command_line(run, tmp_path):
    path, tones = tmp_path / "film.mkv", _tones(3)
    tracks = [tones[:, [channel]] for channel in range(3)]
    path.write_bytes(encode(tracks, RATE, "matroska", "flac"))
    model = ("--model", tiny_models().tflite, "--quiet")
    for options, channel in (((), 1), (("--track", 1), 0), (("--track", 3), 2)):
        out = tmp_path / str(channel)
        code, _, err = run("separate", path, *model, "--out", out, *options)
        assert code == 0, err
        assert ("3 audio tracks" in err) is not bool(options)
        total = sum(read_audio(file)[0] for file in out.rglob("*.wav"))
        np.testing.assert_allclose(total, tones[:, [channel]], atol=1e-3)
    code, _, err = run("separate", path, *model, "--out", tmp_path, "--track", 4)
    assert code == 1 and "3 audio stream" in err
