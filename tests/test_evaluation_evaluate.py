"""Evaluation of data sets: what is scored, kept, and said of what cannot be."""

import importlib.util
import json
import threading

import numpy as np
import pytest
import soundfile
from evaluation_tools import FOUR, RATE, TWO, make_stems, write_data, write_estimates

from keras_munet.audio.reading import resample
from keras_munet.config import DataConfig, ModelConfig, STFTConfig, UNetConfig
from keras_munet.errors import DataError, ModelError, MunetError
from keras_munet.evaluation import model_estimates
from keras_munet.evaluation.alignment import align
from keras_munet.evaluation.bss_eval import bss_eval, bss_eval_images
from keras_munet.evaluation.estimates import StemFolder
from keras_munet.evaluation.evaluate import evaluate
from keras_munet.evaluation.oracle import ideal_estimates
from keras_munet.evaluation.protocols import PROTOCOLS, score
from keras_munet.evaluation.report import load_report, statistics
from keras_munet.evaluation.selection import choose_setting, select_tracks
from keras_munet.evaluation.tables import remarks


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


@pytest.fixture
def estimates(tmp_path):
    return write_estimates(tmp_path / "stems")


def run(data, path, *, workers=2, overwrite=False, **choices):
    """Evaluates the test tracks of `data`."""
    tracks = select_tracks(data, DataConfig())
    setting, estimator = choose_setting(tracks, **choices)
    return evaluate(
        tracks, setting, estimator, path, workers=workers, overwrite=overwrite
    )


def assert_same_scores(one, other) -> None:
    """Equal up to the last bits, which depend on the threads of BLAS."""
    assert sorted(one.tracks) == sorted(other.tracks)
    for name, track in one.tracks.items():
        for source, values in track.scores["estimates"].items():
            wanted = other.tracks[name].scores["estimates"][source]
            assert values == pytest.approx(wanted, abs=1e-6)


class FakeRuntime:
    """A network whose masks are constants: 0.7, 0.3, ... of the mixture."""

    name = "fake"

    def __init__(self, *sources: str) -> None:
        stft = STFTConfig(n_frames=32)
        self.config = ModelConfig(sources, stft, UNetConfig(width=4, depth=4))
        self.n_calls = 0

    def masks(self, waveforms):
        self.n_calls += 1
        stft, n_sources = self.config.stft, len(self.config.sources)
        masks = np.ones((len(waveforms), stft.n_bins, stft.n_frames, n_sources), "f4")
        return masks * np.array([0.7, 0.3, 0.2, 0.1], "f4")[:n_sources]


@pytest.fixture
def fake_model(monkeypatch, tmp_path):
    """Makes a model file that opens as a `FakeRuntime`."""

    def make(*sources: str):
        path = tmp_path / "fake.tflite"
        path.write_bytes(b"\0\0\0\0TFL3 weights")
        runtime = FakeRuntime(*sources)
        monkeypatch.setattr(
            model_estimates, "open_runtime", lambda path, **options: runtime
        )
        return path, runtime

    return make


def test_paper_protocol_is_mono_at_the_models_rate(data, estimates, tmp_path):
    report = run(data, tmp_path / "r.json", estimates=estimates)
    assert report.sources == list(TWO)
    assert report.header["sample_rate"] == 10880

    def mono(name, audio):
        return resample(audio.mean(axis=1, keepdims=True), RATE, 10880)[:, 0]

    stems = make_stems(1)
    references = np.stack([mono(s, stems[s]) for s in TWO])
    files = [estimates / "song 1" / f"{s}.wav" for s in TWO]
    given = np.stack([mono("", soundfile.read(f, dtype="float32")[0]) for f in files])
    wanted = bss_eval(references, given)
    for index, source in enumerate(TWO):
        found = report.tracks["song 1"].scores["estimates"][source]
        assert found["sdr"] == pytest.approx(wanted.sdr[index], abs=1e-6)
        assert found["sir"] == pytest.approx(wanted.sir[index], abs=1e-6)


def test_the_order_of_sources_changes_no_score(data, fake_model, tmp_path):
    path, runtime = fake_model(*TWO)
    flat = runtime.masks

    def by_pitch(waveforms):
        """Scores know no gain: only masks that vary tell two stems apart."""
        masks = flat(waveforms)
        masks[:, 40:, :, 0] = masks[:, :40, :, 1] = 0
        return masks

    runtime.masks = by_pitch
    one, other = (
        run(data, tmp_path / f"{order[0]}.json", model=path, sources=order)
        for order in (TWO, TWO[::-1])
    )
    assert other.sources == list(TWO[::-1])
    assert_same_scores(one, other)


