"""Libraries are found by the root module of a type, and an extra that is missing is named."""

import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from weftline.errors import MissingExtraError
from weftline.ports.plugins import InstalledValues, load, offered

#: The name of the library, and that of the extra: of the file in `ext/`.
EXTRAS = {"numpy": "numpy", "pyarrow": "arrow", "pandas": "pandas", "polars": "polars", "torch": "torch"}


def test_these_libraries_are_offered():
    assert EXTRAS.keys() <= offered("weftline.values").keys()


@pytest.mark.parametrize("library", EXTRAS)
def test_an_extra_that_is_missing_is_named(library, monkeypatch):
    point = offered("weftline.values")[library]
    monkeypatch.setitem(sys.modules, library, None)
    for name in [name for name in sys.modules if name.startswith("weftline.ext.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError) as caught:
        load(point, f"storing values of {library}")
    assert f"pip install 'weftline[{EXTRAS[library]}]'" in str(caught.value)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_what_an_extra_brings_besides_is_missed_too(library, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for name in [name for name in sys.modules if name.startswith("weftline.ext.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=f"'{library}'"):
        load(offered("weftline.values")[library], "storing values")


def test_a_mistake_in_our_own_file_is_not_taken_for_a_missing_extra():
    with pytest.raises(ModuleNotFoundError):
        load(EntryPoint("mine", "weftline.ext.nothing_values:VALUES", "weftline.values"), "storing values")


def test_of_types_that_nobody_knows_nothing_is_said():
    found = InstalledValues()
    assert found.for_type(type("Own", (), {})) is None
    assert found.advice(type("Own", (), {})) is None
    assert found.for_name("unheard-of") is None
    assert found.advice(Any.__class__) is None
