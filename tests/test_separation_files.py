import itertools
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_tools import cut_in_half
from separation_tools import Constant, Ones, Random, music

from keras_munet.audio.reading import AudioWriter, open_audio, read_audio
from keras_munet.audio.writer import quantize
from keras_munet.config import FOUR_SOURCES
from keras_munet.errors import AudioError
from keras_munet.separation.files import Output
from keras_munet.separation.recipe import complete_quantized, make_recipe
from keras_munet.separation.separator import Separator


def _integers(path, bits):
    audio, _ = read_audio(path)
    return quantize(audio, bits)


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, music(7.03, 44100), 44100, subtype="PCM_24")
    return path


@pytest.mark.parametrize(
    ("format", "bits"), [("wav", 16), ("wav", 24), ("flac", 16), ("flac", 24)]
)
def test_two_stems_null_against_the_song_to_the_last_bit(tmp_path, song, format, bits):
    separator = Separator(Random(FOUR_SOURCES), two_stems="vocals")
    output = Output(format=format, bit_depth=bits)
    result = separator.separate_file(song, tmp_path / "out", output=output)
    assert [file.name for file in result.files] == [
        f"vocals.{format}",
        f"accompaniment.{format}",
    ]
    stems = [_integers(file, bits) for file in result.files]
    np.testing.assert_array_equal(sum(stems), _integers(song, bits))
    assert all(np.abs(stem).max() > 100 for stem in stems)


@pytest.mark.parametrize("bits", [16, 24])
def test_four_stems_sum_to_the_song_to_the_last_bit(tmp_path, song, bits):
    result = Separator(Random(FOUR_SOURCES)).separate_file(
        song, tmp_path, output=Output(bit_depth=bits)
    )
    total = sum(_integers(file, bits) for file in result.files)
    np.testing.assert_array_equal(total, _integers(song, bits))


def test_float_stems_sum_to_the_song(tmp_path, song):
    result = Separator(Random()).separate_file(
        song, tmp_path, output=Output(bit_depth=None)
    )
    total = sum(read_audio(file)[0] for file in result.files)
    np.testing.assert_allclose(total, read_audio(song)[0], atol=1e-6)
    assert soundfile.info(str(result.files[0])).subtype == "FLOAT"


@pytest.mark.parametrize("n_sources", [2, 4])
@pytest.mark.parametrize("bits", [16, 24])
def test_sums_stay_exact_where_stems_would_leave_the_range(rng, n_sources, bits):
    sources = FOUR_SOURCES[:n_sources]
    recipe = make_recipe(sources)
    mixture = rng.uniform(-1.3, 1.3, (5000, 2)).astype(np.float32)
    shape = (n_sources - 1, 5000, 2)
    estimates = (3 * rng.standard_normal(shape)).astype(np.float32)
    stems = complete_quantized(recipe, mixture, estimates, bits)
    np.testing.assert_array_equal(sum(stems), quantize(mixture, bits))
    limit = 2 ** (bits - 1)
    assert all(stem.min() >= -limit and stem.max() < limit for stem in stems)
    estimates = np.clip(0.02 * estimates, -0.3, 0.3)  # now all stems fit
    mixture = 0.5 * mixture / 1.3
    easy = complete_quantized(recipe, mixture, estimates, bits)[:-1]
    np.testing.assert_array_equal(easy, quantize(estimates, bits))


@pytest.mark.parametrize("rate", [8000, 48000, 96000])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_rate_channels_and_length_are_those_of_the_song(tmp_path, rate, n_channels):
    path = tmp_path / "song.flac"
    soundfile.write(path, music(1.37, rate, n_channels), rate)
    result = Separator(Ones()).separate_file(path, tmp_path)
    for file in result.files:
        audio, out_rate = read_audio(file)
        assert (audio.shape, out_rate) == (read_audio(path)[0].shape, rate)
    assert result.duration_s == pytest.approx(1.37, abs=1e-3)


