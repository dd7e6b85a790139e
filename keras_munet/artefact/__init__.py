"""What model files say about themselves, read without TensorFlow or Keras.

- `card`: the model card inside every artefact
- `tflite`, `saved_model`, `keras_file`: where each kind of file keeps it
- `flatbuffer`: a `.tflite` file as data
"""
