"""From a sung time to a spoken one: consonants as spoken, vowels as long as notes."""

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.studio.singers.analysis import FRAME_S, Voiceprint
from keras_munet.studio.singers.melody import Note

_SHARE = 0.55  # of a syllable, the most that the consonants after its vowel may take
_TURN = 0.35  # of a spoken vowel, at either end, that keeps its speed when held
_RELEASE_S = 0.25  # of the last vowel's end and what follows


def syllable_times(notes: list[Note]) -> FloatArray:
    """Start and end of each syllable in seconds, `(syllables, 2)`."""
    n = notes[-1].syllable + 1
    groups = [[note for note in notes if note.syllable == k] for k in range(n)]
    return np.array([(group[0].start_s, group[-1].end_s) for group in groups])


def warp(print_: Voiceprint, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Aligns a phrase with its notes.

    The law: a vowel begins with its note and is held until the next consonants, which
    last as long as they were spoken; only where the note is too short do they give in.
    What is held is the middle of the vowel; its beginning and end keep their speed.

    Args:
        print_: the spoken phrase, with at least as many vowels as there are notes.
        times: `(syllables, 2)`, start and end of each note in seconds.

    Returns:
        Two rising arrays of the same length: sung times in seconds, and the frames of
        `print_` that sound then.
    """
    nuclei = print_.nuclei[: len(times)]
    last = print_.ends[1] if len(times) == len(print_.nuclei) else nuclei[-1, 1] + 2
    first = min(print_.ends[0], nuclei[0, 0])
    sung = [times[0, 0] - (nuclei[0, 0] - first) * FRAME_S, times[0, 0]]
    spoken = [first, nuclei[0, 0]]
    for k, (start, end) in enumerate(nuclei):
        is_last = k == len(nuclei) - 1
        follows = times[k, 1] if is_last else times[k + 1, 0]
        gap = 0.0 if is_last else (nuclei[k + 1, 0] - end) * FRAME_S
        until = follows - min(gap, _SHARE * (follows - times[k, 0]))
        _vowel(sung, spoken, until, (start, end))
        if is_last:
            coda = min(max(last - end, 1.0), _RELEASE_S / FRAME_S)
            sung.append(until + coda * FRAME_S)
            spoken.append(end + coda)
        else:
            sung.append(follows)
            spoken.append(nuclei[k + 1, 0])
    return np.array(sung), np.array(spoken)


def _vowel(
    sung: list[float], spoken: list[float], until: float, span: tuple[float, float]
) -> None:
    """Appends the points of one vowel that begins where the lists end."""
    begin, (start, end) = sung[-1], span
    turn = _TURN * (end - start)
    if until - begin > (end - start) * FRAME_S:
        sung += [begin + turn * FRAME_S, until - turn * FRAME_S]
        spoken += [start + turn, end - turn]
    sung.append(until)
    spoken.append(end)
