"""Networks: spectrogram to masks, and waveform to waveforms."""

from keras_munet.models.build import build_network, source_masks
from keras_munet.models.files import load_model, save_model
from keras_munet.models.separator import FrontEnd, separator_model

__all__ = [
    "FrontEnd",
    "build_network",
    "load_model",
    "save_model",
    "separator_model",
    "source_masks",
]
