"""Synonyms: other names of a thing that the documents themselves vouch for, or a small vocabulary of conditions."""

from __future__ import annotations

import sqlite3

from weftline.documents.names import canonical, contains
from weftline.documents.types import EntityKind, Predicate
from weftline.documents.vocabulary import common_names

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
HEADING = "SELECT 1 FROM claims WHERE object = ? AND predicate = ? LIMIT 1"
NAMES_WITHIN = """
    SELECT DISTINCT form FROM names WHERE kind = ? AND NOT is_alias AND instr(' ' || ? || ' ', ' ' || form || ' ')
"""


def synonyms(db: sqlite3.Connection, kind: EntityKind, form: str) -> tuple[str, ...]:
    """The normal form itself, and the forms that stand for the same thing.

    A drug's other names are typed by hand, and some records list its comparators there. So an other name does not count
    when it belongs to several things, nor when it is the name of another drug and MeSH has a heading for each of them.
    """
    found = {form}
    if kind is EntityKind.CONDITION:
        found.update(map(canonical, common_names(form)))
    for (entity,) in db.execute(NAMES_OF_ALIAS, (kind, form)):
        name = entity.partition(":")[2]
        if _is_trusted(db, kind, alias=form, name=name):
            found.add(name)
    for (alias,) in db.execute(ALIASES_OF_NAME, (kind, f"{kind}:{form}")):
        if _is_trusted(db, kind, alias=alias, name=form):
            found.add(alias)
    return tuple(sorted(found))


def _is_trusted(db: sqlite3.Connection, kind: EntityKind, alias: str, name: str) -> bool:
    if alias in GENERIC or name in GENERIC:
        return False
    if kind is not EntityKind.INTERVENTION:
        return True  # these are abbreviations that a text defines, or stand in the vocabulary
    owners = [entity.partition(":")[2] for (entity,) in db.execute(NAMES_OF_ALIAS, (kind, alias))]
    if not all(_are_related(name, owner) for owner in owners):
        return False
    others = [own for (own,) in db.execute(NAMES_WITHIN, (kind, alias)) if not _are_related(own, name)]
    return not (_is_heading(db, name) and any(_is_heading(db, other) for other in others))


def _is_heading(db: sqlite3.Connection, drug: str) -> bool:
    return db.execute(HEADING, (f"{EntityKind.INTERVENTION}:{drug}", Predicate.TESTS_INDEXED)).fetchone() is not None


def _are_related(one: str, other: str) -> bool:
    return contains(one, other) or contains(other, one)