def test_the_models_band_is_mono_at_the_models_rate(tmp_path, song):
    result = Separator(Ones(), band="model").separate_file(song, tmp_path)
    audio, rate = read_audio(result.files[0])
    assert (audio.shape, rate) == ((round(7.03 * 10880), 1), 10880)


@pytest.mark.parametrize("format", ["flac", "mp3", "ogg"])
def test_formats_and_tags(tmp_path, format):
    path = tmp_path / "song.ogg"
    with AudioWriter(path, 44100, 2, tags={"title": "Air", "artist": "Me"}) as writer:
        writer.write(music(3, 44100))
    result = Separator(Ones(), masks="raw").separate_file(
        path, tmp_path / "out", output=Output(format=format)
    )
    for file in result.files:
        with open_audio(file) as reader:
            assert reader.tags["title"] == "Air" and reader.tags["artist"] == "Me"
            audio = np.concatenate(list(reader.blocks()))
        expected, _ = read_audio(path)
        n = min(len(audio), len(expected))
        assert abs(len(audio) - len(expected)) < 2500
        assert np.corrcoef(audio[:n, 0], expected[:n, 0])[0, 1] > 0.9


def test_start_and_duration(tmp_path, song):
    whole, _ = read_audio(song)
    result = Separator(Ones(), masks="raw").separate_file(
        song, tmp_path, start_s=2.5, duration_s=1.5, output=Output(bit_depth=24)
    )
    audio, _ = read_audio(result.files[0])
    np.testing.assert_allclose(audio, whole[110250 : 110250 + 66150], atol=1e-4)


def test_the_template_names_the_files(tmp_path, song):
    output = Output(template="{stem} of {name}.{ext}", format="flac")
    result = Separator(Ones()).separate_file(song, tmp_path, output=output)
    assert result.files[0] == tmp_path / "vocals of song.flac"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"template": "{name}.{ext}"}, "`template` must hold {stem}"),
        ({"template": "{title}/{stem}"}, "`template` may hold {name}, {stem} and"),
        ({"template": "{stem"}, "`template` may hold"),
        ({"format": "aac"}, "`format` must be one of wav, flac, mp3, ogg"),
        ({"bit_depth": 12}, "`bit_depth` must be 16, 24 or None"),
    ],
)
def test_output_settings_check_themselves(settings, message):
    with pytest.raises(ValueError, match=message):
        Output(**settings)


def test_nothing_is_overwritten_unless_told(tmp_path, song):
    separator = Separator(Ones())
    first = separator.separate_file(song, tmp_path)
    before = first.files[1].read_bytes()
    first.files[0].unlink()
    with pytest.raises(AudioError, match=r"accompaniment\.wav is already there"):
        separator.separate_file(song, tmp_path)
    assert first.files[1].read_bytes() == before and not first.files[0].exists()
    separator.separate_file(song, tmp_path, output=Output(overwrite=True))
    assert first.files[0].exists()


def test_the_song_itself_is_never_overwritten(tmp_path):
    song = tmp_path / "vocals.wav"
    soundfile.write(song, music(1, 8000), 8000)
    before = song.read_bytes()
    output = Output(template="{stem}.{ext}", overwrite=True)
    with pytest.raises(AudioError, match="is the song itself"):
        Separator(Ones()).separate_file(song, tmp_path, output=output)
    assert song.read_bytes() == before


def test_progress_ends_at_the_whole(tmp_path, song):
    calls = []
    Separator(Ones()).separate_file(
        song, tmp_path, progress=lambda done, total: calls.append((done, total))
    )
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert {round(total, 2) for _, total in calls} == {7.03}
    assert calls[-1][0] == pytest.approx(7.03, abs=0.01)


@pytest.mark.parametrize("seconds", [0.05, 7.03])
def test_the_sheet_is_a_picture(tmp_path, seconds):
    from matplotlib.image import imread

    path = tmp_path / "song.wav"
    soundfile.write(path, music(seconds, 44100), 44100)
    result = Separator(Ones()).separate_file(
        path, tmp_path, output=Output(plot=True, bit_depth=24)
    )
    sheet = result.files[-1]
    assert sheet.name == "spectrograms.png"
    picture = imread(sheet)
    assert picture.shape[1] > 1000 and picture[..., :3].std() > 0.1


