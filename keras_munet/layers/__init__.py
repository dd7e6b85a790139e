"""Keras layers of the front end and of the U-Net."""

from keras_munet.layers.stft import STFT, InverseSTFT, STFTMagnitude
from keras_munet.layers.warp import LogFrequencyUnwarp, LogFrequencyWarp

__all__ = [
    "STFT",
    "InverseSTFT",
    "LogFrequencyUnwarp",
    "LogFrequencyWarp",
    "STFTMagnitude",
]
