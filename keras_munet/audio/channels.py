"""The order of channels: everywhere in the package that of wav (L R C LFE ...)."""

from collections.abc import Sequence

WAV = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC"),
    *("TFL", "TFC", "TFR", "TBL", "TBC", "TBR"),
)
"""Loudspeakers in the order of a wav's channel mask, as FFmpeg calls them."""

VORBIS = {
    3: (0, 2, 1),  # L C R
    5: (0, 2, 1, 3, 4),  # L C R, back L R
    6: (0, 2, 1, 4, 5, 3),  # L C R, back L R, LFE
    7: (0, 2, 1, 5, 6, 4, 3),  # L C R, side L R, back, LFE
    8: (0, 2, 1, 6, 7, 4, 5, 3),  # L C R, side L R, back L R, LFE
}
"""Channels -> which channel of a wav comes where in Vorbis (section 4.3.9)."""


def to_wav(names: Sequence[str]) -> tuple[int, ...] | None:
    """Says which channel comes where in a wav; None if they lie so, or are unknown.

    Args:
        names: the loudspeaker of each channel.
    """
    if len(set(names)) < len(names) or not set(names) <= set(WAV):
        return None
    order = tuple(sorted(range(len(names)), key=lambda i: WAV.index(names[i])))
    return None if order == tuple(range(len(names))) else order
