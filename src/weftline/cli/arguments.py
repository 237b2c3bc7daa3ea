"""Arguments and options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from weftline.cli.progress import Progress
from weftline.cli.text import err
from weftline.errors import BadArgumentError

OnFailure = Literal["stop", "continue"]
Target = Annotated[
    str,
    typer.Argument(
        help="file.py, file.py:name, a module, or the name of a shipped pipeline.", show_default=False, metavar="TARGET"
    ),
]
Selection = Annotated[
    list[str] | None,
    typer.Argument(
        help="What to select: NODE, +NODE, NODE+, tag:x, a key, a pattern; a,b for what both select.",
        show_default=False,
        metavar="SELECT",
    ),
]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", help="What to leave out, in the same words.", metavar="SELECT")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="Just this, in the same words: of a key its node, without what that needs.", metavar="SELECT"),
]
InputsFrom = Annotated[
    str, typer.Option("--inputs-from", help="Read what this run has in place of what is left out now.", metavar="RUN")
]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="A parameter: name=value, or node.name=value.", metavar="NAME=VALUE"),
]
FieldOptions = Annotated[
    list[str] | None,
    typer.Option("--field", help="A field of the run, until somebody sets it: name=value.", metavar="NAME=VALUE"),
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the ledger, the cache and the logs.  [default: .weftline]")
]
BackendOption = Annotated[
    str | None,
    typer.Option(
        "--backend",
        "-b",
        help="threads, processes, inline, one that is installed, or an address: interpreter:FILE, http://HOST:PORT.",
    ),
]
Workers = Annotated[int | None, typer.Option("--workers", "-w", min=1, help="Calls at the same time.")]
Gpus = Annotated[
    str | None,
    typer.Option(
        "--gpus", help="GPUs that calls may have: 0,1; empty for none.  [default: all that are visible]", metavar="IDS"
    ),
]
ResourceOptions = Annotated[
    list[str] | None,
    typer.Option("--resource", help="How much there is of what nodes name: licence=2.", metavar="NAME=AMOUNT"),
]
Deadline = Annotated[
    str | None, typer.Option("--deadline", help="How long the run may take: 90s, 30m, 12h.", metavar="DURATION")
]
RetryBudget = Annotated[int | None, typer.Option("--retry-budget", min=0, help="Attempts that the whole run may make again.")]
Force = Annotated[list[str] | None, typer.Option("--force", help="A node to run even if its result is there.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Run all that is selected, and keep the new results.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither look up nor keep results.")]
ProgressOption = Annotated[Progress, typer.Option("--progress", help="How to show the run, on stderr.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also keys and parameters, with where they came from.")]


def loaded(target: str) -> Any:
    """The pipeline of a target; tells what its file spells otherwise than today."""
    from weftline.app.pipeline import load

    pipeline = load(target)
    tell_notes(pipeline)
    return pipeline


def tell_notes(pipeline: Any) -> None:
    """Tells what there is to say of the file that declares a pipeline; nothing, where there is no pipeline."""
    for note in pipeline.notes if pipeline is not None else ():
        err(f"note: {note.place}: {note.message}; {note.fix}" + (f"; {note.hint}" if note.hint else ""))


def home_of(path: Path | None) -> Any:
    """The home that a command works with."""
    from weftline.app.home import Home
    from weftline.settings import Settings

    known = Settings.read()
    return Home(path or known.home, known)


def params_of(words: Sequence[str] | None, option: str = "-p ") -> dict[str, Any]:
    """Parameters, or fields, from `name=value` words; the values are read later, by their types.

    Raises:
        BadArgumentError: a word has no `=`.
    """
    from weftline.model.params import Text

    found: dict[str, Any] = {}
    for word in words or ():
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise BadArgumentError(argument=f"{option}{word}", detail="there is no value", advice=f"write {option}name=value")
        found[name] = Text(value)
    return found


def amounts_of(words: Sequence[str] | None) -> dict[str, float]:
    """Amounts from `name=amount` words.

    Raises:
        BadArgumentError: a word is none.
    """
    found: dict[str, float] = {}
    for word in words or ():
        name, _, amount = word.partition("=")
        try:
            found[name] = float(amount)
        except ValueError:
            found[name] = -1.0
        if not name or not 0 <= found[name] < math.inf:
            raise BadArgumentError(argument=f"--resource {word}", detail="no amount", advice="write --resource name=2")
    return found


def seconds_of(text: str | None) -> float | None:
    """Seconds from text such as `90s`, `30m` or `12h`.

    Raises:
        BadArgumentError: it is none.
    """
    from weftline.model.quantity import duration_s

    if text is None:
        return None
    try:
        return duration_s(text)
    except ValueError as error:
        raise BadArgumentError(argument=f"--deadline {text}", detail=str(error), advice="write 90s, 30m or 12h") from None


def typed_again(request: Any) -> list[str]:
    """The parameters of a request as `name=value` words."""
    return [f"{name}={value}" for name, value in request.params.items()]


@dataclass(frozen=True, slots=True)
class Typed:
    """What a user typed to plan or to run: read as a request, and repeated in commands that are offered to type next."""

    target: str
    select: Sequence[str] = ()
    exclude: Sequence[str] = field(default=(), kw_only=True)
    only: Sequence[str] = field(default=(), kw_only=True)
    inputs_from: str = field(default="", kw_only=True)
    params: Sequence[str] = ()
    force: Sequence[str] = ()
    backend: str | None = None
    workers: int | None = None
    no_cache: bool = False
    refresh: bool = False
    on_failure: OnFailure | None = None
    home: Path | None = None
    fields: Sequence[str] = ()
    gpus: str | None = None
    resources: Sequence[str] = ()
    deadline: str | None = None
    retry_budget: int | None = None

    def request(self) -> Any:
        """What is asked for.

        Raises:
            BadArgumentError: a parameter has no value.
        """
        from weftline.app.home import Request

        return Request(
            params=params_of(self.params),
            fields=params_of(self.fields, "--field "),
            targets=[*self.select, *(f"only:{word}" for word in self.only), *(f"not:{word}" for word in self.exclude)],
            force=self.force,
            backend=self.backend,
            workers=self.workers,
            on_failure=self.on_failure,
            cache=not self.no_cache,
            refresh=self.refresh,
            gpus=self.gpus,
            resources=amounts_of(self.resources),
            deadline_s=seconds_of(self.deadline),
            retry_budget=self.retry_budget,
            trigger="cli",
            inputs_from=self.inputs_from,
        )

    @property
    def asks(self) -> str:
        """Something that decides what runs, other than the target; empty if there is nothing."""
        options = {
            "--exclude": self.exclude,
            "--only": self.only,
            "--inputs-from": self.inputs_from,
            "--force": self.force,
            "--backend": self.backend,
            "--workers": self.workers,
            "--field": self.fields,
            "--gpus": self.gpus,
            "--resource": self.resources,
            "--no-cache": self.no_cache,
            "--refresh": self.refresh,
        }
        given = [name for name, value in options.items() if value]
        return next(iter((*self.select, *self._params, *given)), "")

    def run(self, plan: Path | None = None) -> str:
        """The command that runs what was asked for, or the plan in a file."""
        if plan is not None:
            return self._line("run", "--plan", str(plan))
        options = [part for word in self.only for part in ("--only", word)]
        options += [part for word in self.exclude for part in ("--exclude", word)]
        if self.inputs_from:
            options += ["--inputs-from", self.inputs_from]
        for node in self.force:
            options += ["--force", node]
        if self.backend is not None:
            options += ["--backend", self.backend]
        if self.workers is not None:
            options += ["--workers", str(self.workers)]
        if self.gpus is not None:
            options += ["--gpus", self.gpus]
        for word in self.fields:
            options += ["--field", word]
        for word in self.resources:
            options += ["--resource", word]
        if self.no_cache:
            options.append("--no-cache")
        if self.refresh:
            options.append("--refresh")
        return self._line("run", self.target, *self.select, *self._params, *options)

    def why(self, node: str) -> str:
        """The command that explains a node."""
        return self._line("why", self.target, node, *self._params)

    def about(self, verb: str, *words: str) -> str:
        """A command about a run of the same home."""
        return self._line(verb, *words)

    @property
    def _params(self) -> list[str]:
        return [word for param in self.params for word in ("-p", param)]

    def _line(self, *words: str) -> str:
        import shlex

        return shlex.join(["weftline", *words, *(() if self.home is None else ("--home", str(self.home)))])
