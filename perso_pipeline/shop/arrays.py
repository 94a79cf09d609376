"""NumPy codes to Arrow columns, without a loop over values.

A code of -1 (or a NaN-like minimum) means "nothing". Keep meaning and vocabularies out.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

_HEX = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), dtype="S2")


def scramble(counters: Ints, salt: int) -> npt.NDArray[np.uint64]:
    """A bijection of 64-bit integers (splitmix64): counters in, ids that look random and never collide out."""
    with np.errstate(over="ignore"):
        z = counters.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def hex_ids(prefix: str, counters: Ints, salt: int) -> pa.Array:
    """``prefix`` and 16 hex digits per counter; nothing where the counter is negative."""
    n = len(counters)
    width = len(prefix) + 16
    letters = np.empty((n, width), dtype="S1")
    letters[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype="S1")
    pairs = _HEX[scramble(counters, salt).view(np.uint8).reshape(n, 8)]
    letters[:, len(prefix) :] = pairs.view("S1").reshape(n, 16)
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    return pa.Array.from_buffers(
        pa.string(), n, [_validity(counters >= 0), pa.py_buffer(offsets.tobytes()), pa.py_buffer(letters.tobytes())]
    )


def words(codes: npt.NDArray[Any], vocabulary: pa.Array) -> pa.Array:
    """Dictionary column of ``vocabulary``; nothing where the code is negative."""
    missing = codes < 0
    indices = pa.array(np.where(missing, 0, codes).astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(indices, vocabulary)


def numbers(codes: npt.NDArray[Any]) -> pa.Array:
    """BIGINT column; nothing where the value is negative."""
    return pa.array(codes.astype(np.int64), mask=codes < 0)


def numbered(prefix: str, values: Ints) -> pa.Array:
    """``prefix`` and the digits of each value; nothing where the value is negative."""
    return pa.compute.binary_join_element_wise(prefix, numbers(values).cast(pa.string()), "")


def money(cents: Ints, *, missing: Bools | None = None) -> pa.Array:
    """DECIMAL(18,2) column from whole cents; ``missing`` defaults to none."""
    n = len(cents)
    halves = np.empty((n, 2), dtype=np.int64)
    halves[:, 0] = cents
    halves[:, 1] = np.where(cents < 0, -1, 0)  # sign extension to 128 bits
    validity = None if missing is None else _validity(~missing)
    return pa.Array.from_buffers(pa.decimal128(18, 2), n, [validity, pa.py_buffer(halves.tobytes())])


def instants(microseconds: Ints) -> pa.Array:
    """TIMESTAMP column (UTC) from microseconds since 1970; nothing where negative."""
    return pa.array(microseconds, mask=microseconds < 0).cast(pa.timestamp("us"))


def lists(codes: npt.NDArray[Any], vocabulary: pa.Array) -> pa.Array:
    """list<string> column from an (n, width) matrix; negative codes are left out, an empty list is nothing."""
    keep = codes >= 0
    lengths = keep.sum(axis=1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = vocabulary.take(pa.array(codes[keep].astype(np.int32)))
    return pa.ListArray.from_arrays(pa.array(offsets, mask=np.append(lengths == 0, False)), values)


def nothing(n: int, kind: pa.DataType) -> pa.Array:
    return pa.nulls(n, kind)


def within(groups: Ints) -> Ints:
    """Position 0, 1, 2 ... of each row in its run of equal ``groups`` (rows of a group stand together)."""
    n = len(groups)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    return np.arange(n) - np.repeat(starts, np.diff(np.append(starts, n)))


def _validity(valid: Bools) -> pa.Buffer | None:
    if valid.all():
        return None
    return pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
