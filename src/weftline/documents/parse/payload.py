"""From bytes to a JSON object, and every way in which that fails, told with line and column."""

from __future__ import annotations

import codecs
import json
from typing import Any, NoReturn

from weftline.documents.types import Problem, ProblemKind
from weftline.errors import DuplicateRecordError, OversizedRecordError, Place, UnreadableRecordError

# longest first: the mark of UTF-16 is the beginning of that of UTF-32
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def raise_problem(source: str, problem: Problem) -> NoReturn:
    """The error that stands for a fault which was noted when the file was read."""
    if problem.kind is ProblemKind.OVERSIZED:
        limit = int(problem.detail)
        raise OversizedRecordError(source=source, size_bytes=problem.size_bytes, limit_bytes=limit, place=Place(source))
    if problem.kind is ProblemKind.DUPLICATE:
        raise DuplicateRecordError(source=source, document=problem.detail, first=problem.first, place=Place(source))
    if problem.kind is ProblemKind.EMPTY:
        raise _unreadable(source, "the file is empty", "fetch the record again, or remove the file")
    raise _unreadable(source, f"it cannot be read: {problem.detail}", "check that it is a file, and its permissions")


def decode_record(source: str, data: bytes) -> dict[str, Any]:
    """The JSON object in the bytes: UTF-8, with or without a byte order mark.

    Raises:
        UnreadableRecordError: with line and column where there is one.
    """
    text = _decode(source, data)
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        advice = _json_advice(text, error)
        raise _unreadable(source, f"broken JSON: {error.msg}", advice, error.lineno, error.colno) from None
    except RecursionError:
        raise _unreadable(source, "JSON that is nested too deeply", "a study is less than 20 levels deep") from None
    except ValueError as error:  # a number with more digits than Python converts
        raise _unreadable(source, f"broken JSON: {error}", "mend the number") from None
    if not isinstance(record, dict):
        kind = "a list" if isinstance(record, list) else f"of type {type(record).__name__}"
        raise _unreadable(source, f"its JSON is {kind}, not an object", "save one study per file, as an object")
    return record


def _decode(source: str, data: bytes) -> str:
    encoding = _other_encoding(data)
    if encoding is not None:
        raise _unreadable(source, f"it is {encoding}, not UTF-8", f"convert it: iconv -f {encoding} -t UTF-8", 1, 1)
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line_start = before.rfind(b"\n") + 1
        column = len(before[line_start:].decode("utf-8")) + 1
        raise _unreadable(
            source,
            f"it is not UTF-8: byte 0x{data[error.start]:02x}",
            "convert it: iconv -f LATIN1 -t UTF-8, if that is what it was",
            before.count(b"\n") + 1,
            column,
        ) from None


def _other_encoding(data: bytes) -> str | None:
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding
    # JSON begins with an ASCII character, so a zero byte near the start is half of a wider one (RFC 4627, section 3)
    if b"\0" in data[:4]:
        return "UTF-32" if data[:4].count(b"\0") == 3 else "UTF-16"
    return None


def _json_advice(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return "the file ends too early: fetch the record again"
    if text.lstrip().startswith("<"):
        return "this is HTML or XML: fetch the record with Accept: application/json"
    return "mend the JSON at that place, or fetch the record again"


def _unreadable(
    source: str, detail: str, advice: str, line: int | None = None, column: int | None = None
) -> UnreadableRecordError:
    return UnreadableRecordError(source=source, detail=detail, advice=advice, place=Place(source, line, column))
