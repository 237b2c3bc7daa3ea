"""What a pipeline was declared by: the texts of its manifests, so that a run keeps the topology that it began with."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from weftline.model.fingerprint import Part, Recipe


class ManifestText(NamedTuple):
    """The name of a file, and what it says."""

    file: str
    text: str

    @property
    def digest(self) -> str:
        """Of the text, in hex."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


class Topology(NamedTuple):
    """What declares a pipeline.

    Attributes:
        name: what it is called in the texts.
        texts: of the files, the one that is named by the target first.
    """

    name: str
    texts: tuple[ManifestText, ...]

    def as_recipe(self) -> Recipe:
        """The same as a ledger keeps it: a recipe whose symbols are the texts, each kept once for however many runs."""
        parts = tuple(Part(text.file, text.digest) for text in self.texts)
        known = {text.file: text.text for text in self.texts}
        code = hashlib.sha256(repr([self.name, *parts]).encode()).hexdigest()
        return Recipe(code, parts, shape=("topology", self.name), source=lambda part: known[part.name])

    @classmethod
    def of(cls, recipe: Recipe) -> Topology:
        """What `as_recipe` gave, after it was read."""
        return cls(recipe.shape[1], tuple(ManifestText(part.name, recipe.source(part)) for part in recipe.symbols))
