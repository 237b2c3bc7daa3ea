"""Files of manifests as a program works with them: shown in the spelling of today, and put in their place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weftline.errors import ChangedManifestError, UnwritableManifestError

if TYPE_CHECKING:
    from weftline.author.manifest.migrate import Migrated


def migrated(path: Path) -> tuple[str, Migrated]:
    """The text of a file, and what it is in the spelling of today.

    Raises:
        UnreadableManifestError: it cannot be read.
        InvalidManifestError: it carries all findings.
        CannotMigrateError: the new text would not say the same, or not have all comments.
    """
    from weftline.author.load import import_modules
    from weftline.author.manifest import migrate, source
    from weftline.author.registry import REGISTRY
    from weftline.settings import Settings

    import_modules(Settings.read().modules_named)
    text = source.text_of(path)
    return text, migrate.migrated(text, str(path), REGISTRY.nodes.names)


def put(path: Path, old: str, new: str) -> None:
    """Puts a text in the place of the one that was read.

    Raises:
        ChangedManifestError: somebody has changed the file since.
        UnwritableManifestError: nothing can be written there; the file is as it was.
    """
    from weftline.author.manifest import source
    from weftline.store import aside

    target = path.resolve()  # of a link, what it points to
    if source.text_of(target) != old:
        raise ChangedManifestError(file=str(path))
    try:
        mode = target.stat().st_mode
        made = aside.name_aside(target)
        aside.put(made, new.encode())
        made.chmod(mode & 0o7777)
        made.replace(target)
    except OSError as error:
        raise UnwritableManifestError(file=str(path), detail=error.strerror or str(error)) from None
