"""Which call of a run has written which file: two that write to one path cannot both have what they wrote stored."""

from __future__ import annotations

import os

from weftline.codec.artifact import artifacts_in
from weftline.errors import NoArtifactError
from weftline.model.call import Report
from weftline.model.ids import call_label
from weftline.model.node import NodeSpec

Call = tuple[int, int]


class WrittenPaths:
    """The paths of files and folders that calls have returned.

    Attributes:
        spoiled: the cache keys of calls whose file another one has written to as well, perhaps before it was stored; by call.
    """

    def __init__(self) -> None:
        self.spoiled: dict[Call, bytes | None] = {}
        self._writers: dict[str, tuple[Call, str, bytes | None]] = {}

    def take(self, report: Report, node: NodeSpec, key: bytes | None) -> None:
        """Takes what a call has returned that is stored under a cache key, or under none.

        Raises:
            NoArtifactError: another call has returned the same path; neither can be trusted.
        """
        call = report.handle[:2]
        for artifact in artifacts_in(report.outputs or ()):
            if artifact.is_stored:
                continue
            path = os.path.abspath(artifact.path)  # noqa: PTH100 - links may lead to one file from several places
            writer, name, written = self._writers.setdefault(path, (call, call_label(node.name, call[1]), key))
            if writer != call:
                self.spoiled[writer] = written
                detail = f"{name} has written to it as well, in the same run"
                raise NoArtifactError(
                    what_it_is=f"what {call_label(node.name, call[1])} returns",
                    path=str(artifact.path),
                    detail=detail,
                    place=node.place,
                )
