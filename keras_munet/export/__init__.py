"""Artefacts that need none of this package: SavedModel, TFLite, serving.

- `graph`: the one waveform graph, weights as constants
- `saved_model`: `export_saved_model`, for TensorFlow and TF Serving
- `tflite`: `export_tflite`, for phones and browsers; `read_metadata`
- `quantize`, `flatbuffer`: weights and metadata inside a `.tflite`
- `card`: what an artefact says about itself
- `signals`, `verify`: the same audio through Keras and an artefact
- `serving`: a model repository for TF Serving
- `client`: separates songs on a server; `devserver`: a server for tests
"""
