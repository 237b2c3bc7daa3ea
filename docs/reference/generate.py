"""Writes the reference pages from the code: commands, exit codes, errors, settings, events. Run by `make docs`."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    return {
        "cli.md": "\n".join(command_line()) + "\n",
        "errors.md": "\n".join(errors()) + "\n",
        "settings.md": "\n".join(settings()) + "\n",
        "events.md": "\n".join(events()) + "\n",
        "schemas.md": "\n".join(schemas()) + "\n",
        "manifests.md": "\n".join(manifests()) + "\n",
        **manifest_schemas(),
    }


def command_line() -> Iterator[str]:
    import typer.main

    from weftline.cli.exits import Exit
    from weftline.cli.main import app

    group = typer.main.get_command(app)
    yield "# Command line"
    yield ""
    yield "Results go to stdout, everything else to stderr. Commands that read have `--json`. Colours appear on a"
    yield "terminal only; `NO_COLOR` turns them off. `weftline --debug COMMAND` shows the traceback of an error."
    for name, command in commands(group):
        context = typer.Context(command, info_name=f"weftline {name}")
        yield ""
        yield f"## weftline {name}"
        yield ""
        yield from inspect.cleandoc(command.help or "").splitlines()
        yield ""
        yield "```text"
        yield " ".join(["weftline", name, *(piece for piece in command.collect_usage_pieces(context))])
        yield "```"
        yield ""
        yield "| argument or option | meaning |"
        yield "|---|---|"
        for parameter in command.params:
            record = parameter.get_help_record(context)
            if record is None:
                record = (parameter.human_readable_name, getattr(parameter, "help", "") or "")
            label, meaning = (" ".join(part.split()).replace("|", "\\|") for part in record)
            yield f"| `{label}` | {meaning} |"
    yield ""
    yield "## Exit codes"
    yield ""
    yield "| code | name | meaning |"
    yield "|---|---|---|"
    documented = _member_docs(Exit)
    for member in Exit:
        yield f"| {member.value} | {member.name} | {documented[member.name]} |"


def commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its full name, those of groups after the group."""
    for name, command in group.commands.items():
        if getattr(command, "invoke_without_command", False):
            yield prefix + name, command
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield prefix + name, command
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def _member_docs(kind: type) -> dict[str, str]:
    """The strings that stand below the members of an enumeration."""
    import ast

    body = ast.parse(inspect.getsource(kind)).body[0].body
    found = {}
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.Assign) and isinstance(following, ast.Expr):
            found[statement.targets[0].id] = following.value.value
    return found


def errors() -> Iterator[str]:
    from weftline import errors as taxonomy

    kinds = [
        kind
        for kind in vars(taxonomy).values()
        if isinstance(kind, type) and issubclass(kind, taxonomy.WeftlineError) and "code" in vars(kind) and kind.code != "W000"
    ]
    yield "# Errors and findings"
    yield ""
    yield "An error has a code that does not change, a place in your files where one is known, and a fix."
    yield "`weftline check` reports all findings at once; what is called a note does not stop a plan."
    yield "Words in braces are filled in."
    yield ""
    yield "| code | class | what | fix | whose |"
    yield "|---|---|---|---|---|"
    for kind in sorted(kinds, key=lambda kind: kind.code):
        owner = next(part.__name__ for part in kind.__mro__ if part.__name__ in _OWNERS)
        cells = (kind.what, kind.remedy)
        what, fix = (" ".join(cell.split()).replace("|", "\\|").replace("{", "`{").replace("}", "}`") for cell in cells)
        note = " (note)" if kind.severity is taxonomy.Severity.NOTE else ""
        yield f"| {kind.code} | `{kind.__name__}`{note} | {what} | {fix} | {_OWNERS[owner]} |"


_OWNERS = {
    "AuthorError": "the pipeline's author",
    "PlanError": "what was asked for",
    "UsageError": "the command line",
    "DataError": "an input record",
    "MachineError": "the machine",
}


def settings() -> Iterator[str]:
    from weftline.settings import PREFIX, Settings

    described = _attributes(Settings)
    yield "# Settings"
    yield ""
    yield "Read once when a command starts or a pipeline is run; options and arguments go before them."
    yield ""
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for field in dataclasses.fields(Settings):
        default = os.fspath(field.default) if isinstance(field.default, os.PathLike) else field.default
        yield f"| `{PREFIX}{field.name.upper()}` | `{default}` | {described[field.name]} |"


def _attributes(kind: type) -> dict[str, str]:
    """The section `Attributes` of a docstring."""
    text = inspect.getdoc(kind).partition("Attributes:")[2]
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("    ") and not line.startswith("        ") and ":" in line:
            name, _, rest = line.strip().partition(": ")
            found[name] = rest
        elif line.strip() and name:
            found[name] += " " + line.strip()
    return found


