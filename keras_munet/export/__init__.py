"""Artefacts that need none of this package: SavedModel, TFLite, serving."""
