"""Simple players for the desk, so that it is tested without programs or soundfonts."""

import numpy as np

from keras_munet.studio.score import RATE, Part, Score


def _wide(sound, balance=1.0):
    gains = np.array([1.0, balance])
    return (sound[:, None] * gains).astype(np.float32)


def standin_parts(rng: np.random.Generator, score: Score) -> dict[str, list[Part]]:
    """Plays a song with plucked tones, clicks and hiss."""
    t = np.arange(score.n_samples) / RATE

    def tone(pitch, beats):
        hz = 440 * 2 ** ((pitch - 69) / 12)
        phase = t / (score.beat_s * beats) % 1
        envelope = np.exp(-3 * phase) * (1 - np.exp(-200 * phase))
        waves = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))
        return 0.3 * waves * envelope

    beat = t / score.beat_s % 1
    drum = np.sin(2 * np.pi * 70 * t) * np.exp(-8 * beat)
    snare = rng.standard_normal(len(t)) * np.exp(-20 * ((beat + 0.5) % 1))
    kit = 0.3 * drum + 0.2 * snare
    low = score.pitch(score.degrees[0])
    return {
        "vocals": [
            Part("lead", _wide(tone(low + 12, 2))),
            Part("double", _wide(tone(low + 12.1, 2)), -8.0, -0.7),
        ],
        "drums": [Part("kit", _wide(kit, 0.9)), Part("percussion", _wide(snare))],
        "bass": [Part("bass", _wide(tone(low - 12, 1)))],
        "other": [
            Part("chords", _wide(tone(low + 7, 4), 0.7)),
            Part("guitar", _wide(tone(low + 4, 1)), 0.0, 0.6),
            Part("pad", _wide(tone(low, 8)), -6.0),
        ],
    }
