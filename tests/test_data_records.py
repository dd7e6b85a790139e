"""Records written without TensorFlow are what TensorFlow reads."""

import numpy as np
import pytest

from keras_munet.data import records


@pytest.mark.parametrize(
    ("message", "crc"),
    [
        (b"", 0x00000000),
        (b"123456789", 0xE3069283),  # the check value of CRC-32C
        (b"\0" * 32, 0x8A9136AA),  # RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_crc32c_known_values(message, crc):
    assert records.crc32c(message) == crc


@pytest.mark.parametrize("size", [1, 2, 3, 2047, 2048, 2049, 10001])
def test_crc32c_equals_the_byte_by_byte_one(size, rng):
    message = rng.bytes(size)
    table, state = records._byte_table(), 0xFFFFFFFF
    for byte in message:
        state = int(table[(state ^ byte) & 0xFF]) ^ (state >> 8)
    assert records.crc32c(message) == state ^ 0xFFFFFFFF


def test_tensorflow_reads_what_was_written(tmp_path, rng):
    import tensorflow as tf

    payloads = [rng.bytes(size) for size in (0, 1, 100, 65536)]
    path = tmp_path / "a.tfrecord"
    records.write_records(path, payloads)
    read = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    assert read == payloads
    size = sum(len(p) + records.OVERHEAD for p in payloads)
    assert path.stat().st_size == size

    damaged = bytearray(path.read_bytes())
    damaged[-10] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(path)))


def test_payloads_may_be_views_of_arrays(tmp_path):
    array = np.arange(6, dtype="<i2")
    records.write_records(tmp_path / "a", [array.data.cast("B")])
    records.write_records(tmp_path / "b", [array.tobytes()])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