def test_full_band_keeps_rate_and_channels(data, estimates, tmp_path):
    report = run(data, tmp_path / "r.json", estimates=estimates, protocol="full-band")
    stems = make_stems(0)
    references = np.stack([stems[source] for source in TWO])
    files = [estimates / "song 0" / f"{source}.wav" for source in TWO]
    given = np.stack([soundfile.read(file, dtype="float32")[0] for file in files])
    wanted = bss_eval_images(references, given)
    found = report.tracks["song 0"].scores["estimates"]
    for index, source in enumerate(TWO):
        assert found[source]["sdr"] == pytest.approx(wanted.sdr[index], abs=1e-6)
        assert found[source]["isr"] == pytest.approx(wanted.isr[index], abs=1e-6)
    assert report.tracks["song 0"].sample_rate == RATE


def test_ideal_masks_beat_the_mixture_and_rows_stand_side_by_side(data, tmp_path):
    report = run(data, tmp_path / "r.json", oracle=True, sources=TWO)
    assert report.rows == ["oracle", "mixture"]
    assert report.row == "oracle"
    summary = report.summary()
    for source in TWO:
        ideal, mixture = (summary[row][source]["sdr"]["mean"] for row in report.rows)
        assert ideal > mixture + 3


def test_overall_is_over_all_pairs_of_track_and_source(data, estimates, tmp_path):
    report = run(data, tmp_path / "r.json", estimates=estimates)
    values = [
        track.scores["estimates"][source]["sdr"]
        for track in report.tracks.values()
        for source in TWO
    ]
    overall = report.summary()["estimates"]["overall"]["sdr"]
    assert overall["n"] == 6
    assert overall["mean"] == pytest.approx(np.mean(values))
    assert overall["std"] == pytest.approx(np.std(values))
    assert overall["median"] == pytest.approx(np.median(values))


def test_a_model_is_scored_on_the_models_band(data, tmp_path, fake_model):
    path, _ = fake_model("vocals", "accompaniment")
    report = run(data, tmp_path / "r.json", model=path)
    method = report.header["method"]
    assert method["masks"] == "raw"
    assert len(method["sha256"]) == 64
    # A constant mask is the mixture at another level: the same scores.
    for track in report.tracks.values():
        for source in ("vocals", "accompaniment"):
            ours = track.scores["estimates"][source]["sdr"]
            assert ours == pytest.approx(
                track.scores["mixture"][source]["sdr"], abs=0.1
            )


def test_a_model_of_four_sources_gives_accompaniment_as_their_sum(
    data, tmp_path, fake_model
):
    path, _ = fake_model(*FOUR)
    report = run(
        data, tmp_path / "r.json", model=path, sources=("vocals", "accompaniment")
    )
    notes = report.tracks["song 0"].notes
    assert notes == ["accompaniment is drums + bass + other"]


def test_a_model_of_one_source_is_scored_against_it_and_the_rest(
    data, tmp_path, fake_model
):
    path, _ = fake_model("vocals")
    report = run(data, tmp_path / "r.json", model=path)
    assert report.header["references"] == ["vocals", "rest"]
    scores = report.tracks["song 0"].scores["estimates"]
    assert list(scores) == ["vocals"]
    assert abs(scores["vocals"]["sir"]) < 20  # interference of the rest is seen


def test_a_source_that_the_model_lacks_is_refused(data, tmp_path, fake_model):
    path, _ = fake_model("vocals", "accompaniment")
    with pytest.raises(ModelError, match="no source 'bass'; it has vocals, accomp"):
        run(data, tmp_path / "r.json", model=path, sources=("vocals", "bass"))


def test_a_source_that_the_data_lack_fails_the_tracks(data, estimates, tmp_path):
    report = run(data, tmp_path / "r.json", oracle=True, sources=("vocals", "bass"))
    assert "has no bass" in report.failed["song 0"]


