"""pandas indexes of every kind as plain values and Arrow arrays, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.tseries.frequencies import to_offset

from weftline.errors import UnencodableError
from weftline.ext.pandas_columns import Memory, codes_of, index_of, packed, unpacked, with_nulls


class Columns:
    """Arrow arrays of one length, and how each is to be grouped and called in the file.

    Args:
        owner: whose they are, as told to people.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.arrays: list[Any] = []
        self.groups: list[str] = []
        self.names: list[str] = []

    def add(self, values: Any, what: str, name: str = "") -> Any:
        """Packs an array; gives its form.

        Raises:
            UnencodableError: it would not come back as it is; the message names it by `what`.
        """
        try:
            form, array = packed(values)
        except UnencodableError as error:
            kind = f"{self.owner} whose {what} is {error.kind}"
            raise UnencodableError(path="", kind=kind, hint=error.hint) from None
        self.put(array, name, str(form.get("numpy", "~")))
        return form

    def put(self, array: Any, name: str, group: str = "~") -> None:
        """Adds an array that is packed already."""
        self.arrays.append(array)
        self.groups.append(group)
        self.names.append(name)


def index_form(index: Any, columns: Columns) -> Any:
    """An index as plain values; its arrays are added to the columns.

    Raises:
        UnencodableError: it would not come back as it is.
    """
    kind = type(index).__name__
    if type(index) is pd.RangeIndex:
        return {"class": kind, "range": [index.start, index.stop, index.step], "name": index.name}
    if type(index) is pd.MultiIndex:
        levels = []
        for number, (level, codes) in enumerate(zip(index.levels, index.codes, strict=True)):
            inside = Columns(columns.owner)
            values = np.asarray(level) if type(level) is pd.RangeIndex else level.array
            form = inside.add(values, f"index level {index.names[number]!r}")
            numbers = np.ascontiguousarray(codes)
            coded = with_nulls(numbers, pa.from_numpy_dtype(numbers.dtype), -1)
            words = inside.arrays[0]
            is_coded = pa.types.is_dictionary(words.type)
            if is_coded:  # Arrow writes a dictionary of dictionaries, and cannot read it
                words = pa.StructArray.from_arrays([words], ["words"])
            columns.put(pa.DictionaryArray.from_arrays(coded, words, safe=False), f"level {number}")
            told = {"class": type(level).__name__, "values": form, "freq": _frequency(level, columns.owner)}
            levels.append({**told, "coded": True} if is_coded else told)
        return {"class": kind, "levels": levels, "names": list(index.names), "sorted": index.sortorder}
    if index.__class__.__module__.partition(".")[0] != "pandas":
        raise UnencodableError(path="", kind=f"{columns.owner} whose index is a {kind}", hint="use an index of pandas' own")
    return {
        "class": kind,
        "values": columns.add(index.array, "index", "index"),
        "name": index.name,
        "freq": _frequency(index, columns.owner),
    }


def index_from(form: Any, arrays: list[Any], memory: Memory) -> Any:
    """What `index_form` wrote.

    Raises:
        ValueError: it is not that.
    """
    if "range" in form:
        return pd.RangeIndex(*form["range"], name=form["name"])
    if "levels" in form:
        levels = [
            _with_frequency(
                index_of(unpacked(level["values"], _words(level, array), memory), level["class"], None), level["freq"]
            )
            for level, array in zip(form["levels"], arrays, strict=True)
        ]
        codes = [codes_of(array, memory) for array in arrays]
        return pd.MultiIndex(levels, codes, form["sorted"], form["names"], verify_integrity=False)
    index = index_of(unpacked(form["values"], arrays[0], memory), form["class"], form["name"])
    return _with_frequency(index, form["freq"])


def _words(level: Any, array: Any) -> Any:
    return array.dictionary.field(0) if level.get("coded") else array.dictionary


def _frequency(index: Any, owner: str) -> str | None:
    if not isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)) or index.freq is None:
        return None
    name: str = index.freq.freqstr
    try:
        is_same = to_offset(name) == index.freq
    except ValueError:
        is_same = False
    if not is_same:
        kind = f"{owner} whose index has the frequency {index.freq!r}, which its name {name!r} does not tell"
        raise UnencodableError(path="", kind=kind, hint="set index.freq = None")
    return name


def _with_frequency(index: Any, name: str | None) -> Any:
    if name is not None:
        index.freq = to_offset(name)
    return index
