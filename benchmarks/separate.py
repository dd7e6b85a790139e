"""Speed and memory of `separate`, against the Open-Unmix architecture.

    python benchmarks/separate.py speed [--full]     ratios, and where the time goes
    python benchmarks/separate.py memory [--full]    peak memory, short and long songs
    python benchmarks/separate.py start              --help, and a clip of 10 s

Models have random weights (speed does not depend on them) and are kept in --models.
Needs `openunmix` and torch for `speed`. The songs are short unless `--full` is given
(3 minutes for `speed`; 3 minutes and 2 hours for `memory`).
"""

import argparse
import contextlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import soundfile

from keras_munet.audio import reading as audio
from keras_munet.separation import files, stream
from keras_munet.separation.separator import Separator

RATE = 44100
THREADS = 2
MODELS = ("mobile-4src", "paper-4src")
TARGETS = {"mobile-4src": 5.0, "paper-4src": 1.5}
MIB = 2**20


def model(folder: Path, name: str) -> Path:
    """Returns a `.tflite` of a preset, made in a process of its own."""
    path = folder / f"{name}.tflite"
    if not path.exists():
        program = (
            "import sys; from keras_munet import preset\n"
            "from keras_munet.export.tflite import export_tflite\n"
            "from keras_munet.models import build_network\n"
            "config = preset(sys.argv[1]).model\n"
            "export_tflite(build_network(config), config, sys.argv[2])\n"
        )
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", program, name, str(path)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return path


