"""The band: drums, bass and other instruments, played from a score.

notes.py       notes, bends, swells
fluid.py       soundfonts through FluidSynth
synth.py       a subtractive synthesiser
machine.py     a drum machine
guitar.py      the guitar amplifier
kits.py, beats.py, grooves.py, drums.py          the stem `drums`
bass_lines.py, bass.py                           the stem `bass`
chords.py, melodies.py, fx.py, ensembles.py, other.py   the stem `other`
levels.py      one loudness for all parts
sounds.py      which files are played, and in which pool
"""

import numpy as np

from keras_munet.studio.band import bass, drums, other
from keras_munet.studio.score import Part, Pool, Score


def render(rng: np.random.Generator, score: Score, pool: Pool) -> dict[str, list[Part]]:
    """Plays everything but the voices.

    The law: the same state of `rng`, score and pool give the same bits, whatever was
    played before.

    Args:
        rng: draws players, patterns and sounds.
        score: the song.
        pool: which soundfonts and samples may be used.

    Returns:
        Parts of the stems `drums`, `bass` and `other`; a list may be empty.
    """
    alone = other.draw_alone(rng, score)
    drum_rng, bass_rng, other_rng = rng.spawn(3)
    return {
        "drums": [] if alone else drums.render(drum_rng, score, pool),
        "bass": [] if alone else bass.render(bass_rng, score, pool),
        "other": other.render(other_rng, score, pool, alone=alone),
    }
