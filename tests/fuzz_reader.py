"""Reads damaged files, one after the other, and says what became of each.

    python tests/fuzz_reader.py 0 1000      files of seeds 0 to 999; prints the figures
    python tests/fuzz_reader.py 17 1 --keep damaged     ... and keeps what was read

Two lines of JSON for each: what it is, and what came out. The last line counts.
`tests/test_audio_fuzz.py` runs it in a process of its own, which may hang or die.
"""

import io
import json
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from reading_tools import encode, wav

from keras_munet.audio.reading import open_audio
from keras_munet.errors import MunetError

RATE = 44100
FORMATS = {
    "wav": lambda x: wav(x, RATE),
    "aiff": lambda x: encode(x, RATE, "aiff", "pcm_s16be"),
    "flac": lambda x: encode(x, RATE, "flac", "flac"),
    "ogg": lambda x: encode(x, RATE, "ogg", "libvorbis"),
    "opus": lambda x: encode(x, 48000, "ogg", "libopus"),
    "mp3": lambda x: encode(x, RATE, "mp3", "libmp3lame", bit_rate=128_000),
    "m4a": lambda x: encode(x, RATE, "mp4", "aac", bit_rate=128_000),
    "fmp4": lambda x: encode(x, RATE, "mp4", "aac", options={"movflags": FRAGMENTS}),
    "adts": lambda x: encode(x, RATE, "adts", "aac", bit_rate=128_000),
    "webm": lambda x: encode(x, 48000, "webm", "libopus"),
    "mkv": lambda x: encode(x, RATE, "matroska", "aac"),
    "ts": lambda x: encode(x, RATE, "mpegts", "aac"),
}
FRAGMENTS = "+frag_keyframe+empty_moov+default_base_moof"
KINDS = ("header", "cut", "hole", "join")


@cache
def whole(format, seconds=2):
    """Returns a complete file: tones, then noise."""
    rng = np.random.default_rng(len(format))
    time_s = np.arange(RATE * seconds)[:, None] / RATE
    tones = 0.1 * np.sin(2 * np.pi * time_s * np.array([220, 331]))
    noise = 0.2 * rng.standard_normal(tones.shape) * (time_s > 1)
    return FORMATS[format]((tones + noise).astype(np.float32))


def damage(seed):
    """Returns the kind of damage, the format, and the damaged bytes."""
    rng = np.random.default_rng(seed)
    format = list(FORMATS)[seed % len(FORMATS)]
    kind = KINDS[seed // len(FORMATS) % len(KINDS)]
    data = bytearray(whole(format))
    if kind == "header":
        for place in rng.integers(0, 256, rng.integers(1, 6)):
            data[place] = rng.integers(256)
    elif kind == "cut":
        del data[rng.integers(1, len(data)) :]
    elif kind == "hole":
        for _ in range(rng.integers(1, 4)):
            place = int(len(data) * rng.uniform(0.1, 0.9))
            n = min(int(rng.integers(1, 2000)), len(data) - place)
            data[place : place + n] = rng.bytes(n) if rng.random() < 0.5 else bytes(n)
    else:
        other = format if rng.random() < 0.7 else rng.choice(list(FORMATS))
        data += whole(str(other))
    return kind, format, bytes(data)


def plain(data):
    """Decodes as the ffmpeg program does.

    Returns:
        Samples, and the last ones themselves; None where it is no sound, or an error
        ends the reading.
    """
    import av

    n_samples, tail = 0, None
    try:
        with av.open(io.BytesIO(data)) as container:
            stream = container.streams.audio[0]
            for packet in _packets(container, stream):
                try:
                    frames = stream.codec_context.decode(packet)
                except av.error.FFmpegError:
                    continue
                n_samples += sum(frame.samples for frame in frames)
                tail = frames[-1].to_ndarray()[:, -64:] if frames else tail
    except (av.error.FFmpegError, AttributeError, IndexError, ValueError):
        return None
    return n_samples, tail


def _packets(container, stream):
    import av

    while True:
        try:
            yield from container.demux(stream)
            return
        except av.error.BlockingIOError:
            continue


@cache
def _tail(format):
    return plain(whole(format))[1]


def reaches_end(data, format):
    """Says whether the ffmpeg program decodes a damaged file to its very end."""
    found = plain(data)
    return found is not None and np.array_equal(found[1], _tail(format))


def read(data):
    """Returns what the package makes of the bytes."""
    n_samples, peak = 0, 0.0
    try:
        with open_audio(io.BytesIO(data)) as reader:
            for block in reader.blocks():
                n_samples += len(block)
                peak = max(peak, float(np.abs(block).max(initial=0)))
    except MunetError as error:
        return {"outcome": "refused", "message": str(error)}
    outcome = "broken off" if reader.truncated else "read"
    told = {"n_samples": n_samples, "peak": peak, "warnings": reader.warnings}
    return {"outcome": outcome, **told}


def main(first, n, keep=None):
    """Prints a line for each file, and one for all."""
    counts = Counter()
    for seed in range(first, first + n):
        kind, format, data = damage(seed)
        if keep:
            Path(keep).mkdir(exist_ok=True)
            (Path(keep) / f"{seed}-{kind}.{format}").write_bytes(data)
        print(json.dumps({"seed": seed, "kind": kind, "format": format}), flush=True)
        begin = time.monotonic()
        result = read(data)
        seconds = round(time.monotonic() - begin, 2)
        counts[f"{kind}: {result['outcome']}"] += 1
        known = plain(data)
        result |= {"seconds": seconds, "ffmpeg": known and known[0]}
        result["to_end"] = reaches_end(data, format)
        print(json.dumps(result), flush=True)
    print(json.dumps(dict(sorted(counts.items()))), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[4:5])
