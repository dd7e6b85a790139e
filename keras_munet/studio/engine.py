"""One song of the studio: written, sung, played and mixed."""

import numpy as np

from keras_munet.dsp import FloatArray
from keras_munet.music.collection import FIRST_TEST_INDEX, Engine
from keras_munet.music.engine import require_length, with_mixture
from keras_munet.studio import band, desk, singers
from keras_munet.studio.needs import require_studio
from keras_munet.studio.score import Pool, Score, draw_score

_SCORE, _SINGERS, _BAND, _DESK = range(4)


def write_score(seed: int, index: int, seconds: float) -> Score:
    """Returns what `make_track` plays, on paper."""
    return draw_score(np.random.default_rng([seed, index, _SCORE]), seconds)


def make_track(seed: int, index: int, seconds: float) -> dict[str, FloatArray]:
    """Plays one song.

    Score, singers, band and desk each draw from a generator of their own, so that a
    change to one of them leaves the others' draws alone.

    Args:
        seed: of the collection.
        index: of the song in it; from `collection.FIRST_TEST_INDEX` on, singers and
            sounds are others than before it.
        seconds: length of the song.

    Returns:
        stem -> `(samples, 2)` at 44.1 kHz, multiples of 2**-15: `mixture` (the exact
        sum), `vocals`, `drums`, `bass`, `other`.

    Raises:
        ValueError: when the song would be shorter than a second.
    """
    require_length(seconds)
    pool: Pool = "test" if index >= FIRST_TEST_INDEX else "train"

    def rng(player: int) -> np.random.Generator:
        return np.random.default_rng([seed, index, player])

    score = write_score(seed, index, seconds)
    parts = {
        **band.render(rng(_BAND), score, pool),
        "vocals": singers.render(rng(_SINGERS), score, pool),
    }
    return with_mixture(desk.mix(rng(_DESK), score, parts))


STUDIO = Engine("studio", make_track, require_studio)
"""For `write_tracks`."""
