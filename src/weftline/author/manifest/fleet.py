"""The kind `Fleet` has its place among manifests; fleets are not built yet, and a file of this kind is refused."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from weftline.author.manifest.strict import Header


class FleetManifest(Header):
    """Sites that work as one. Fleets are not built yet: no file of this kind is accepted."""

    model_config = ConfigDict(json_schema_extra={"not": {}})

    kind: Literal["Fleet"]
    spec: dict[str, Any] = Field(description="Nothing yet.")
