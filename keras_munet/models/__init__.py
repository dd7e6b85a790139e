"""Networks: spectrogram to masks, and waveform to waveforms."""

from keras_munet.models.files import load_model, save_model
from keras_munet.models.separator import front_end, separator_model
from keras_munet.models.unet import unet

__all__ = ["front_end", "load_model", "save_model", "separator_model", "unet"]
