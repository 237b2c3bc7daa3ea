"""Opens the ledger that a URL names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from weftline.app.stores import without_secrets
from weftline.errors import BadLedgerUrlError, UnknownLedgerError, did_you_mean
from weftline.ports import plugins
from weftline.ports.ledger import Journals

_GROUP = "weftline.ledgers"


def open_journals(url: str, file: Path) -> Journals:
    """The ledger that a URL names.

    Args:
        url: `sqlite:FILE`, or a scheme that an installed package offers; empty for a file of the home.
        file: that file.

    Raises:
        UnknownLedgerError: nobody knows the scheme.
        BadLedgerUrlError: the URL does not fit its scheme.
        MissingExtraError: what it needs is not installed.
        LedgerUnusableError: the place cannot be used.
    """
    from weftline.store.sqlite import SqliteLedger

    if not url:
        return SqliteLedger(file)
    shown = without_secrets(url).partition("?")[0]
    try:
        parts = urlsplit(url)
    except ValueError:  # such as a bracket without the other
        raise BadLedgerUrlError(url=shown, detail="it cannot be taken apart", advice="write SCHEME://HOST/NAME") from None
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path or parts.query:
            raise BadLedgerUrlError(
                url=shown, detail="it is more or less than a path", advice="write sqlite:/path or sqlite:path"
            )
        return SqliteLedger(Path(parts.path).expanduser().absolute())
    offered = plugins.offered(_GROUP)
    if parts.scheme not in offered:
        known = sorted({"sqlite", *offered})
        raise UnknownLedgerError(url=shown, known=", ".join(known), hint=did_you_mean(parts.scheme, known))
    opener: Callable[[str], Journals] = plugins.load(offered[parts.scheme], f"a ledger at {parts.scheme}:")
    return opener(url)
