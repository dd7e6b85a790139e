"""Artefacts that need none of this package: SavedModel, TFLite, serving, the page.

- `graph`: the one waveform graph, weights as constants
- `saved_model`: `export_saved_model`, for TensorFlow and TF Serving
- `tflite`: `export_tflite`, for phones and browsers; `quantize`: its weights
- `opened`, `signals`, `verify`: the same audio through Keras and an artefact
- `serving`: a model repository for TF Serving
- `web`: the karaoke page
"""