def test_the_hash_is_of_the_weights_that_run(tmp_path):
    run_folder = tmp_path / "run"
    run_folder.mkdir()
    for name in ("model.keras", "model.tflite"):
        head = b"PK" if name.endswith("keras") else b"\0\0\0\0TFL3"
        (run_folder / name).write_bytes(head + name.encode())
    (run_folder / "history.csv").write_text("epoch")
    found = model_estimates.weights_hash(run_folder)
    assert found == model_estimates.weights_hash(run_folder / "model.tflite")
    (run_folder / "history.csv").write_text("epoch,loss")
    assert model_estimates.weights_hash(run_folder) == found
    (run_folder / "model.tflite").write_bytes(b"\0\0\0\0TFL3 other")
    assert model_estimates.weights_hash(run_folder) != found


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match="No model at"):
        choose_setting([], model=tmp_path / "none")


def test_finished_tracks_are_not_scored_again(data, tmp_path, fake_model):
    path, runtime = fake_model("vocals", "accompaniment")
    first = run(data, tmp_path / "r.json", model=path)
    n_calls = runtime.n_calls
    second = run(data, tmp_path / "r.json", model=path)
    assert runtime.n_calls == n_calls
    assert second.tracks == first.tracks


def test_a_stopped_run_goes_on_with_the_next_track(
    data, tmp_path, fake_model, monkeypatch
):
    path, runtime = fake_model("vocals", "accompaniment")
    masks = runtime.masks
    whole = run(data, tmp_path / "whole.json", model=path)
    n_calls = 0

    def interrupted(waveforms):
        nonlocal n_calls
        n_calls += 1
        if n_calls > 3:
            raise KeyboardInterrupt
        return masks(waveforms)

    monkeypatch.setattr(runtime, "masks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path / "r.json", model=path, workers=1)
    done = set(load_report(tmp_path / "r.json").tracks)
    assert done < set(whole.tracks)
    monkeypatch.setattr(runtime, "masks", masks)
    assert_same_scores(run(data, tmp_path / "r.json", model=path), whole)


def test_other_settings_are_refused_with_both_values(data, estimates, tmp_path):
    run(data, tmp_path / "r.json", estimates=estimates)
    with pytest.raises(MunetError, match="protocol is 'paper', not 'full-band'"):
        run(data, tmp_path / "r.json", estimates=estimates, protocol="full-band")
    report = run(
        data,
        tmp_path / "r.json",
        estimates=estimates,
        sources=("vocals",),
        overwrite=True,
    )
    assert report.sources == ["vocals"]


def test_changed_estimates_are_scored_again(data, estimates, tmp_path):
    before = run(data, tmp_path / "r.json", estimates=estimates)
    write_estimates(estimates, 1, noise=0.3)
    after = run(data, tmp_path / "r.json", estimates=estimates)
    assert after.tracks["song 1"] == before.tracks["song 1"]
    lost = [
        before.tracks["song 0"].scores["estimates"][source]["sdr"]
        - after.tracks["song 0"].scores["estimates"][source]["sdr"]
        for source in TWO
    ]
    assert min(lost) > 5


def test_workers_do_not_change_scores(data, estimates, tmp_path):
    one = run(data, tmp_path / "1.json", estimates=estimates, workers=1)
    three = run(data, tmp_path / "3.json", estimates=estimates, workers=3)
    assert_same_scores(one, three)
    assert threading.active_count() < 20


def test_mir_eval_backend_gives_the_same(data, estimates, tmp_path):
    choices = {"estimates": estimates}
    ours = run(data, tmp_path / "1.json", **choices)
    theirs = run(data, tmp_path / "2.json", backend="mir_eval", **choices)
    for name, track in ours.tracks.items():
        for source, values in track.scores["estimates"].items():
            other = theirs.tracks[name].scores["estimates"][source]
            assert values == pytest.approx(other, abs=1e-6)


def test_silence_is_counted_and_does_not_crash(data, estimates, tmp_path):
    silent = np.zeros((round(1.5 * RATE), 2))
    stems = make_stems(0)
    for name in (*TWO, "mixture"):
        audio = silent if name == "vocals" else stems[name]
        soundfile.write(data / "test" / "song 0" / f"{name}.wav", audio, RATE)
    soundfile.write(estimates / "song 1" / "accompaniment.wav", silent, RATE)
    for name in (*TWO, "mixture"):
        soundfile.write(data / "test" / "song 2" / f"{name}.wav", silent, RATE)
    report = run(data, tmp_path / "r.json", estimates=estimates)
    assert not report.failed
    assert report.tracks["song 0"].silent == {"references": ["vocals"]}
    assert report.tracks["song 1"].silent == {"estimates": ["accompaniment"]}
    assert report.tracks["song 2"].silent["references"] == list(TWO)
    summary = report.summary()["estimates"]
    assert (summary["vocals"]["sdr"]["n"], summary["vocals"]["sdr"]["missing"]) == (
        1,
        2,
    )
    said = "\n".join(remarks(report))
    assert "Silent references in song 0: vocals" in said
    assert "accompaniment: 2 of 3 tracks have no finite SDR" in said
    assert load_report(tmp_path / "r.json").tracks == report.tracks


def test_a_source_that_cancels_in_mono_has_no_score(data, estimates, tmp_path):
    """Left minus right is music in stereo, and rounding in the paper's mono."""
    for folder, rounding in ((data / "test", 1e-8), (estimates, 2e-8)):
        audio, _ = soundfile.read(folder / "song 0" / "vocals.wav")
        audio[:, 1] = -audio[:, 0] + rounding * np.sin(np.arange(len(audio)))
        path = folder / "song 0" / "vocals.wav"
        soundfile.write(path, audio, RATE, subtype="FLOAT")
    report = run(data, tmp_path / "r.json", estimates=estimates)
    assert report.tracks["song 0"].silent == {"references": ["vocals"]}
    assert report.tracks["song 0"].scores["estimates"]["vocals"]["sdr"] is None
    assert report.summary()["estimates"]["vocals"]["sdr"]["n"] == 2
    wide = run(data, tmp_path / "w.json", estimates=estimates, protocol="full-band")
    assert wide.tracks["song 0"].silent == {}
    assert wide.tracks["song 0"].singular is True


def test_rounding_enters_no_mean(data, estimates, tmp_path):
    """Where one source sounds alone, the mixture is that source, and SIR is nothing."""
    stems = make_stems(0)
    for name in (*TWO, "mixture"):
        audio = 0 * stems[name] if name == "vocals" else stems["accompaniment"]
        path = data / "test" / "song 0" / f"{name}.wav"
        soundfile.write(path, audio, RATE, subtype="FLOAT")
    report = run(data, tmp_path / "r.json", estimates=estimates)
    for row, metric in (("mixture", "sdr"), ("estimates", "sir")):
        assert report.tracks["song 0"].scores[row]["accompaniment"][metric] is None
        assert report.summary()[row]["accompaniment"][metric]["mean"] < 60
    assert report.tracks["song 0"].scores["estimates"]["accompaniment"]["sdr"] > 10


def test_stems_are_found_in_any_case_as_prepare_finds_them(tmp_path):
    data, estimates = tmp_path / "data", tmp_path / "stems"
    for folder in (data / "Test" / "One", estimates / "ONE"):
        folder.mkdir(parents=True)
        for name, audio in make_stems(0).items():
            shown = "Lead Vox" if name == "vocals" else name.upper()
            soundfile.write(folder / f"{shown}.WAV", audio, RATE, format="WAV")
        (folder / "._VOCALS.WAV").write_bytes(b"what a Mac leaves")
    names = (("vocals", "lead vox"),)
    tracks = select_tracks(data, DataConfig(stem_names=names))
    setting, estimator = choose_setting(tracks, estimates=estimates, stem_names=names)
    assert setting.sources == TWO
    report = evaluate(tracks, setting, estimator, tmp_path / "r.json")
    assert (list(report.tracks), report.failed) == (["One"], {})
    assert report.tracks["One"].notes == []
    assert estimator.unused(["One"]) == []


def test_length_and_rate_of_estimates_follow_the_rule(data, estimates, tmp_path):
    stems = make_stems(0)
    target = estimates / "song 0" / "vocals.wav"
    soundfile.write(target, stems["vocals"][:-100], RATE)
    audio = resample(make_stems(1)["vocals"], RATE, 44_100)
    soundfile.write(estimates / "song 1" / "vocals.wav", audio, 44_100)
    soundfile.write(estimates / "song 2" / "vocals.wav", stems["vocals"][:9000], RATE)
    report = run(data, tmp_path / "r.json", estimates=estimates, protocol="full-band")
    assert "vocals.wav was padded by 100 samples" in report.tracks["song 0"].notes
    assert (
        "vocals.wav was resampled from 44100 to 16000 Hz"
        in report.tracks["song 1"].notes
    )
    assert report.tracks["song 1"].scores["estimates"]["vocals"]["sdr"] > 10
    assert "lasts 0.562 s, its reference 1.500 s" in report.failed["song 2"]


@pytest.mark.parametrize("excess", [-100, 0, 100])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_what_is_too_long_or_too_short_is_so_at_its_end(rng, excess, n_channels):
    reference = np.ones((8000, 2), np.float32)
    estimate = rng.standard_normal((8000 + excess, n_channels)).astype(np.float32)
    aligned = align(estimate, reference, 8000, "vocals.wav")
    wanted = np.pad(estimate, ((0, max(0, -excess)), (0, 0)))[:8000]
    np.testing.assert_array_equal(aligned, np.broadcast_to(wanted, reference.shape))


def test_bad_estimates_fail_alone(data, estimates, tmp_path):
    (estimates / "song 0" / "accompaniment.wav").unlink()
    bad = make_stems(1)["vocals"]
    bad[7] = np.nan
    soundfile.write(estimates / "song 1" / "vocals.wav", bad, RATE, subtype="FLOAT")
    report = run(data, tmp_path / "r.json", estimates=estimates, sources=TWO)
    assert list(report.tracks) == ["song 2"]
    assert "no stem 'accompaniment'" in report.failed["song 0"]
    assert "vocals.wav holds NaN" in report.failed["song 1"]
    write_estimates(estimates)
    mended = run(data, tmp_path / "r.json", estimates=estimates, sources=TWO)
    assert len(mended.tracks) == 3
    assert not mended.failed


def test_the_setting_is_that_of_most_tracks(tmp_path):
    data = write_data(tmp_path / "data", names=FOUR)
    estimates = write_estimates(tmp_path / "four", names=FOUR)
    for name in ("drums", "bass", "other"):
        (estimates / "song 0" / f"{name}.wav").unlink()
    report = run(data, tmp_path / "r.json", estimates=estimates)
    assert report.sources == list(FOUR)
    assert "no stem 'drums'" in report.failed["song 0"]


def test_an_unforeseen_error_is_one_tracks_failure(data, tmp_path, fake_model):
    path, runtime = fake_model(*TWO)
    masks, calls = runtime.masks, []

    def once(waveforms):
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("by chance")
        return masks(waveforms)

    runtime.masks = once
    report = run(data, tmp_path / "r.json", model=path, workers=1)
    assert list(report.failed.values()) == ["ZeroDivisionError: by chance"]
    assert len(report.tracks) == 2


def test_mono_estimates_serve_both_channels(data, estimates, tmp_path):
    for source in TWO:
        audio = make_stems(0)[source].mean(axis=1)
        soundfile.write(estimates / "song 0" / f"{source}.wav", audio, RATE)
    report = run(data, tmp_path / "r.json", estimates=estimates, protocol="full-band")
    assert "accompaniment.wav is mono and was used for every channel" in (
        report.tracks["song 0"].notes
    )


@pytest.mark.parametrize("name", ["no_vocals", "accompaniment"])
def test_names_of_other_separators_are_known(data, tmp_path, name):
    for index in range(3):
        stems = make_stems(index)
        folder = tmp_path / "stems" / "test" / f"song {index}"
        folder.mkdir(parents=True)
        soundfile.write(folder / "vocals.wav", stems["vocals"], RATE)
        soundfile.write(folder / f"{name}.wav", stems["accompaniment"], RATE)
    report = run(data, tmp_path / "r.json", estimates=tmp_path / "stems")
    assert report.sources == ["vocals", "accompaniment"]
    assert not report.failed


def test_extra_files_and_folders_are_found(data, estimates, tmp_path):
    folder = StemFolder(estimates)
    soundfile.write(estimates / "song 0" / "piano.wav", np.zeros(99), RATE)
    (estimates / "encore").mkdir()
    assert folder.extra("song 0", TWO) == ["piano.wav"]
    assert folder.unused(["song 0", "song 1", "song 2"]) == ["encore"]
    report = run(data, tmp_path / "r.json", estimates=estimates)
    assert report.tracks["song 0"].notes == ["ignored: piano.wav"]


def test_a_folder_that_fits_no_track_is_refused(data, tmp_path):
    (tmp_path / "other" / "x").mkdir(parents=True)
    with pytest.raises(DataError, match="no folder for any of the 3 tracks"):
        run(data, tmp_path / "r.json", estimates=tmp_path / "other")
    with pytest.raises(DataError, match="No folder of estimates"):
        run(data, tmp_path / "r.json", estimates=tmp_path / "nowhere")


def test_splits_and_names_choose_tracks(data):
    assert len(select_tracks(data, DataConfig(), split="all")) == 4
    chosen = select_tracks(data, DataConfig(), names=("song 1",))
    assert [track.name for track in chosen] == ["song 1"]
    with pytest.raises(DataError, match=r"no tracks of the split 'valid'.*3 of test"):
        select_tracks(data, DataConfig(), split="valid")
    with pytest.raises(DataError, match="no track 'song 9'"):
        select_tracks(data, DataConfig(), names=("song 9",))


def test_blocks_of_the_ideal_masks_do_not_show(rng):
    sources = rng.standard_normal((2, 400_000, 1))
    mixture = sources.sum(axis=0)
    sizes = {"n_fft": 1022, "hop_length": 256}
    blocked = ideal_estimates(sources, mixture, **sizes)
    first, last = 100_096, 200_000  # whole hops, around a seam at 131 072
    shifted = ideal_estimates(sources[:, first:last], mixture[first:last], **sizes)
    np.testing.assert_allclose(
        blocked[:, 120_000:140_000], shifted[:, 19_904:39_904], atol=1e-4
    )


def test_ideal_masks_end_at_ten(rng):
    """Where sources cancel, a mask of 20 would be ideal (eq. 2 of the paper)."""
    one = rng.standard_normal((20_000, 1))
    sources = np.stack([one, -0.95 * one])
    mixture = sources.sum(axis=0)
    estimates = ideal_estimates(sources, mixture, n_fft=1022, hop_length=256)
    for estimate in estimates:
        np.testing.assert_allclose(estimate, 10 * mixture, atol=1e-4)


def test_ideal_masks_of_one_source_return_the_mixture(rng):
    mixture = rng.standard_normal((5001, 2)).astype("f4")
    estimate = ideal_estimates(mixture[None], mixture, n_fft=1022, hop_length=256)
    np.testing.assert_allclose(estimate[0], mixture, atol=1e-5)


def test_museval_is_v4(rng):
    references = rng.standard_normal((2, 24_000, 2))
    estimates = references + 0.1 * rng.standard_normal(references.shape)
    if importlib.util.find_spec("museval") is None:
        pytest.skip("museval is not installed")
    rows, _ = score(PROTOCOLS["museval"], references, [estimates], sample_rate=8000)
    np.testing.assert_allclose(rows[0]["sdr"], 20, atol=1)
    assert set(rows[0]) == {"sdr", "isr", "sir", "sar"}


def test_statistics_leave_out_what_is_not_finite():
    found = statistics([1.0, 3.0, float("nan"), float("inf")])
    assert found == {"mean": 2.0, "std": 1.0, "median": 2.0, "n": 2, "missing": 2}
    assert statistics([float("nan")])["mean"] is None


def test_damaged_reports_are_named(tmp_path):
    path = tmp_path / "r.json"
    with pytest.raises(DataError, match="No report at"):
        load_report(path)
    path.write_text("{")
    with pytest.raises(DataError, match="cannot be read as a report"):
        load_report(path)
    path.write_text("[]")
    with pytest.raises(DataError, match="no report of this version"):
        load_report(path)
    path.write_text(json.dumps({"format": "keras-munet-report-1", "tracks": 3}))
    with pytest.raises(DataError, match="damaged report"):
        load_report(path)


def test_reports_are_strict_json(data, estimates, tmp_path):
    run(data, tmp_path / "r.json", estimates=estimates)

    def refuse(constant):
        raise AssertionError(constant)

    json.loads((tmp_path / "r.json").read_text(), parse_constant=refuse)


def test_four_stems_are_scored_as_four_and_add_up_to_two(tmp_path):
    data = write_data(tmp_path / "data", 1, FOUR)
    stems = write_estimates(tmp_path / "stems", 1, names=FOUR)
    four = run(data, tmp_path / "4.json", estimates=stems)
    assert four.sources == list(FOUR)
    two = run(data, tmp_path / "2.json", estimates=stems, sources=TWO)
    assert two.tracks["song 0"].notes == [
        "accompaniment is drums.wav + bass.wav + other.wav"
    ]
    voices = (r.tracks["song 0"].scores["estimates"]["vocals"] for r in (four, two))
    first, second = voices  # SDR does not depend on what else there is
    assert first["sdr"] == pytest.approx(second["sdr"], abs=1e-6)
