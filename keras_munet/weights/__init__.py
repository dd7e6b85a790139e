"""Trained weights that come with the package.

- `shipped`: names, files, whether they are whole, their cards
- `index.json`: what there is; `NAME.tflite`: float16 weights; `NAME.md`: model card
"""

DEFAULT = "vocals"
"""The model that runs where none is named."""
