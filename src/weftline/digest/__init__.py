"""Stable digests of values, files and code: canonical bytes, nothing by repr()."""

from weftline.digest.canonical import (
    DIGEST_BYTES,
    ForeignDigests,
    canonical,
    counted,
    no_foreign_types,
    of,
    of_counted,
    of_foreign,
    of_items,
    of_parts,
)
from weftline.digest.closure import Closure, CodeReader, Symbol
from weftline.digest.files import of_file, of_path, signature_of

__all__ = [
    "DIGEST_BYTES",
    "Closure",
    "CodeReader",
    "ForeignDigests",
    "Symbol",
    "canonical",
    "counted",
    "no_foreign_types",
    "of",
    "of_counted",
    "of_file",
    "of_foreign",
    "of_items",
    "of_parts",
    "of_path",
    "signature_of",
]
