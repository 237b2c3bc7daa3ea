"""Recipes in a ledger, each kept once, and the texts of the functions, classes and long constants that they name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from weftline.model.fingerprint import Part, Recipe

if TYPE_CHECKING:
    from weftline.store.journals import Database

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
        db: the ledger's.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: set[bytes] = set()
        self._texts: set[tuple[str, str]] = set()

    def fresh(self, recipes: Sequence[Recipe]) -> Fresh:
        """Those that are new here, with the texts of their symbols: of no others the files are read."""
        unknown = {recipe.digest: recipe for recipe in recipes if recipe.digest not in self._known}
        if not unknown:
            return _NOTHING
        sql = "SELECT 1 FROM recipes WHERE recipe = ?"
        found = [recipe for digest, recipe in unknown.items() if not self._db.query(sql, (digest.hex(),))]
        texts: dict[tuple[str, str], str] = {}
        for recipe in found:
            for part in recipe.symbols:
                place = part.digest, part.name
                if place not in self._texts and place not in texts:
                    texts[place] = recipe.source(part).replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
        return Fresh(found, texts)

    def write(self, fresh: Fresh) -> None:
        """Writes them; to be called inside of a transaction. In order, so that two that do so do not wait for each other."""
        rows = sorted((recipe.digest.hex(), _encode(recipe.as_dict())) for recipe in fresh.recipes)
        self._db.many("INSERT INTO recipes (recipe, body) VALUES (?, ?) ON CONFLICT DO NOTHING", rows)
        texts = sorted((*place, text) for place, text in fresh.texts.items() if text)
        if texts:
            self._db.many("INSERT INTO sources (digest, name, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", texts)

    def written(self, recipes: Sequence[Recipe], fresh: Fresh) -> None:
        """Says that the transaction has ended well."""
        self._known.update([recipe.digest for recipe in recipes])
        if fresh.texts:
            self._texts.update(fresh.texts)

    def read(self, body: str) -> Recipe:
        """A recipe as it was written; it gives the texts of its symbols as long as the ledger is open."""
        return Recipe.from_dict(json.loads(body), self._source)

    def _source(self, symbol: Part) -> str:
        rows = self._db.query("SELECT text FROM sources WHERE digest = ? AND name = ?", (symbol.digest, symbol.name))
        return str(rows[0][0]) if rows else ""