def events() -> Iterator[str]:
    from weftline.model.event import Kind
    from weftline.model.transitions import TABLE

    yield "# Events and states"
    yield ""
    yield "The journal of a run is a list of these events; `--progress ndjson` prints them as they happen, one JSON object a"
    yield "line, with `run`, `event`, `at` (seconds since the epoch) and, where they apply, `node`, `item`, `attempt` and"
    yield "further fields."
    yield ""
    for kind in Kind:
        yield f"- `{kind}`"
    yield ""
    yield "A node moves through these states:"
    yield ""
    yield "| from | cause | to |"
    yield "|---|---|---|"
    for (state, cause), target in TABLE.items():
        yield f"| {state} | {cause} | {target} |"


def schemas() -> Iterator[str]:
    import json

    from weftline.cli.schema import names, text_of

    yield "# JSON that commands print"
    yield ""
    yield "Every command that reads has `--json`; what it prints says in `schema` what it is. `weftline schema NAME` prints the"
    yield "JSON Schema (draft 2020-12) of it. The number after `v` grows when a field goes or means something else; a new field"
    yield "alone does not change it, so a program that reads an answer of another version passes over what it does not know."
    yield ""
    yield "`[]` stands for each item of a list, `{}` for each value under a name of its own, `?` for what may be missing."
    for name in names():
        found = json.loads(text_of(name))
        yield ""
        yield f"## {name}"
        yield ""
        yield f"{found['title']}: `{found['properties']['schema']['const']}`."
        yield ""
        yield "| field | type | meaning |"
        yield "|---|---|---|"
        for path, part in _fields(found, found, ""):
            yield f"| `{path}` | {_type(part)} | {part.get('description', '')} |"


def manifest_schemas() -> dict[str, str]:
    """The schema of each kind of manifest, as a file."""
    from weftline.cli.schema import manifest_names, manifest_text

    return {f"manifests/{name}.json": manifest_text(name) for name in manifest_names()}


def manifests() -> Iterator[str]:
    import json

    from weftline.author.manifest.export import ANY

    yield "# Manifests"
    yield ""
    yield "Pipelines, groups, workflows and policies as files. Each kind has a JSON Schema (draft 2020-12), which"
    yield f"`weftline schema KIND` prints; [`{ANY}`](manifests/{ANY}.json) is the one for a file of any kind."
    yield "How they are used is told in [manifests](../howto/manifests.md)."
    yield ""
    yield "`[]` stands for each item of a list, `{}` for each value under a name of its own, `?` for what may be missing."
    for file, text in manifest_schemas().items():
        found, name = json.loads(text), Path(file).stem
        if name == ANY:
            continue
        yield ""
        yield f"## {name}"
        yield ""
        yield f"{found['description']} [Schema]({file})."
        yield ""
        yield "| field | type | meaning |"
        yield "|---|---|---|"
        for path, part in _fields(found, found, ""):
            yield f"| `{path}` | {_type(part)} | {part.get('description', '')} |"


def _fields(part: dict[str, Any], whole: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema by its path, each before what is in it."""
    part = _resolved(part, whole)
    for name, inner in part.get("properties", {}).items():
        if path or name != "schema":
            inner = _resolved(inner, whole)
            optional = "" if name in part.get("required", ()) else "?"
            yield f"{path}{name}{optional}", inner
            yield from _fields(inner, whole, f"{path}{name}.")
    if "items" in part:
        yield from _fields(part["items"], whole, f"{path[:-1]}[].")
    if isinstance(part.get("additionalProperties"), dict):
        yield from _fields(part["additionalProperties"], whole, f"{path[:-1]}{{}}.")


def _resolved(part: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """What a part refers to, with its own description; of a choice between something and null the something."""
    if "anyOf" in part:
        members = [_resolved(member, whole) for member in part["anyOf"]]
        kinds = list(dict.fromkeys(member["type"] for member in members))
        return {**members[0], "type": kinds, **{key: part[key] for key in part if key != "anyOf"}}
    if "$ref" in part:
        found = whole["$defs"][part["$ref"].removeprefix("#/$defs/")]
        return {**found, **{key: part[key] for key in part if key != "$ref"}}
    return part


def _type(part: dict[str, Any]) -> str:
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return ", ".join("null" if value is None else f"`{value}`" for value in part["enum"])
    kinds = part.get("type", "any")
    shown = kinds if isinstance(kinds, str) else " or ".join(kinds)
    values = part.get("additionalProperties")
    inner = part.get("items", {}).get("type") or (values.get("type", "") if isinstance(values, dict) else "")
    of = f" of {inner if isinstance(inner, str) else ' or '.join(inner)}" if inner and inner != "object" else ""
    return shown.replace("array", f"array{of}").replace("object", f"object{of}") if of else shown


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_text(text, encoding="utf-8")
