"""Vocabulary: common names of conditions that MeSH calls otherwise."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from weftline.documents.names import canonical, forms


def common_names(condition: str) -> tuple[str, ...]:
    """The heading and the other names of a condition, when it is in the vocabulary under any of them.

    >>> common_names("Heart attack")
    ('Myocardial Infarction', 'heart attack')
    """
    return _by_form().get(canonical(condition), ())


@cache
def _by_form() -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {}
    for line in (files(__package__) / "data" / "conditions.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            heading, others = line.split("\t")
            names = (heading, *others.split("|"))
            for form in {form for name in names for form in forms(name)}:
                known[form] = tuple(dict.fromkeys((*known.get(form, ()), *names)))
    return known
