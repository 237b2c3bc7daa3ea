"""The reference is complete: every command, option, exit code, error code and setting is in it, as the code has it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "reference" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = generator().pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page_is_what_the_code_says(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == PAGES[name], f"run `make docs`: docs/reference/{name} is out of date"


def test_error_codes_are_unique_and_named_like_errors() -> None:
    from weftline import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.WeftlineError)]
    codes = [kind.code for kind in kinds if kind.code != "W000"]
    assert len(codes) == len(set(codes))
    assert all(kind.__name__.endswith(("Error", "Note")) for kind in kinds)


def test_every_error_is_raised_somewhere() -> None:
    from weftline import errors

    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py") if file.name != "errors.py")
    idle = [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.WeftlineError) and "code" in vars(kind) and kind.code != "W000"
        if f"{name}(" not in source
    ]
    assert not idle