def write_song(path: Path, seconds: float) -> Path:
    """Writes coloured noise and tones, 44.1 kHz stereo, 16 bit, minute by minute."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_16") as file:
        left = round(seconds * RATE)
        while left > 0:
            n = min(left, 60 * RATE)
            beat = np.sin(np.arange(n)[:, None] / RATE * 2 * np.pi * 220)
            noise = rng.standard_normal((n, 2), dtype=np.float32)
            file.write(0.2 * beat + 0.05 * noise)
            left -= n
    return path


class Split:
    """Adds up the time spent in the parts of a separation."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def timed(self, part: str, function: Any) -> Any:
        """Returns the function, with its time added to `part`."""

        def run(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds[part] += time.perf_counter() - begin

        return run

    def _blocks(self, function: Any) -> Any:
        def blocks(*arguments: Any) -> Iterator[np.ndarray]:
            iterator = function(*arguments)
            step = self.timed("decode", lambda: next(iterator, None))
            while (block := step()) is not None:
                yield block

        return blocks

    @contextlib.contextmanager
    def watching(self, separator: Separator) -> Iterator[None]:
        """Watches all separations in the block."""
        reader, writer = audio.AudioReader, audio.AudioWriter
        places: list[tuple[Any, str, str]] = [
            (stream.Resampler, "push", "resample"),
            (stream.Resampler, "flush", "resample"),
            (separator.runtime, "masks", "network"),
            (writer, "write", "encode"),
            (writer, "finish", "encode"),
            (files, "complete_quantized", "encode"),
        ]
        with contextlib.ExitStack() as patches:
            for place, name, part in places:
                new = self.timed(part, getattr(place, name))
                patches.enter_context(mock.patch.object(place, name, new))
            blocks = self._blocks(reader.blocks)
            patches.enter_context(mock.patch.object(reader, "blocks", blocks))
            yield

    def line(self, total_s: float) -> str:
        """Shares of the whole; what no part claims is signal processing."""
        rest = total_s - sum(self.seconds.values())
        parts = {**self.seconds, "DSP": rest}
        return ", ".join(f"{k} {v:.2f} s ({v / total_s:.0%})" for k, v in parts.items())


def separate(separator: Separator, song: Path) -> tuple[float, str]:
    """Returns the seconds from file to files, and how they split up."""
    split = Split()
    with tempfile.TemporaryDirectory() as out, split.watching(separator):
        begin = time.perf_counter()
        separator.separate_file(song, out)
        total_s = time.perf_counter() - begin
    return total_s, split.line(total_s)


def open_unmix() -> Any:
    """Returns the Open-Unmix architecture with random weights, four targets.

    The package imports torchaudio, of which the architecture uses nothing.
    """
    import torch

    sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
    from openunmix import model as umx

    torch.set_num_threads(THREADS)
    targets = {
        name: umx.OpenUnmix(nb_bins=2049, nb_channels=2, hidden_size=512, max_bin=1487)
        for name in ("vocals", "drums", "bass", "other")
    }
    separator = umx.Separator(targets, niter=0, nb_channels=2)
    separator.freeze()

    def run(song: Path) -> float:
        signal, _ = audio.read_audio(song)
        waveform = torch.from_numpy(signal.T.copy())[None]
        begin = time.perf_counter()
        with torch.no_grad():
            separator(waveform)
        return time.perf_counter() - begin

    return run


def speed(options: argparse.Namespace) -> None:
    seconds = 180 if options.full else 30
    repeats = 3
    with tempfile.TemporaryDirectory() as folder:
        song = write_song(Path(folder) / "song.wav", seconds)
        theirs = open_unmix()
        ours = {
            name: Separator.load(model(options.models, name), threads=THREADS)
            for name in MODELS
        }
        times: dict[str, list[float]] = {"open-unmix": [], **{n: [] for n in MODELS}}
        splits = {}
        for _ in range(repeats):  # alternating, so that a busy machine hits all
            times["open-unmix"].append(theirs(song))
            for name, separator in ours.items():
                took_s, splits[name] = separate(separator, song)
                times[name].append(took_s)
    print(f"{seconds} s of 44.1 kHz stereo, 4 stems, {THREADS} threads, {repeats} runs")
    print("Open-Unmix: audio in memory, no files. Ours: file to files, full band.")
    for name, taken in times.items():
        median = statistics.median(taken)
        ratios = [t / o for t, o in zip(times["open-unmix"], taken, strict=True)]
        print(
            f"{name:12s} median {median:6.2f} s, {seconds / median:5.1f} times real "
            f"time, {statistics.median(ratios):5.2f} times as fast as Open-Unmix"
            + (f" (target {TARGETS[name]})" if name in TARGETS else "")
        )
        if name in splits:
            print(f"{'':12s} last run: {splits[name]}")


def memory(options: argparse.Namespace) -> None:
    lengths = (180, 7200) if options.full else (180, 1200)
    names = MODELS if options.full else MODELS[:1]
    with tempfile.TemporaryDirectory() as folder:
        songs = [write_song(Path(folder) / f"{s}.wav", s) for s in lengths]
        for name in names:
            path = model(options.models, name)
            peaks = [
                int(_child("peak", str(path), str(song), folder)) for song in songs
            ]
            print(
                f"{name}: peak memory {peaks[0] / MIB:.0f} MiB for {lengths[0]} s, "
                f"{peaks[1] / MIB:.0f} MiB for {lengths[1]} s "
                f"({(peaks[1] - peaks[0]) / MIB:+.0f} MiB)"
            )


def peak(model_path: str, song: str, folder: str) -> None:
    """Separates in this process and prints its peak memory in bytes."""
    separator = Separator.load(model_path, threads=THREADS)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        separator.separate_file(song, out)
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _child(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, __file__, *words],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def start(options: argparse.Namespace) -> None:
    path = model(options.models, "mobile-4src")
    with tempfile.TemporaryDirectory() as folder:
        song = write_song(Path(folder) / "clip.wav", 10)
        command = [str(Path(sys.executable).with_name("keras-munet"))]
        words = ["separate", str(song), "--model", str(path), "--out", folder]
        for title, line in (
            ("--help", ["--help"]),
            ("a 10 s clip, whole process", [*words, "--overwrite"]),
        ):
            taken = []
            for _ in range(5):
                begin = time.perf_counter()
                subprocess.run(command + line, check=True, capture_output=True)
                taken.append(time.perf_counter() - begin)
            print(
                f"{title}: median {statistics.median(taken):.2f} s, "
                f"best {min(taken):.2f} s"
            )


def main() -> None:
    if sys.argv[1:2] == ["peak"]:
        peak(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["speed", "memory", "start"])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--models", type=Path, default=Path("build/benchmark-models"))
    options = parser.parse_args()
    {"speed": speed, "memory": memory, "start": start}[options.what](options)


if __name__ == "__main__":
    main()
