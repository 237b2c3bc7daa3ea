"""Recipes in a ledger, each kept once, and the texts of the functions, classes and long constants that they name."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from weftline.model.fingerprint import Part, Recipe

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Fresh(NamedTuple):
    """What a ledger does not have yet.

    Attributes:
        recipes: each once.
        texts: of their symbols, by digest and name; empty where there is none.
    """

    recipes: Sequence[Recipe]
    texts: Mapping[tuple[str, str], str]


_NOTHING = Fresh((), {})


class Recipes:
    """The tables `recipes` and `sources`; the transactions are the ledger's.

    Args:
        db: the ledger's connection.
        query: asks it, with the ledger's errors.
    """

    def __init__(self, db: sqlite3.Connection, query: Callable[[str, Sequence[Any]], list[Any]]) -> None:
        self._db = db
        self._query = query
        self._known: set[bytes] = set()
        self._texts: set[tuple[str, str]] = set()

    def fresh(self, recipes: Sequence[Recipe]) -> Fresh:
        """Those that are new here, with the texts of their symbols: of no others the files are read."""
        unknown = {recipe.digest: recipe for recipe in recipes if recipe.digest not in self._known}
        if not unknown:
            return _NOTHING
        sql = "SELECT 1 FROM recipes WHERE recipe = ?"
        found = [recipe for digest, recipe in unknown.items() if not self._db.execute(sql, (digest.hex(),)).fetchone()]
        texts: dict[tuple[str, str], str] = {}
        for recipe in found:
            for part in recipe.symbols:
                place = part.digest, part.name
                if place not in self._texts and place not in texts:
                    texts[place] = recipe.source(part).encode("utf-8", "backslashreplace").decode()
        return Fresh(found, texts)

    def write(self, fresh: Fresh) -> None:
        """Writes them; to be called inside of a transaction."""
        rows = [(recipe.digest.hex(), _encode(recipe.as_dict())) for recipe in fresh.recipes]
        self._db.executemany("INSERT OR IGNORE INTO recipes VALUES (?, ?)", rows)
        texts = [(*place, text) for place, text in fresh.texts.items() if text]
        self._db.executemany("INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", texts)

    def written(self, recipes: Sequence[Recipe], fresh: Fresh) -> None:
        """Says that the transaction has ended well."""
        self._known.update([recipe.digest for recipe in recipes])
        if fresh.texts:
            self._texts.update(fresh.texts)

    def read(self, body: str) -> Recipe:
        """A recipe as it was written; it gives the texts of its symbols as long as the ledger is open."""
        return Recipe.from_dict(json.loads(body), self._source)

    def _source(self, symbol: Part) -> str:
        rows = self._query("SELECT text FROM sources WHERE digest = ? AND name = ?", (symbol.digest, symbol.name))
        return str(rows[0][0]) if rows else ""
