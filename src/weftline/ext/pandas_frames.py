"""pandas frames from arrays that lie in the memory of a file, without copying and without a block for each column."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd


def frame_of(columns: list[Any], index: Any, labels: Any) -> Any:
    """A frame in the memory of its columns.

    Columns of one type that lie at equal distances become one block, as pandas has it itself; otherwise pandas would warn
    that a frame of a hundred columns is fragmented as soon as one more is added.
    """
    groups: dict[Any, list[int]] = {}
    for at, column in enumerate(columns):
        is_plain = isinstance(column, np.ndarray) and column.dtype != object
        groups.setdefault((column.dtype.str if is_plain else at), []).append(at)
    blocks = [(_block([columns[at] for at in places]), np.array(places, np.intp)) for places in groups.values()]
    return _assembled(blocks, columns, index, labels)


def _block(columns: list[Any]) -> Any:
    """One array of all columns, a row for each; of an array of pandas' own, that array."""
    first = columns[0]
    if not isinstance(first, np.ndarray):
        return first
    if len(columns) == 1:
        return first.reshape(1, -1)
    places = [column.ctypes.data for column in columns]
    pitch = places[1] - places[0]
    is_even = all(later - earlier == pitch for earlier, later in itertools.pairwise(places))
    base = first.base
    if not is_even or not isinstance(base, np.ndarray) or not len(first) or pitch < first.nbytes:
        return np.stack(columns)
    offset = places[0] - base.ctypes.data
    return np.ndarray((len(columns), len(first)), first.dtype, base, offset, (pitch, first.itemsize))


def _assembled(blocks: list[Any], columns: list[Any], index: Any, labels: Any) -> Any:
    try:
        from pandas.api.internals import create_dataframe_from_blocks
    except ImportError:  # before pandas 3
        if len(blocks) == 1 and isinstance(blocks[0][0], np.ndarray):
            return pd.DataFrame(blocks[0][0].T, index, labels, copy=False)
        frame = pd.DataFrame(dict(enumerate(columns)), index, copy=False)
        frame.columns = labels
        return frame
    return create_dataframe_from_blocks(blocks, index, labels)
