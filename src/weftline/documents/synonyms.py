"""Synonyms: other names of a thing that the documents themselves vouch for, or a small vocabulary of conditions."""

from __future__ import annotations

import sqlite3
from functools import cache
from importlib.resources import files

from weftline.documents.names import canonical, contains, forms
from weftline.documents.types import EntityKind

# what many trials call many things; no other name of it says anything
GENERIC = frozenset(
    (
        "chemotherapy",
        "comparator",
        "control",
        "control group",
        "exercise",
        "placebo",
        "radiotherapy",
        "standard care",
        "standard of care",
        "study drug",
        "study treatment",
        "surgery",
        "treatment",
        "usual care",
    )
)
NAMES_OF_ALIAS = "SELECT DISTINCT entity FROM names WHERE kind = ? AND form = ? AND is_alias"
ALIASES_OF_NAME = "SELECT DISTINCT form FROM names WHERE kind = ? AND entity = ? AND is_alias"
NAMES_WITHIN = """
    SELECT DISTINCT form FROM names WHERE kind = ? AND NOT is_alias AND instr(' ' || ? || ' ', ' ' || form || ' ')
"""


def synonyms(db: sqlite3.Connection, kind: EntityKind, form: str) -> tuple[str, ...]:
    """The normal form itself, and the forms that stand for the same thing.

    A drug's other names are typed by hand, and some records list its comparators there. So another name counts only
    when it is no drug's own name, unless the two call each other so, and when it belongs to one thing.
    """
    found = {form, *(vocabulary().get(form, ()) if kind is EntityKind.CONDITION else ())}
    for (entity,) in db.execute(NAMES_OF_ALIAS, (kind, form)):
        name = entity.partition(":")[2]
        if _is_trusted(db, kind, alias=form, name=name):
            found.add(name)
    for (alias,) in db.execute(ALIASES_OF_NAME, (kind, f"{kind}:{form}")):
        if _is_trusted(db, kind, alias=alias, name=form):
            found.add(alias)
    return tuple(sorted(found))


@cache
def vocabulary() -> dict[str, tuple[str, ...]]:
    """By normal form, the other names of a condition in `data/conditions.tsv`."""
    known: dict[str, tuple[str, ...]] = {}
    for line in (files(__package__) / "data" / "conditions.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            heading, names = line.split("\t")
            group = tuple(dict.fromkeys(canonical(name) for name in (heading, *names.split("|"))))
            for name in (heading, *names.split("|")):
                for form in forms(name):
                    known[form] = tuple(dict.fromkeys((*known.get(form, ()), *group)))
    return known


def _is_trusted(db: sqlite3.Connection, kind: EntityKind, alias: str, name: str) -> bool:
    if alias in GENERIC or name in GENERIC:
        return False
    owners = [entity.partition(":")[2] for (entity,) in db.execute(NAMES_OF_ALIAS, (kind, alias))]
    if not all(_are_related(name, owner) for owner in owners):
        return False
    if kind is not EntityKind.INTERVENTION:
        return True  # these are abbreviations that a text defines
    own_names = [row[0] for row in db.execute(NAMES_WITHIN, (kind, alias)) if not _are_related(row[0], name)]
    return all(own == alias and _calls(db, kind, own, name) for own in own_names)


def _calls(db: sqlite3.Connection, kind: EntityKind, name: str, other: str) -> bool:
    """Whether the thing of that name is also called `other` somewhere."""
    return any(alias == other for (alias,) in db.execute(ALIASES_OF_NAME, (kind, f"{kind}:{name}")))


def _are_related(one: str, other: str) -> bool:
    return contains(one, other) or contains(other, one)
