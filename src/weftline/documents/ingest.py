"""Ingest: the records of a folder, one payload per file, faults noted and not raised."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from weftline.documents.stages import StageContext
from weftline.documents.types import Problem, ProblemKind, RawPayload
from weftline.errors import NoRecordsError

MEDIA_TYPE = "application/json"
MAX_RECORD_BYTES = 20_000_000


def read_records(source: str, max_record_bytes: int = MAX_RECORD_BYTES) -> tuple[RawPayload, ...]:
    """The *.json files of a folder, sorted by name, or the one file that is named.

    A file that is empty, larger than `max_record_bytes` (it is then not read), unreadable, or that repeats the id of an
    earlier one comes with a `problem` and no data. Subfolders are not searched.

    Raises:
        NoRecordsError: the source does not exist, or holds no *.json file.
    """
    payloads = [read_file(path, max_record_bytes) for path in _files(Path(source))]
    return _mark_duplicates(payloads)


def read_file(path: Path, max_record_bytes: int) -> RawPayload:
    """One file as a payload; its faults are noted."""
    try:
        size = path.stat().st_size
        if size > max_record_bytes:
            return _faulty(path, Problem(ProblemKind.OVERSIZED, str(max_record_bytes), size_bytes=size))
        data = path.read_bytes()
    except OSError as error:
        return _faulty(path, Problem(ProblemKind.UNREADABLE, error.strerror or str(error)))
    if not data.strip():
        return _faulty(path, Problem(ProblemKind.EMPTY, size_bytes=len(data)))
    return RawPayload(_name(path), MEDIA_TYPE, data)


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        found = sorted((path for path in source.glob("*.json") if not path.is_dir()), key=lambda path: path.name)
        if not found:
            raise NoRecordsError(path=source.as_posix(), detail="the folder holds no *.json file")
        return found
    if not source.exists():
        raise NoRecordsError(path=source.as_posix(), detail="no such file or folder")
    return [source]


def _faulty(path: Path, problem: Problem) -> RawPayload:
    return RawPayload(_name(path), MEDIA_TYPE, b"", problem)


def _name(path: Path) -> str:
    """The file's own name, so that a folder may move without anything being read again."""
    return path.name.encode("utf-8", "replace").decode()  # a file's name need not be text


def _mark_duplicates(payloads: list[RawPayload]) -> tuple[RawPayload, ...]:
    first: dict[str, str] = {}
    marked = []
    for payload in payloads:
        name = _shallow_id(payload.data)
        if name is not None and name in first:
            problem = Problem(ProblemKind.DUPLICATE, name, first[name], len(payload.data))
            payload = replace(payload, data=b"", problem=problem)
        elif name is not None:
            first[name] = payload.source
        marked.append(payload)
    return tuple(marked)


def _shallow_id(data: bytes) -> str | None:
    """The id of a record that can be read, or None: what is wrong with the others is for `parse` to say."""
    try:
        record = json.loads(data.decode("utf-8-sig"))
        name = record["protocolSection"]["identificationModule"]["nctId"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return name if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class FolderIngest:
    """The ingest stage over a folder of JSON records."""

    max_record_bytes: int = MAX_RECORD_BYTES

    def execute(self, ctx: StageContext, source: str) -> tuple[RawPayload, ...]:  # noqa: ARG002 - part of the contract
        """See `read_records`."""
        return read_records(source, self.max_record_bytes)