def test_clipping_is_told(tmp_path):
    path = tmp_path / "loud.wav"
    audio = music(1, 44100)
    audio[:50] = 1.5
    soundfile.write(path, audio, 44100, subtype="FLOAT")
    separator = Separator(Constant(0.5, 0.5))
    result = separator.separate_file(path, tmp_path)
    assert result.warnings[0].startswith("100 samples of the song lie beyond")
    output = Output(bit_depth=None, overwrite=True)
    result = separator.separate_file(path, tmp_path, output=output)
    assert result.warnings == []
    total = sum(read_audio(file)[0] for file in result.files)
    np.testing.assert_allclose(total, audio, atol=1e-6)


def test_a_song_that_breaks_off_is_separated_as_far_as_it_goes(tmp_path, song):
    cut = cut_in_half(song, tmp_path / "cut.wav")
    result = Separator(Ones(), masks="raw").separate_file(cut, tmp_path / "out")
    assert not result.complete and "cut.wav breaks off after" in result.warnings[0]
    assert 3 < result.duration_s < 4
    n_samples = soundfile.info(str(result.files[0])).frames
    assert n_samples == round(result.duration_s * 44100)


def test_a_song_without_samples(tmp_path):
    path = tmp_path / "none.wav"
    soundfile.write(path, np.zeros((0, 2)), 44100)
    with pytest.raises(AudioError, match=r"none\.wav holds no samples"):
        Separator(Ones()).separate_file(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_song_that_vanishes_while_it_is_read(tmp_path, song):
    def vanish(done, total):
        if song.stat().st_size > 200_000:
            song.write_bytes(song.read_bytes()[:200_000])

    result = Separator(Ones()).separate_file(song, tmp_path / "out", progress=vanish)
    assert not result.complete and "breaks off" in result.warnings[0]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, AudioError])
@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_half_is_left_when_it_is_stopped(tmp_path, song, error, overwrite):
    out = tmp_path / "out"
    if overwrite:
        Separator(Ones()).separate_file(song, out)
    before = {path: path.read_bytes() for path in out.rglob("*.wav")}

    class Stopping(Ones):
        n_calls = 0

        def window(self, waveform, shape):
            self.n_calls += 1
            if self.n_calls == 2:
                raise error
            return super().window(waveform, shape)

    with pytest.raises(error):
        Separator(Stopping()).separate_file(
            song, out, output=Output(overwrite=overwrite, plot=True)
        )
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_disk_that_is_full_leaves_no_stem(tmp_path, song):
    here = str(Path(__file__).parent)
    program = f"""
        import resource, sys
        sys.path.insert(0, {here!r})
        from separation_tools import Ones
        from keras_munet.separation.separator import Separator
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        Separator(Ones()).separate_file({str(song)!r}, {str(tmp_path / "out")!r})
    """
    program = textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "vocals.wav cannot be written after" in done.stderr
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_memory_does_not_depend_on_the_length(tmp_path):
    """What a stream holds after a minute is what it holds after three."""
    stream = Separator(Ones()).start(22050, 2)
    block = music(1, 22050)

    def held():
        histories = (stream._waiting, stream._mixture, stream._analysis._padded)
        masks = sum(known.size for known in stream._known)
        signal = stream._masks._signal
        return sum(h.end - h.start for h in (*histories, signal)), masks

    sizes = []
    for second in range(180):
        stream.push(block)
        if second >= 60:
            sizes.append(held())
    early, late = np.max(sizes[:60], axis=0), np.max(sizes[60:], axis=0)
    assert np.all(late <= 1.05 * early)
    for first, second in itertools.pairwise(sizes):
        assert abs(second[0] - first[0]) < 20 * 22050
