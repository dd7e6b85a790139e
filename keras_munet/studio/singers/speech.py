"""Speech synthesisers as programs: text in, sound and the places of its vowels out."""

import io
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError
from keras_munet.studio.singers.sounds import NEEDS, Singer

_TIMEOUT_S = 60
_FLITE_VOWELS = re.compile("aa|ae|ah|ao|aw|axr?|ay|eh|er|ey|ih|iy|ow|oy|uh|uw")
_FORMANTS_END_HZ = 4800.0  # of espeak-ng, which has a stray one at 8 kHz
_STRETCH = 1.2  # of the usual duration: singers articulate
_SLOWER = '<speed level="72">{}</speed>'  # the markup of pico2wave
_SCHEME = """
(define (sing_say n text)
  (let ((utt (utt.synth (eval (list 'Utterance 'Text text)))))
    (utt.save.wave utt (string-append "{folder}/" n ".wav") 'riff)
    (mapcar
      (lambda (s) (format t "@%s %s %f %s\\n" n (item.name s) (item.feat s "end")
                          (item.feat s "ph_vc")))
      (utt.relation.items utt 'Segment))))
(voice_{voice})
(Parameter.set 'Duration_Stretch {stretch})
"""


@dataclass(frozen=True)
class Speech:
    """A spoken phrase.

    Attributes:
        sound: `(samples,)`, between -1 and 1.
        rate: its sample rate in Hz.
        vowels: `(n, 2)`, start and end of each vowel in seconds; None where the
            program does not tell.
        trusted_hz: voices above this frequency sound like a machine's.
    """

    sound: FloatArray
    rate: int
    vowels: FloatArray | None
    trusted_hz: float = 20000.0


def _run(command: list[str], text: str | None = None) -> str:
    """Runs a program and returns what it prints."""
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=True,
        )
    except FileNotFoundError as error:
        package = next(n.package for n in NEEDS if n.name == command[0])
        raise DataError(
            f"The program {command[0]} was not found: apt-get install {package}"
        ) from error
    except (subprocess.SubprocessError, OSError) as error:
        detail = getattr(error, "stderr", "") or ""
        raise DataError(f"{command[0]} failed: {error} {detail}".strip()) from error
    return done.stdout


def _read(path: Path, program: str) -> tuple[FloatArray, int]:
    try:
        sound, rate = soundfile.read(io.BytesIO(path.read_bytes()), dtype="float64")
    except (OSError, soundfile.LibsndfileError) as error:
        raise DataError(
            f"{program} wrote no sound that can be read: {error}"
        ) from error
    return sound, rate


def _spans(segments: list[tuple[str, float]], vowels: set[int]) -> FloatArray:
    """Start and end of the segments whose indices are given, `(n, 2)` in seconds."""
    ends = [end for _, end in segments]
    spans = [(ends[k - 1] if k else 0.0, ends[k]) for k in sorted(vowels)]
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def _flite(voice: str, text: str, path: Path) -> Speech:
    slow = ["--setf", f"duration_stretch={_STRETCH}"]
    out = _run(["flite", "-voice", voice, *slow, "-psdur", "-t", text, "-o", str(path)])
    pairs = re.findall(r"(\S+):([\d.]+)", out)
    segments = [(name, float(end)) for name, end in pairs]
    vowels = {k for k, (s, _) in enumerate(segments) if _FLITE_VOWELS.fullmatch(s)}
    return Speech(*_read(path, "flite"), _spans(segments, vowels))


def _pico(language: str, text: str, path: Path) -> Speech:
    _run(["pico2wave", "-l", language, "-w", str(path), _SLOWER.format(text)])
    return Speech(*_read(path, "pico2wave"), None)


def _espeak(voice: str, text: str, path: Path) -> Speech:
    _run(["espeak-ng", "-v", voice, "-s", "140", "-z", "-w", str(path), "--", text])
    return Speech(*_read(path, "espeak-ng"), None, _FORMANTS_END_HZ)


_PROGRAMS = {"flite": _flite, "pico2wave": _pico, "espeak-ng": _espeak}


def _festival(voice: str, texts: list[str], folder: Path) -> list[Speech]:
    lines = [f'(sing_say "{k}" "{text}")' for k, text in enumerate(texts)]
    setup = _SCHEME.format(folder=folder, voice=voice, stretch=_STRETCH)
    out = _run(["festival", "--pipe"], setup + "\n".join(lines))
    said: list[Speech] = []
    for k in range(len(texts)):
        rows = re.findall(rf"^@{k} (\S+) ([\d.]+) (\S+)$", out, flags=re.MULTILINE)
        vowels = {i for i, row in enumerate(rows) if row[2] == "+"}
        spans = _spans([(name, float(end)) for name, end, _ in rows], vowels)
        said.append(Speech(*_read(folder / f"{k}.wav", "festival"), spans))
    return said


def speak(singer: Singer, texts: list[str]) -> list[Speech]:
    """Lets a singer's program say texts.

    Args:
        singer: whose voice.
        texts: short phrases, letters and spaces only.

    Returns:
        One speech for each text.

    Raises:
        DataError: when the program is missing, fails or hangs.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if singer.program == "festival":
            return _festival(singer.voice, texts, folder)
        say = _PROGRAMS[singer.program]
        return [say(singer.voice, t, folder / f"{k}.wav") for k, t in enumerate(texts)]
