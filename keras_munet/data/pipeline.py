"""Batches as a `tf.data.Dataset`, which TensorFlow trains from on any devices."""

import tensorflow as tf

from keras_munet.data.reader import ChunkBatches, Conditioned


def as_dataset(batches: ChunkBatches | Conditioned) -> tf.data.Dataset:
    """Returns what the batches are, bit for bit, with their number known."""
    spec = tf.TensorSpec((None, *batches.shape), tf.float32)
    if isinstance(batches, Conditioned):
        spec = spec, tf.TensorSpec((None, batches.n_sources), tf.float32)
    data = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=spec)
    counted = tf.data.experimental.assert_cardinality(len(batches))
    return data.apply(counted).prefetch(1)
