"""`weftline policies`: the named policies that every manifest knows, as a file to begin with."""

from __future__ import annotations

import typer

from weftline.cli.text import out


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def policies() -> None:
        """Print the policies that every manifest knows, as a manifest.

        Put it beside your manifests to change them: weftline policies > policies.yaml
        """
        from weftline.author.manifest.named import shipped_text

        out(shipped_text().rstrip())
