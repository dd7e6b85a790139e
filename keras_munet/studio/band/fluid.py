"""FluidSynth as a function: notes in, sound out.

Every call makes a synthesiser of its own, so nothing that was played before can be
heard; the soundfont, which takes long to read, is shared by all of them. Output is
floating point: 16-bit output is dithered with the C library's `rand`. Samples are
read whole: those that FluidSynth 2.3 loads on demand end in a click, since it reads
beyond their last value.
"""

import ctypes
import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError
from keras_munet.studio.band import sounds
from keras_munet.studio.band.notes import Curve, Note
from keras_munet.studio.score import RATE

_BEND_RANGE = 12  # semitones of a full pitch wheel
_WHEEL = 8191
_EXPRESSION, _DATA_ENTRY, _RPN_LSB, _RPN_MSB = 11, 6, 100, 101
_SETTINGS = {
    "synth.dynamic-sample-loading": 0,
    "synth.reverb.active": 0,
    "synth.chorus.active": 0,
}
_GAIN = 0.6


class Preset(NamedTuple):
    """An instrument of a soundfont."""

    path: str
    bank: int
    program: int


@functools.cache
def _library() -> Any:
    """FluidSynth's binding; told once to keep its remarks to itself."""
    try:
        import fluidsynth
    except ImportError as error:
        raise DataError(
            "FluidSynth is missing. Run `apt-get install libfluidsynth3` "
            "and `pip install 'keras-munet[studio]'`."
        ) from error
    library = fluidsynth._fl
    silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    for level in range(5):
        library.fluid_set_log_function(level, silent(), None)
    library.fluid_synth_write_float.argtypes = [
        *(ctypes.c_void_p, ctypes.c_int),
        *(ctypes.c_void_p, ctypes.c_int, ctypes.c_int) * 2,
    ]
    library.fluid_synth_get_sfont_by_id.restype = ctypes.c_void_p
    library.fluid_synth_get_sfont_by_id.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.fluid_synth_add_sfont.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.fluid_synth_remove_sfont.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    return fluidsynth


def _synth() -> Any:
    return _library().Synth(gain=_GAIN, samplerate=float(RATE), **_SETTINGS)


@functools.cache
def _font(path: str) -> int | None:
    """Reads a soundfont once in a process: the address of FluidSynth's object."""
    owner = _synth()  # never deleted: the soundfont is its own
    font = owner.sfload(path) if Path(path).is_file() else -1
    if font < 0:
        return None
    address: int = _library()._fl.fluid_synth_get_sfont_by_id(owner.synth, font)
    return address


def _open(preset: Preset) -> Any:
    """A fresh synthesiser with one instrument, on channel 0."""
    font, synth = _font(preset.path), _synth()
    number = (
        -1 if font is None else _library()._fl.fluid_synth_add_sfont(synth.synth, font)
    )
    if number < 0 or synth.program_select(0, number, *preset[1:]) < 0:
        _close(synth, font)
        raise DataError(
            f"FluidSynth cannot play {preset}. "
            f"Install {', '.join(need.package for need in sounds.NEEDS)}."
        )
    for control, value in (
        (_RPN_MSB, 0),
        (_RPN_LSB, 0),
        (_DATA_ENTRY, _BEND_RANGE),
        (_EXPRESSION, 127),
    ):
        synth.cc(0, control, value)
    return synth


def _close(synth: Any, font: int | None) -> None:
    """Ends a synthesiser, but not the soundfont that it borrowed."""
    if font is not None:
        _library()._fl.fluid_synth_remove_sfont(synth.synth, font)
    synth.delete()


_Event = tuple[int, int, int, int]  # time in samples, kind, two values
_OFF, _BEND, _SWELL, _ON = range(4)


def _events(notes: list[Note], bends: Curve, swells: Curve) -> list[_Event]:
    """Everything that happens, in order of time; releases first."""
    events: list[_Event] = []
    for note in notes:
        start = round(note.start_s * RATE)
        stop = start + max(64, round(note.length_s * RATE))
        velocity = int(np.clip(round(127 * note.loudness), 1, 127))
        events.append((start, _ON, note.pitch, velocity))
        events.append((stop, _OFF, note.pitch, 0))
    for time_s, semitones in bends:
        wheel = round(_WHEEL * min(1.0, max(-1.0, semitones / _BEND_RANGE)))
        events.append((round(time_s * RATE), _BEND, wheel, 0))
    for time_s, value in swells:
        events.append((round(time_s * RATE), _SWELL, round(127 * value), 0))
    return sorted(events)


def _happen(synth: Any, event: _Event) -> None:
    _, kind, first, second = event
    if kind == _ON:
        synth.noteon(0, first, second)
    elif kind == _OFF:
        synth.noteoff(0, first)
    elif kind == _BEND:
        synth.pitch_bend(0, first)
    else:
        synth.cc(0, _EXPRESSION, first)


def play(
    preset: Preset,
    notes: list[Note],
    n_samples: int,
    *,
    bends: Curve | None = None,
    swells: Curve | None = None,
) -> FloatArray:
    """Plays notes on one instrument, dry.

    The law: the same arguments give the same bits, whatever was played before.

    Args:
        preset: the instrument.
        notes: in any order.
        n_samples: length of the sound.
        bends: of the pitch of all notes, in semitones up to 12.
        swells: loudness from 0 to 1 of all notes.

    Returns:
        `(n_samples, 2)` at `RATE`.

    Raises:
        DataError: when FluidSynth, the soundfont or the preset is missing.
    """
    sound = np.zeros((n_samples, 2), np.float32)
    if not notes:
        return sound
    synth = _open(preset)
    write = _library()._fl.fluid_synth_write_float
    done = 0
    for event in _events(notes, bends or [], swells or []):
        until = min(n_samples, event[0])
        if until > done:
            left, n = sound.ctypes.data, until - done
            write(synth.synth, n, left, 2 * done, 2, left, 2 * done + 1, 2)
            done = until
        if done < n_samples:
            _happen(synth, event)
    if done < n_samples:
        left, n = sound.ctypes.data, n_samples - done
        write(synth.synth, n, left, 2 * done, 2, left, 2 * done + 1, 2)
    _close(synth, _font(preset.path))
    return sound
