"""Plans in files: what was planned and what was asked for, to be compared with what would happen now."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from weftline.app import verbs
from weftline.app.groups import given_to
from weftline.app.home import Home, Request
from weftline.author.pipeline import Pipeline
from weftline.errors import BadArgumentError, PlanFileError, StalePlanError, WouldOverwriteError
from weftline.model.params import Text, read_fields
from weftline.model.plan import Decision, Plan
from weftline.plan.render import PrintedPlan, as_dict
from weftline.version import __version__

_SCHEMA = "weftline.plan/v"
_VERSION = 1
#: Arguments that a plan in a file answers, so that nobody else may.
_ANSWERED = (
    "targets",
    "force",
    "refresh",
    "backend",
    "workers",
    "gpus",
    "resources",
    "cache",
    "inputs_from",
    "gates",
    "fields",
)
#: What a file says of what was asked for.
_SAVED = {"weftline", "target", "params", "typed", "left_out", *_ANSWERED, "digest"}
#: What decides the result of a step, beside its decision, in words.
_DECIDES = {
    "recipe": "its code, parameters or environment",
    "inputs": "its inputs",
    "items": "its items",
    "key": "its key",
}


@dataclass(frozen=True, slots=True, repr=False)
class AskedPlan(PrintedPlan):
    """A plan with what was asked for, so that it can be saved.

    Attributes:
        request: what was asked for.
    """

    request: Request = field(default_factory=Request)

    def save(self, path: str | Path) -> None:
        """Writes it to a file, which `Pipeline.run(plan=...)` and `weftline run --plan` take.

        Raises:
            WouldOverwriteError: another file, which is no plan, has that name.
        """
        save(self, self.request, Path(path))


class SavedPlan(NamedTuple):
    """A plan that was read from a file.

    Attributes:
        path: of the file.
        content: the plan, as `weftline plan --json` prints it.
        target: how the pipeline was named on the command line; empty if it was made by a program.
        request: what was asked for.
        left_out: parameters and given keys that the file cannot hold.
    """

    path: Path
    content: Mapping[str, Any]
    target: str
    request: Request
    left_out: tuple[str, ...]


def save(plan: Plan, request: Request, path: Path) -> None:
    """Writes a plan with what was asked for; what is in a file of that name is lost, if that is a plan.

    Raises:
        WouldOverwriteError: another file, which is no plan, has that name.
        BadArgumentError: no file can be written there, or none can hold what was asked for.
    """
    if path.exists() and not _is_plan(path):
        raise WouldOverwriteError(path=str(path))
    if not isinstance(request.backend, str | None):
        detail, advice = "no file can hold a backend that a program has made", "plan for one that has a name"
        raise BadArgumentError(argument=f"backend={plan.backend!r}", detail=detail, advice=advice)
    params = given_to(plan, request.params)
    kept = {name: value for name, value in params.items() if _is_plain(value)}
    content = as_dict(plan)
    content["saved"] = {
        "weftline": __version__,
        "target": plan.graph.target,
        "params": kept,
        "typed": [name for name, value in kept.items() if not isinstance(value, Text)],
        "left_out": [name for name in params if name not in kept] + sorted(request.given),
        "targets": list(request.targets),
        "force": list(request.force),
        "refresh": request.refresh,
        "backend": plan.backend,
        "workers": request.workers,
        "gpus": request.gpus,
        "resources": dict(request.resources),
        "cache": request.cache,
        "inputs_from": request.inputs_from,
        "gates": list(request.gates),
        "fields": read_fields(request.fields, plan.graph.fields),
    }
    content["saved"]["digest"] = _digest(content)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        detail, advice = error.strerror or str(error), "name a file that can be written"
        raise BadArgumentError(argument=str(path), detail=detail, advice=advice) from error
    finally:
        with contextlib.suppress(OSError):  # it has taken its name, or never was
            aside.unlink()


def read(path: Path) -> SavedPlan:
    """Reads a plan from a file.

    Raises:
        PlanFileError: it is no plan, is of a newer version, or was changed.
    """
    again = f"make it again: weftline plan TARGET -o {path}"
    content = _content(path)
    schema = content.get("schema") if isinstance(content, dict) else None
    version = schema.removeprefix(_SCHEMA) if isinstance(schema, str) and schema.startswith(_SCHEMA) else ""
    if not isinstance(content, dict) or not version.isdecimal():
        raise PlanFileError(path=str(path), detail="it is no plan of weftline", advice=again)
    if int(version) > _VERSION:
        advice = "use the weftline that wrote it, or a newer one"
        raise PlanFileError(path=str(path), detail=f"it is a {schema}, and this is weftline {__version__}", advice=advice)
    saved = content.get("saved")
    if not isinstance(saved, dict):
        detail = "it does not say what was asked for, as what `plan --json` prints does not"
        raise PlanFileError(path=str(path), detail=detail, advice=again)
    if saved.get("digest") != _digest(content):
        raise PlanFileError(path=str(path), detail="it was changed after it was written", advice=again)
    if set(saved) != _SAVED:
        detail = f"weftline {saved.get('weftline')} wrote it, and says of what was asked for more or less than {__version__}"
        raise PlanFileError(path=str(path), detail=detail, advice=again)
    typed = set(saved["typed"])
    request = Request(
        params={name: value if name in typed else Text(value) for name, value in saved["params"].items()},
        **{name: saved[name] for name in _ANSWERED},
    )
    return SavedPlan(path, content, saved["target"], request, tuple(saved["left_out"]))


def asked_again(saved: SavedPlan, asked: Mapping[str, Any]) -> Request:
    """The request of a saved plan, with what its file leaves to be given again.

    Raises:
        BadArgumentError: something is given that the plan says, or something is missing that it does not say.
    """
    for name in _ANSWERED:
        if asked.get(name) is not None:
            raise BadArgumentError(argument=f"{name}=", detail=f"the plan in {saved.path} says that", advice="leave it out")
    params, given = asked.get("params") or {}, asked.get("given") or {}
    for name in (*params, *given):
        if name not in saved.left_out:
            raise BadArgumentError(argument=name, detail=f"the plan in {saved.path} says that", advice="leave it out")
    missing = [name for name in saved.left_out if name not in params and name not in given]
    if missing:
        advice = f"give it again, as when the plan was made: pipeline.run(plan=..., given={{{missing[0]!r}: ...}})"
        raise BadArgumentError(argument=missing[0], detail=f"the plan in {saved.path} cannot hold its value", advice=advice)
    others = {name: value for name, value in asked.items() if name not in {"params", "given"} and value is not None}
    return replace(saved.request, params={**saved.request.params, **params}, given=given, **others)


def plan_again(saved: SavedPlan, pipeline: Pipeline, home: Home, request: Request) -> Plan:
    """The plan of now, if it is that of the file.

    Raises:
        StalePlanError: it is not; the error lists what is different.
        InvalidPipelineError: there is no plan any more.
    """
    made = verbs.plan(pipeline, home, request)
    differences = list(_differences(saved.content, as_dict(made)))
    if differences:
        raise StalePlanError(path=str(saved.path), differences=tuple(differences), command=_command(saved, home))
    return made


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if then["pipeline"] != now["pipeline"]:
        yield f"pipeline {then['pipeline']} then, {now['pipeline']} now"
    before = {step["node"]: step for step in then["steps"]}
    for step in now["steps"]:
        old = before.pop(step["node"], None)
        if old is None:
            yield f"{step['node']}: not there then, {_told(step)}"
        elif old["decision"] != step["decision"]:
            yield f"{step['node']}: {old['decision']} then, {_told(step)}"
        elif step["decision"] != Decision.SKIP and (what := _other(old, step)):
            yield f"{step['node']}: {step['decision']} then and now, but {what} changed since"
    yield from (f"{name}: {step['decision']} then, not there now" for name, step in before.items())


def _told(step: Mapping[str, Any]) -> str:
    """The decision of now with its reason; of a hit, which speaks for itself, without."""
    code, detail = step["reason"]["code"], step["reason"]["detail"]
    reason = f", {code}: {detail}" if detail else "" if step["decision"] == Decision.CACHED else f", {code}"
    return f"{step['decision']} now{reason}"


def _other(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    return next((words for name, words in _DECIDES.items() if then.get(name) != now.get(name)), "")


def _command(saved: SavedPlan, home: Home) -> str:
    """The command that makes the plan again, as far as one does."""
    asked = saved.request
    words = ["weftline", "plan", saved.target or "TARGET", *asked.targets]
    words += [word for name, value in asked.params.items() for word in ("-p", f"{name}={value}")]
    words += [word for node in asked.force for word in ("--force", node)]
    words += ["--refresh"] * asked.refresh + ["--no-cache"] * (not asked.cache)
    words += ["--inputs-from", asked.inputs_from] if asked.inputs_from else []
    if home.shown != str(home.settings.home):
        words += ["--home", home.shown]
    return shlex.join([*words, "-o", str(saved.path)])


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (str, int))


def _is_plan(path: Path) -> bool:
    try:
        content = _content(path)
    except PlanFileError:
        return False
    return isinstance(content, dict) and str(content.get("schema")).startswith(_SCHEMA)


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        advice = "name a file that `weftline plan -o` wrote"
        raise PlanFileError(path=str(path), detail=error.strerror or str(error), advice=advice) from error
    except (ValueError, RecursionError) as error:
        advice = "name a file that `weftline plan -o` wrote"
        raise PlanFileError(path=str(path), detail="it is not JSON", advice=advice) from error


def _digest(content: Mapping[str, Any]) -> str:
    """Of everything but the digest itself, however it is laid out."""
    saved = {name: value for name, value in content["saved"].items() if name != "digest"}
    text = json.dumps({**content, "saved": saved}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


__all__: Sequence[str] = ["AskedPlan", "SavedPlan", "asked_again", "plan_again", "read", "save"]
