"""Where a module comes from decides whether its code is followed."""

import json
import sys
from importlib.metadata import version

import numpy as np
import pytest

from weftline.digest.origin import is_installed, origin_of, version_of

CASES = {
    "the code's own package": ("bakery.mill", "bakery", ("project", "bakery")),
    "the code's own package, though installed": ("numpy.linalg", "numpy", ("project", "numpy")),
    "main": ("__main__", "bakery", ("project", "__main__")),
    "main of a worker": ("__mp_main__", "bakery", ("project", "__mp_main__")),
    "standard library": ("json.decoder", "bakery", ("library", "python")),
    "builtin": ("builtins", "bakery", ("library", "python")),
    "written in C": ("math", "bakery", ("library", "python")),
    "installed": ("numpy.linalg", "bakery", ("library", "numpy")),
    "installed under another name": ("_pytest.fixtures", "bakery", ("library", "pytest")),
    "machinery": ("weftline.author.node", "bakery", ("machinery", "weftline")),
    "machinery for itself": ("weftline.author.node", "weftline", ("machinery", "weftline")),
    "machinery's root": ("weftline", "bakery", ("machinery", "weftline")),
    "what weftline ships to be run, for itself": ("weftline.documents.parse", "weftline", ("project", "weftline")),
    "what weftline ships in its rim, for itself": ("weftline.ext.minilm", "weftline", ("project", "weftline")),
}


@pytest.mark.parametrize(("module", "own", "expected"), CASES.values(), ids=CASES)
def test_where_a_module_comes_from(module, own, expected):
    assert origin_of(module, own) == expected


@pytest.mark.parametrize("module", ["", ".", "..x", "bakery_that_never_was"])
def test_a_module_that_does_not_exist_is_no_error(module):
    assert origin_of(module, "bakery").kind in {"library", "project"}


def test_a_module_in_a_folder_of_the_user_is_the_project(tmp_path, monkeypatch):
    (tmp_path / "bakery_by_file.py").touch()
    (tmp_path / "bakery_by_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert origin_of("bakery_by_file", "other").kind == "project"
    assert origin_of("bakery_by_folder.mill", "other").kind == "project"


def test_versions():
    assert version_of("python") == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert version_of("numpy") == version("numpy")
    assert version_of("bakery-that-never-was") == "?"


def test_installed_files():
    assert is_installed(json.__file__)
    assert is_installed(np.__file__)
    assert not is_installed(__file__)
