"""TFRecord files, written without TensorFlow.

A record is its length (8 bytes), a checksum of the length, the payload, and a
checksum of the payload. The checksum is CRC-32C, masked. NumPy computes it on many
lanes at once: a message is cut into equal lanes, and the sums of the lanes are
joined pairwise, because appending n zero bytes is a linear map of the 32 bits.
"""

import functools
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

OVERHEAD = 16
"""Bytes of a record beside its payload."""

HEADER = 12
"""Bytes of a record in front of its payload."""

_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected
_N_LANES = 1024


@functools.cache
def _byte_table() -> Words:
    table: Words = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        low = (table & np.uint32(1)) * np.uint32(_POLYNOMIAL)
        table = (table >> np.uint32(1)) ^ low
    return table


@functools.cache
def _pair_table() -> Words:
    """What two bytes at once do to the sum, `(65536,)`."""
    table, state = _byte_table(), np.arange(65536, dtype=np.uint32)
    for _ in range(2):
        state = table[state & 0xFF] ^ (state >> 8)
    return state


def _apply(matrix: Words, values: Words) -> Words:
    """Multiplies a 32 x 32 bit matrix, given by its columns, with many vectors."""
    result = np.zeros_like(values)
    for bit in range(32):
        result ^= np.where((values >> np.uint32(bit)) & 1, matrix[bit], np.uint32(0))
    return result


@functools.cache
def _append_zeros(n_bytes: int) -> Words:
    """The bit matrix that n zero bytes are to a sum, `(32,)` columns."""
    basis = np.uint32(1) << np.arange(32, dtype=np.uint32)
    step = _byte_table()[basis & 0xFF] ^ (basis >> 8)
    result = basis
    while n_bytes:
        if n_bytes & 1:
            result = _apply(step, result)
        step = _apply(step, step)
        n_bytes >>= 1
    return result


def crc32c(message: bytes | memoryview) -> int:
    """Returns the CRC-32C of a message."""
    n = len(message)
    lane = 2 * -(-n // (2 * _N_LANES))
    padded = np.zeros(_N_LANES * lane, np.uint8)  # zeros in front change nothing
    padded[len(padded) - n :] = np.frombuffer(message, np.uint8)
    columns = np.ascontiguousarray(padded.view("<u2").reshape(_N_LANES, -1).T)
    table, state = _pair_table(), np.zeros(_N_LANES, np.uint32)
    for words in columns:
        state = table[(state ^ words) & 0xFFFF] ^ (state >> np.uint32(16))
    while len(state) > 1:
        state = _apply(_append_zeros(lane), state[0::2]) ^ state[1::2]
        lane *= 2
    start = _apply(_append_zeros(n), np.array([0xFFFFFFFF], np.uint32))
    return int(state[0] ^ start[0]) ^ 0xFFFFFFFF


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write_records(path: Path, payloads: Iterable[bytes | memoryview]) -> None:
    """Writes payloads as a TFRecord file.

    The law: `tf.data.TFRecordDataset(path)` gives the payloads back, and checks
    their sums while doing so.
    """
    with path.open("wb") as file:
        for payload in payloads:
            length = struct.pack("<Q", len(payload))
            file.write(length + struct.pack("<I", _masked(crc32c(length))))
            file.write(payload)
            file.write(struct.pack("<I", _masked(crc32c(payload))))
