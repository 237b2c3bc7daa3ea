"""The taxonomy: one class per cause, each with a code, a place and a fix.

An error of weftline says what happened, where, and what to do. The same classes serve twice: raised, they stop the
caller; collected, they are the *findings* of `check`, which reports all of them at once.

The first letter of a code names the subject, and the class above a cause names whose fault it is:

====== ================================== =====================
letter subject                            usual fault
====== ================================== =====================
A      a node's declaration               `AuthorError`
G      the graph                          `AuthorError`
P      parameters and selections          `PlanError`
K      keys, values and the cache         `AuthorError`, `MachineError`
R      a run                              `AuthorError`, `MachineError`
B      backends                           `PlanError`, `MachineError`
L      the ledger                         `MachineError`
T      targets: finding the pipeline      `UsageError`
D      documents                          `DataError`
M      manifests: pipelines as files      `AuthorError`
====== ================================== =====================
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from enum import StrEnum
from itertools import islice
from typing import Any, ClassVar, NamedTuple, dataclass_transform


class Severity(StrEnum):
    """How much a finding matters: an `ERROR` stops the plan, a `NOTE` is only told."""

    ERROR = "error"
    NOTE = "note"


class Place(NamedTuple):
    """Where a cause stands in the user's files."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """`file:line:column`, relative to the working directory where the file lies below it."""
        name = self.file
        if os.path.isabs(name):  # noqa: PTH117 - pathlib costs 20 us per place, and a graph may have 100,000
            here = os.getcwd()  # noqa: PTH109
            if name.startswith(here + os.sep):
                name = name[len(here) + 1 :]
        return ":".join(str(part) for part in (name, self.line, self.column) if part is not None)


def did_you_mean(word: str, known: Iterable[str], limit: int = 3) -> str | None:
    """A hint that lists the closest of the known words, or None when nothing is close."""
    close = get_close_matches(word, list(known), n=limit, cutoff=0.6)
    if not close:
        return None
    return "did you mean " + " or ".join(repr(name) for name in close) + "?"


def listing(names: Collection[str], limit: int = 20) -> str:
    """The first names in a row, and how many more there are; `none` for none."""
    shown = ", ".join(islice(names, limit)) or "none"
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def brief(text: str, most: int = 80) -> str:
    """A text that others wrote, short enough for a message."""
    return text if len(text) <= most else text[: most - 3] + "..."


@dataclass_transform(kw_only_default=True, eq_default=False)
class _WithFields(Exception):
    """Shows annotated attributes of subclasses to type checkers as keyword arguments, without a dataclass's start-up cost."""


class WeftlineError(_WithFields):
    """The root of everything that weftline raises.

    Attributes:
        code: stable identifier of the cause; documented in the error reference.
        what: template of the message, filled from the fields.
        remedy: template of the fix.
        transient: whether trying the same thing again may help.
        place: where in the user's files, when known.
        hint: one more line, such as a suggestion of the name that was meant.
    """

    code: ClassVar[str] = "W000"
    what: ClassVar[str] = "{detail}"
    remedy: ClassVar[str] = ""
    severity: ClassVar[Severity] = Severity.ERROR

    transient: bool = False
    place: Place | None = None
    hint: str | None = None

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        self.__dict__.update(fields)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__.copy())

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        return self.what.format_map(_Fields(self))

    @property
    def fix(self) -> str:
        """What to do about it."""
        return self.remedy.format_map(_Fields(self))

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.code}: {self.message}>"

    def lines(self) -> Iterator[str]:
        """The message as it is printed: the code and the sentence, then place, fix and hint, each on its line."""
        yield f"[{self.code}] {self.message}"
        if self.place is not None:
            yield f"  at   {self.place}"
        head = "  fix  "
        for text in (*self.fix.splitlines(), *(self.hint or "").splitlines()):
            yield head + text
            head = "       "

    def as_dict(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        place = self.place
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "place": None if place is None else {"file": place.file, "line": place.line, "column": place.column},
            "fix": self.fix,
            "hint": self.hint,
        }


class _Fields(dict[str, Any]):
    """Template fields read from an error's attributes."""

    def __init__(self, error: WeftlineError) -> None:
        super().__init__()
        self._error = error

    def __missing__(self, key: str) -> Any:
        return getattr(self._error, key)


def _rebuild(kind: type[WeftlineError], fields: dict[str, Any]) -> WeftlineError:
    return kind(**fields)


# --- whose fault it is --------------------------------------------------------------------------------------------


class AuthorError(WeftlineError):
    """The pipeline's code declares or does something that cannot work."""


class PlanError(WeftlineError):
    """What was asked for does not fit the pipeline."""


class UsageError(WeftlineError):
    """The command line or the call is not understood."""


class DataError(WeftlineError):
    """An input record is not what its stage can read."""


class MachineError(WeftlineError):
    """This machine, a disk or a service does not give what is needed."""


# --- A: declarations ----------------------------------------------------------------------------------------------


class UnresolvedAnnotationError(AuthorError):
    code = "A101"
    what = "the annotations of node {node!r} cannot be resolved: {detail}"
    remedy = "import the name where the node is defined; names under `if TYPE_CHECKING` are not seen at run time"
    node: str
    detail: str


class ProvidesMismatchError(AuthorError):
    code = "A102"
    what = "node {node!r} provides {count} keys, but returns {returns}"
    remedy = "annotate the return type as a tuple with one entry per key of `provides`"
    node: str
    count: int
    returns: str


class BadDeclarationError(AuthorError):
    code = "A103"
    what = "node {node!r}: {detail}"
    remedy = "{advice}"
    node: str
    detail: str
    advice: str


class NotANodeError(AuthorError):
    code = "A104"
    what = "{value} is not a node"
    remedy = "decorate the function with @node(provides=...), or subclass Node and give an instance"
    value: str


# --- G: the graph -------------------------------------------------------------------------------------------------


class InvalidPipelineError(PlanError):
    code = "G200"
    what = "pipeline {pipeline!r} {verdict}: {count}"
    remedy = "{listing}"
    pipeline: str
    findings: tuple[WeftlineError, ...]

    @property
    def verdict(self) -> str:
        """Whether the pipeline is at fault, or what was asked of it."""
        return "is not valid" if any(isinstance(found, AuthorError) for found in self.findings) else "cannot run as asked"

    @property
    def count(self) -> str:
        """How many findings there are, in words."""
        return f"{len(self.findings)} finding" + ("" if len(self.findings) == 1 else "s")

    @property
    def listing(self) -> str:
        """All findings, one after the other."""
        return "\n".join(str(finding) for finding in self.findings)

    def lines(self) -> Iterator[str]:
        """The sentence, then every finding in full."""
        yield f"[{self.code}] {self.message}"
        for finding in self.findings:
            yield from finding.lines()


class MissingKeyError(AuthorError):
    code = "G201"
    what = "node {node!r} requires {key!r}, which nothing provides"
    remedy = "add a node that provides {key!r}, or pass it: weftline run {target} -p {key}=..."
    node: str
    key: str
    target: str = "FILE"


class TwoProducersError(AuthorError):
    code = "G202"
    what = "{key!r} is provided by both {first!r} and {second!r}"
    remedy = "rename one of the two keys, or leave one of the nodes out; {first!r} is at {other}"
    key: str
    first: str
    second: str
    other: str


class TypeMismatchError(AuthorError):
    code = "G203"
    what = "{key!r}: node {producer!r} provides {given}, but node {consumer!r} wants {wanted}"
    remedy = "make the two annotations agree; {producer!r} is at {other}"
    key: str
    producer: str
    consumer: str
    given: str
    wanted: str
    other: str


class CycleError(AuthorError):
    code = "G204"
    what = "the nodes wait for each other: {path}"
    remedy = "break the circle: loops stand outside the graph (run it again) or inside one node"
    nodes: tuple[str, ...]

    @property
    def path(self) -> str:
        """The circle as `a -> b -> a`; long ones are shortened in the middle, `nodes` has them all."""
        names = (*self.nodes, self.nodes[0])
        if len(names) > 13:
            names = (*names[:6], f"... {len(names) - 12} more ...", *names[-6:])
        return " -> ".join(names)


class DuplicateNodeError(AuthorError):
    code = "G205"
    what = "two nodes are called {node!r}"
    remedy = "give one of them another name: @node(name=...); the first is at {other}"
    node: str
    other: str


class NotIterableError(AuthorError):
    code = "G206"
    what = "node {node!r} runs over {key!r}, which is {given}: not a sequence of items"
    remedy = "provide {key!r} as a list, or drop `over`"
    node: str
    key: str
    given: str


class UnreachableGoalError(PlanError):
    code = "G207"
    what = "no node provides the goal {goal!r}"
    remedy = "ask for one of the keys that are provided"
    goal: str


class UnknownTypeNote(AuthorError):
    code = "G208"
    severity = Severity.NOTE
    what = "{key!r} has no type at node {node!r}, so this edge is not checked"
    remedy = "annotate it"
    node: str
    key: str


class EmptyWildcardNote(AuthorError):
    code = "G209"
    severity = Severity.NOTE
    what = "node {node!r} consumes {pattern!r}, which no key matches here; it will be an empty mapping"
    remedy = "nothing to do if that is meant"
    node: str
    pattern: str


class UnstorableTypeError(AuthorError):
    code = "G210"
    what = "{key!r} of node {node!r} is {given}, which no codec can store"
    remedy = (
        "return built-in types, dataclasses, pydantic models, arrays or frames; or mark the node: "
        '@node(codec="pickle") trusts your own store, @node(cache=False) keeps the value in memory only'
    )
    node: str
    key: str
    given: str


class ConflictingNameError(AuthorError):
    code = "G211"
    what = "{kind} {name!r} is {first} at node {node_before!r}, but {second} at {node!r}"
    remedy = "use one object for both, or another name; {node_before!r} is at {other}"
    kind: str
    name: str
    node: str
    node_before: str
    first: str
    second: str
    other: str


class UnknownOrderError(AuthorError):
    code = "G212"
    what = "node {node!r} comes after {name!r}, and no node is called so"
    remedy = "name a node of this pipeline: {known}"
    node: str
    name: str
    known: str


class FixedParameterError(PlanError):
    code = "P311"
    what = "every step that has the parameter {name!r} sets it itself"
    remedy = "give it to the step: -p {node}.{name}=..."
    name: str
    node: str


class GroupStepError(AuthorError):
    code = "G213"
    what = "step {step!r}: {detail}"
    remedy = "{advice}"
    step: str
    detail: str
    advice: str


class NameTakenError(AuthorError):
    code = "G214"
    what = "the name {name!r} is taken by another {kind}"
    remedy = "rename one of the two; the first is at {other}"
    kind: str
    name: str
    other: str


class NotRegisteredError(PlanError):
    code = "G215"
    what = "no {kind} is registered as {name!r}"
    remedy = "register it (@register_{kind}) and name the module that does in WEFTLINE_MODULES, or name one of: {known}"
    kind: str
    name: str
    known: str


class WrongRegistrationError(AuthorError):
    code = "G216"
    what = "what is registered as the {kind} {name!r} is none: {detail}"
    remedy = "register a {kind}, or a function that makes one"
    kind: str
    name: str
    detail: str


class UnknownFieldError(PlanError):
    code = "G220"
    what = "runs of it have no field {field!r}"
    remedy = "use one of: {known}; or declare it: Pipeline(..., fields={{{field!r}: bool}})"
    field: str
    known: str


class UnfitFieldError(PlanError):
    code = "G221"
    what = "field {field!r} is {wanted}; it cannot be {given}"
    remedy = "give it a value that it can hold"
    field: str
    wanted: str
    given: str


class UnfitFieldSourceError(PlanError):
    code = "G222"
    what = "field {field!r} cannot be what is provided as {key!r}: {detail}"
    remedy = "name a key of which some node says that it is of the very type of the field"
    field: str
    key: str
    detail: str


# --- P: parameters and selections ---------------------------------------------------------------------------------


class UnknownParameterError(PlanError):
    code = "P301"
    what = "no node has a parameter {name!r}"
    remedy = "use one of: {known}"
    name: str
    known: str


class AmbiguousParameterError(PlanError):
    code = "P302"
    what = "parameter {name!r} exists at several nodes: {nodes}"
    remedy = "say which: -p {example}=..."
    name: str
    nodes: str
    example: str


class ParameterTypeError(PlanError):
    code = "P303"
    what = "parameter {name!r} of node {node!r} must be {wanted}, not {given}"
    remedy = "give a value of that type"
    name: str
    node: str
    wanted: str
    given: str


class UnknownNodeError(PlanError):
    code = "P304"
    what = "there is no node {name!r}"
    remedy = "name one of: {known}"
    name: str
    known: str


class UnknownSelectionError(PlanError):
    code = "P305"
    what = "nothing is selected by {word!r}"
    remedy = "select by node (NODE, +NODE, NODE+), by tag (tag:x), by a key that is provided, or by a pattern (parse.*)"
    word: str


class UnavailableInputError(PlanError):
    code = "P306"
    what = "node {node!r} is selected without {producer!r}, whose {key!r} is not in the cache"
    remedy = "select it with what it needs: +{node}"
    node: str
    producer: str
    key: str


class GivenTypeError(PlanError):
    code = "P307"
    what = "the given value of {key!r} does not fit: {detail}"
    remedy = "give a value of type {wanted}"
    key: str
    wanted: str
    detail: str


class UnknownGivenError(PlanError):
    code = "P308"
    what = "{key!r} is given, but {reason}"
    remedy = "leave it out, or give one of the keys that nothing provides"
    key: str
    reason: str


class StalePlanError(PlanError):
    code = "P309"
    what = "the plan in {path} does not hold any more: {count}"
    remedy = "plan again, and look at it: {command}"
    path: str
    differences: tuple[str, ...]
    command: str

    @property
    def count(self) -> str:
        """How many steps are different, in words."""
        return "1 step is different now" if len(self.differences) == 1 else f"{len(self.differences):,} steps are different now"

    def lines(self) -> Iterator[str]:
        """The sentence, every step that is different, and the fix."""
        first, *rest = super().lines()
        yield first
        yield from (f"  {difference}" for difference in self.differences)
        yield from rest

    def as_dict(self) -> dict[str, Any]:
        """The shape that `--json` prints, with every step that is different in the message."""
        return {**super().as_dict(), "message": "\n  ".join((self.message, *self.differences))}


class PlanFileError(UsageError):
    code = "P310"
    what = "{path} cannot be run: {detail}"
    remedy = "{advice}"
    path: str
    detail: str
    advice: str


# --- K: keys, values, cache ---------------------------------------------------------------------------------------


class UndigestableError(AuthorError):
    code = "K401"
    what = "no stable digest for {path}: a value of type {kind}"
    remedy = (
        "give the type a method `__weftline_digest__(self)` that returns plain values; or register an encoder for it; "
        "or keep it out of the key: declare what matters with `depends=`, or set cache=False"
    )
    path: str
    kind: str


class UnencodableError(AuthorError):
    code = "K402"
    what = "{path} cannot be stored: a value of type {kind}"
    remedy = (
        "declare the type in the node's annotation (dataclasses, pydantic models, enums and named tuples are found there); "
        'or @node(codec="pickle"), or @node(cache=False)'
    )
    path: str
    kind: str


class DamagedEntryError(MachineError):
    code = "K403"
    what = "the stored value {what_is_damaged} is damaged: {detail}"
    remedy = "it was put into quarantine and will be computed again; if this repeats, check the disk"
    what_is_damaged: str
    detail: str


class UnhashableCodeError(AuthorError):
    code = "K404"
    what = "the key of node {node!r} cannot be computed: {path} is a value of type {kind}"
    remedy = (
        "give the type a method `__weftline_digest__(self)`; or name what matters with `depends=` and hold the object "
        "where the node does not refer to it; or set cache=False on the node"
    )
    node: str
    path: str
    kind: str


class StoreUnusableError(MachineError):
    code = "K405"
    what = "the store at {path} cannot be used: {detail}"
    remedy = "check that the folder exists, is writable and has room; or choose another home with --home"
    path: str
    detail: str


class UntrustedPickleError(MachineError):
    code = "K406"
    what = "the store at {path} holds a pickled value, and others may write there"
    remedy = (
        "make the folder writable by its owner only (chmod go-w), or store the value with another codec; "
        "a cache elsewhere whose writers you trust says so: ?trusted=yes"
    )
    path: str


class NoContentError(PlanError):
    code = "K407"
    what = "{user} has no content to key on: {path}: {detail}"
    remedy = "check the path; it is read relative to the working directory {cwd}"
    user: str
    path: str
    detail: str
    cwd: str


class ChangedFileError(MachineError):
    code = "R516"
    what = "{path} was changed while node {node!r} ran, so nobody knows which content its result is of"
    remedy = "run it again when nothing writes to that path"
    path: str
    node: str


class UnknownEntryError(UsageError):
    code = "K408"
    what = "nothing in the cache is called {word!r}"
    remedy = "name a node, or six digits of a key at least: weftline cache ls"
    word: str


class AmbiguousEntryError(UsageError):
    code = "K409"
    what = "{count} keys begin with {word!r}"
    remedy = "give more digits"
    word: str
    count: int


class NoCacheError(UsageError):
    code = "K410"
    what = "there is no cache in {home}"
    remedy = "name the home of a run: --home FOLDER"
    home: str


class UnknownCacheError(UsageError):
    code = "K411"
    what = "no cache can be opened at {url!r}"
    remedy = "begin it with one of: {known}; without it, results are kept in the home"
    url: str
    known: str


class BadCacheUrlError(UsageError):
    code = "K412"
    what = "{url!r} is no address of a cache: {detail}"
    remedy = "{advice}"
    url: str
    detail: str
    advice: str


class NoArtifactError(AuthorError):
    code = "K413"
    what = "{what_it_is} has a file or folder that cannot be stored: {path}: {detail}"
    remedy = "write it before the node returns, to a path that no other call writes to"
    what_it_is: str
    path: str
    detail: str


class StoreUnreachableError(StoreUnusableError):
    code = "K414"
    what = "the store at {path} cannot be reached: {detail}"
    remedy = "check that its server runs, that the address is right, and that the network lets you through"
    transient = True


class StoreRefusedError(StoreUnusableError):
    code = "K415"
    what = "the store at {path} refuses: {detail}"
    remedy = "{advice}"
    advice: str


# --- R: runs ------------------------------------------------------------------------------------------------------


class NodeFailedError(AuthorError):
    code = "R501"
    what = "node {node!r} failed: {kind}: {detail}"
    remedy = "mend the node and run again: what succeeded is kept"
    node: str
    kind: str
    detail: str


class ContractError(AuthorError):
    code = "R502"
    what = "node {node!r} set {key!r} to a value that is not {wanted}: {detail}"
    remedy = "return what the annotation says, or correct the annotation"
    node: str
    key: str
    wanted: str
    detail: str


class UndeclaredKeyError(AuthorError):
    code = "R503"
    what = "node {node!r} {verb} {key!r}, which it does not declare"
    remedy = "declare it in {where}; declared there: {declared}"
    node: str
    verb: str
    key: str
    where: str
    declared: str


class KeyAlreadySetError(AuthorError):
    code = "R504"
    what = "node {node!r} set {key!r} a second time"
    remedy = "set each key once, or use another key"
    node: str
    key: str


class KeyNotSetError(AuthorError):
    code = "R505"
    what = "node {node!r} ended without setting {keys}"
    remedy = "set every key of `provides`"
    node: str
    keys: str


class ChangedInputError(AuthorError):
    code = "R506"
    what = "node {node!r} changed its input {key!r}"
    remedy = "work on a copy: other nodes read the same value"
    node: str
    key: str


class AttemptTimeoutError(AuthorError):
    code = "R507"
    transient = True
    what = "node {node!r} was stopped after {timeout_s} s"
    remedy = "give it more time (Policy(timeout_s=...)), or find what it waits for: weftline logs"
    node: str
    timeout_s: float


class WorkerDiedError(MachineError):
    code = "R508"
    transient = True
    what = "the process that ran node {node!r} died: {cause}"
    remedy = "look for memory pressure or a crash in native code; the attempt is retried if the policy allows"
    node: str
    cause: str


class ResourceLimitError(AuthorError):
    code = "R517"
    what = "node {node!r} asked for {asked} of memory, used {used} at {at}, and was killed"
    remedy = "ask for more (resources=Resources(memory_gb=...), memory_step_gb=... for later attempts), or hold less at a time"
    node: str
    asked: str
    used: str
    at: str


class UnknownRunError(UsageError):
    code = "R509"
    what = "no run {run} in {home}"
    remedy = "list the runs: weftline runs --home {home}"
    run: str
    home: str


class AmbiguousRunError(UsageError):
    code = "R515"
    what = "several runs begin with {run!r}"
    remedy = "give more of the id: {runs}"
    run: str
    runs: str


class NotResumableError(PlanError):
    code = "R510"
    what = "run {run!r} cannot be resumed: {detail}"
    remedy = "{advice}"
    run: str
    detail: str
    advice: str


class NoValueError(PlanError):
    code = "R511"
    what = "this run has no value for {key!r}: {detail}"
    remedy = "ask for a key that the run made: {known}"
    key: str
    detail: str
    known: str


class TooFewItemsError(AuthorError):
    code = "R512"
    what = "node {node!r}: {failed} of {total} items failed, more than min_success={min_success} allows"
    remedy = "mend the items or the node, or lower min_success; the items that succeeded are kept"
    node: str
    failed: int
    total: int
    min_success: float


class RunBusyError(MachineError):
    code = "R513"
    transient = True
    what = "run {run!r} is still being worked on by process {holder}"
    remedy = "wait for it to end, or stop that process first"
    run: str
    holder: str


class UnboundedInputError(AuthorError):
    code = "R514"
    what = "node {node!r} runs over {key!r}, but the value is {kind}: not a sequence of items"
    remedy = "provide a list or a tuple"
    node: str
    key: str
    kind: str


class GoneResultError(PlanError):
    code = "R531"
    what = "what {label} made in run {run} is not in the cache any more: key {key}"
    remedy = "{advice}"
    label: str
    run: str
    key: str
    advice: str


class NoRecordError(PlanError):
    code = "R532"
    what = "node {node!r} reads {key!r}, but run {run} has no result of node {producer!r}, which provides it"
    remedy = "{advice}"
    node: str
    key: str
    run: str
    producer: str
    advice: str


class OtherInputError(PlanError):
    code = "R533"
    what = "node {node!r} would not be given the {key!r} that it had in run {run}"
    remedy = "{advice}"
    node: str
    key: str
    run: str
    advice: str


class UnknownLetterError(UsageError):
    code = "R534"
    what = "there is no dead letter {word!r}"
    remedy = "list them: weftline dlq ls"
    word: str


class AmbiguousLetterError(UsageError):
    code = "R535"
    what = "several dead letters begin with {word!r}"
    remedy = "give more digits: {known}"
    word: str
    known: str


class RunExistsError(UsageError):
    code = "R541"
    what = "run {run} is there already"
    remedy = "go on with it: weftline resume {run}"
    run: str


class RunsNotStartedError(MachineError):
    code = "R542"
    what = "no run can be started: {detail}"
    remedy = "see what it wrote to stderr, and that the home may be written to; then start `weftline serve` again"
    detail: str


class UnknownGateError(UsageError):
    code = "R540"
    what = "run {run!r} does not wait at a gate {gate!r}{state}"
    remedy = "{advice}"
    run: str
    gate: str
    state: str
    advice: str


class UnknownScheduleError(UsageError):
    code = "R550"
    what = "there is no schedule {name!r} in {folder}{state}"
    remedy = "{advice}"
    name: str
    folder: str
    state: str
    advice: str


# --- B: backends --------------------------------------------------------------------------------------------------


class HardTimeoutError(PlanError):
    code = "B601"
    what = "node {node!r} has a timeout of {timeout_s} s, but backend {backend!r} cannot stop a call"
    remedy = "run it on a backend that can: --backend processes"
    node: str
    timeout_s: float
    backend: str


class UnshippableNodeError(PlanError):
    code = "B602"
    what = "node {node!r} cannot be sent to backend {backend!r}: {detail}"
    remedy = "define the node at the top level of a module, or use --backend threads"
    node: str
    backend: str
    detail: str


class UnknownBackendError(UsageError):
    code = "B603"
    what = "there is no backend {name!r}"
    remedy = "use one of: {known}"
    name: str
    known: str


class TooLargeRequestError(PlanError):
    code = "B604"
    what = "node {node!r} asks for {asked}, but backend {backend!r} has {available}"
    remedy = "ask for less in resources=Resources(...), or choose a larger backend"
    node: str
    asked: str
    backend: str
    available: str


class NoDeviceError(PlanError):
    code = "B610"
    what = "node {node!r} needs a GPU, and {detail}"
    remedy = "run it with --backend processes where there is one, or name devices: --gpus 0,1"
    node: str
    detail: str


class MissingExtraError(MachineError):
    code = "B605"
    what = "{feature} needs the extra {extra!r}, which is not installed"
    remedy = "pip install 'weftline[{extra}]'"
    feature: str
    extra: str


class UnguardedProgramError(AuthorError):
    code = "B607"
    what = "{file} runs a pipeline whenever it is imported, also by worker processes: it has no `if __name__ == '__main__':`"
    remedy = "put the line that runs the pipeline below such a line"
    file: str


class OtherCodeError(AuthorError):
    code = "B608"
    what = "node {node!r} is not the same in a worker process, which imports it anew: {detail}"
    remedy = (
        "set it where the module is imported, from a parameter or the environment, and give another machine the same sources; "
        "or run it in this process: --backend threads"
    )
    node: str
    detail: str


class SharedEnvironmentError(PlanError):
    code = "B609"
    what = "node {node!r} wants environment variables of its own ({names}), but shares its process with other calls"
    remedy = "run it on a backend that gives it a process: --backend processes"
    node: str
    names: str


class UnsendableError(AuthorError):
    code = "B606"
    what = "{part} of node {node!r} cannot be sent from one process to another: {detail}"
    remedy = "hand on plain data, or run it in this process: --backend threads"
    part: str
    node: str
    detail: str


class EnvironmentFailedError(MachineError):
    code = "B611"
    what = "the environment ({environment}) cannot be made: {detail}"
    remedy = "{advice}"
    environment: str
    detail: str
    advice: str


class ServerUnreachableError(MachineError):
    code = "B612"
    transient = True
    what = "no server answers at {url}: {detail}"
    remedy = "start it there: python -m weftline.backends.http_server; or correct the address"
    url: str
    detail: str


class ServerRefusedError(MachineError):
    code = "B613"
    what = "the server at {url} cannot be used: {detail}"
    remedy = "{advice}"
    url: str
    detail: str
    advice: str


class ServerGoneError(MachineError):
    code = "B614"
    transient = True
    what = "the call of node {node!r} is lost: {detail} ({url})"
    remedy = "see what became of the server, and of the way there; with policy=Policy(max_attempts=2) the call is tried again"
    node: str
    url: str
    detail: str


class MissingSourceError(AuthorError):
    code = "B615"
    what = "{file} is not there where the call should run"
    remedy = (
        "put the project at the same path on both machines, or give the pipeline by the name of a module that both can import"
    )
    file: str


class ProviderContractError(AuthorError):
    code = "B616"
    what = "{part} of {method}() is not {wanted}: {detail}"
    remedy = "give what the annotation says, or correct the annotation"
    part: str
    method: str
    wanted: str
    detail: str


class ProviderFailedError(AuthorError):
    code = "B617"
    what = "{method}() failed at {backend}: {cause}"
    remedy = "see the cause; it is the provider's own error"
    method: str
    backend: str
    cause: str


class LostCallError(MachineError):
    code = "B620"
    transient = True
    what = "the executor of backend {backend!r} lost the call of node {node!r}: {cause}"
    remedy = "look for its cause in the executor's own logs; the attempt is retried if the policy allows"
    backend: str
    node: str
    cause: str


class OtherVersionsError(MachineError):
    code = "B621"
    what = "node {node!r} would not run with the versions that its key was made of: {detail}"
    remedy = "install the same versions where the workers run"
    node: str
    detail: str


class UnreachableCodeError(MachineError):
    code = "B622"
    what = "the code of node {node!r} cannot be imported in {worker}: {detail}"
    remedy = "install the pipeline as a package there, or keep it in a folder that the workers see too"
    node: str
    worker: str
    detail: str


# --- L: the ledger ------------------------------------------------------------------------------------------------


class LedgerUnusableError(MachineError):
    code = "L801"
    what = "the ledger at {path} cannot be used: {detail}"
    remedy = "check the disk and the permissions; a copy of the file is safe to take while nothing runs"
    path: str
    detail: str


class LedgerTooNewError(MachineError):
    code = "L802"
    what = "the ledger at {path} was written by a newer weftline (schema {found}, this one knows {known})"
    remedy = "upgrade weftline, or choose another home with --home"
    path: str
    found: int
    known: int


class RunTakenOverError(MachineError):
    code = "L803"
    what = "this process does not work on run {run!r} any more: {holder}; nothing more of it is recorded"
    remedy = "let the other one go on; look at it with: weftline status {run}"
    run: str
    holder: str


class UnknownLedgerError(UsageError):
    code = "L804"
    what = "no ledger can be opened at {url!r}"
    remedy = "begin it with one of: {known}; without it, journals are kept in the home"
    url: str
    known: str


class BadLedgerUrlError(UsageError):
    code = "L805"
    what = "{url!r} is no address of a ledger: {detail}"
    remedy = "{advice}"
    url: str
    detail: str
    advice: str


class LedgerUnreachableError(LedgerUnusableError):
    code = "L806"
    transient = True
    what = "the ledger at {path} cannot be reached: {detail}"
    remedy = "see that the server runs and that this machine reaches it; then go on: weftline resume"


class LedgerRefusedError(LedgerUnusableError):
    code = "L807"
    what = "the ledger at {path} refuses: {detail}"
    remedy = "{advice}"
    advice: str


class LeaseLostError(MachineError):
    code = "L808"
    what = "this process does not do {duty!r} any more: another one has taken its place; nothing more of it is recorded"
    remedy = "let the other one go on; this one waits for its turn"
    duty: str


class GuardBusyError(MachineError):
    code = "L809"
    what = "run {run!r} of {name!r} is one too many: {others} {has} the guard {key!r}, which lets {at_most} through"
    remedy = "wait for it, or change the guard: at_most, on_busy: wait | skip | fail"
    run: str
    name: str
    key: str
    others: str
    has: str
    at_most: int


class GuardSkippedError(GuardBusyError):
    code = "L810"


# --- T: targets ---------------------------------------------------------------------------------------------------


class TargetNotFoundError(UsageError):
    code = "T901"
    what = "no pipeline at {target!r}: {detail}"
    remedy = "give a file (flow.py), a file and a name (flow.py:churn), a module, or a shipped pipeline: {shipped}"
    target: str
    detail: str
    shipped: str


class SeveralPipelinesError(UsageError):
    code = "T902"
    what = "{target} holds several pipelines: {names}"
    remedy = "say which: {target}:{first}"
    target: str
    names: str
    first: str


class TargetImportError(AuthorError):
    code = "T903"
    what = "{target} cannot be loaded: {kind}: {detail}"
    remedy = "mend the file; it must import without an error before it can be planned"
    target: str
    kind: str
    detail: str


class BadArgumentError(UsageError):
    code = "T904"
    what = "{argument!r} is not understood: {detail}"
    remedy = "{advice}"
    argument: str
    detail: str
    advice: str


class WouldOverwriteError(UsageError):
    code = "T905"
    what = "{path} exists already"
    remedy = "choose another name, or remove it first"
    path: str


# --- D: documents -------------------------------------------------------------------------------------------------


class UnreadableRecordError(DataError):
    code = "D701"
    what = "{source}: {detail}"
    remedy = "{advice}"
    source: str
    detail: str
    advice: str


class MissingFieldError(DataError):
    code = "D702"
    what = "{source} has no {field}"
    remedy = "add it to the record, or leave the record out"
    source: str
    field: str


class OversizedRecordError(DataError):
    code = "D703"
    what = "{source} has {size_bytes} bytes, more than the limit of {limit_bytes}"
    remedy = "split the record, or raise the limit: -p max_record_bytes=..."
    source: str
    size_bytes: int
    limit_bytes: int


class DuplicateRecordError(DataError):
    code = "D704"
    what = "{source} repeats the document {document}, which {first} already gave"
    remedy = "keep one of the two files"
    source: str
    document: str
    first: str


class IndexUnusableError(MachineError):
    code = "D705"
    what = "the index at {path} cannot be used: {detail}"
    remedy = "build it: weftline run clinical-trials -p source=FOLDER"
    path: str
    detail: str


class ModelFileError(MachineError):
    code = "D706"
    what = "the model file {path} is not the one this release was tested with: sha256 {found}"
    remedy = "install the release that is named in the extra again"
    path: str
    found: str


class KnowledgeUnusableError(MachineError):
    code = "D707"
    what = "the knowledge graph at {path} cannot be used: {detail}"
    remedy = "build it: weftline run clinical-trials -p source=FOLDER"
    path: str
    detail: str


class WrongFieldTypesError(DataError):
    code = "D708"
    what = "{source} has {count} of another type than the format says: {listing}"
    remedy = "mend the record, or fetch it again from the registry; a field that is not known is left out, not null"
    source: str
    faults: tuple[str, ...]

    @property
    def count(self) -> str:
        """How many fields are wrong, in words."""
        return f"{len(self.faults)} field" + ("" if len(self.faults) == 1 else "s")

    @property
    def listing(self) -> str:
        """The first ten wrong fields; `faults` has them all."""
        more = "" if len(self.faults) <= 10 else f"; and {len(self.faults) - 10} more"
        return "; ".join(self.faults[:10]) + more


class InvalidDocumentError(DataError):
    code = "D709"
    what = "the document {document!r} of {source} is not consistent: {detail}"
    remedy = "the fault lies in the parser that made it; leave the record out until that is mended"
    source: str
    document: str
    detail: str


class NoRecordsError(UsageError):
    code = "D710"
    what = "there are no records at {path}: {detail}"
    remedy = "give a folder of *.json records, or one such file: -p source=FOLDER"
    path: str
    detail: str


class UnknownEmbedderError(UsageError):
    code = "D711"
    what = "there is no embedder {name!r}"
    remedy = "use one of: {known}"
    name: str
    known: str


class EmbedderMismatchError(PlanError):
    code = "D712"
    what = "the vectors of {where} come from {indexed}, but {given} was given"
    remedy = "use the same embedder for documents and queries, or build the index again with the new one"
    where: str
    indexed: str
    given: str


class NoEmbedderError(UsageError):
    code = "D713"
    what = "a search by meaning of the index at {path} needs an embedder, and none was given"
    remedy = "give the embedder {indexed!r} that made the index, or search by keyword only"
    path: str
    indexed: str


class BrokenEmbedderError(AuthorError):
    code = "D714"
    what = "embedder {name!r} answered {texts} texts with {given} bytes, not {wanted}"
    remedy = "return one vector of `dimension` little-endian float32 values per text, one after the other"
    name: str
    texts: int
    given: int
    wanted: int


class StageShapeError(AuthorError):
    code = "D715"
    what = "{stage} cannot serve as a {protocol} stage: {detail}"
    remedy = "give it the method `{wanted}`"
    stage: str
    protocol: str
    detail: str
    wanted: str


# --- M: manifests -------------------------------------------------------------------------------------------------


class ManifestSyntaxError(AuthorError):
    code = "M101"
    what = "this is no YAML: {detail}"
    remedy = "mend the line; what comes after it is not looked at before"
    detail: str


class ManifestError(AuthorError):
    code = "M102"
    what = "{detail}"
    remedy = "{advice}"
    detail: str
    advice: str


class UnknownManifestFieldError(AuthorError):
    code = "M103"
    what = "{where} has no field {field!r}"
    remedy = "use one of: {known}"
    field: str
    where: str
    known: str


class MissingManifestFieldError(AuthorError):
    code = "M104"
    what = "{where} has no {field!r}"
    remedy = "{advice}"
    field: str
    where: str
    advice: str


class UnfitManifestValueError(AuthorError):
    code = "M105"
    what = "{field} is {value}: {wanted}"
    remedy = "give it a value that fits"
    field: str
    value: str
    wanted: str


class InvalidManifestError(InvalidPipelineError):
    code = "M100"
    what = "{file} is not valid: {count}"
    file: str
    pipeline: str = ""


class UnknownPolicyError(AuthorError):
    code = "M106"
    what = "node {node!r} has the policy {name!r}, which nobody declares"
    remedy = "name one of: {known}; or declare it in policies.yaml beside this file"
    node: str
    name: str
    known: str


class UnreadableManifestError(AuthorError):
    code = "M107"
    what = "{file} cannot be read: {detail}"
    remedy = "make it a file in UTF-8 that may be read"
    file: str
    detail: str


class KeptManifestError(AuthorError):
    code = "M108"
    what = "{file} is not valid any more; what it said before still holds"
    remedy = "mend the file; what begins after that uses it"
    file: str


class NotBuiltError(AuthorError):
    code = "M109"
    what = "{what_is} are not built yet; a file of the kind {kind} cannot be used"
    remedy = "leave the document out; for other machines see the backends"
    what_is: str
    kind: str


class UndeclaredFieldError(AuthorError):
    code = "M110"
    what = "gate {gate!r} asks for the field {name!r}, which is not declared"
    remedy = "declare it in spec.fields; there are: {known}"
    gate: str
    name: str
    known: str


class UndeclaredGateError(AuthorError):
    code = "M111"
    what = "node {node!r} waits for the gate {name!r}, which is not declared"
    remedy = "declare it in spec.gates; there are: {known}"
    node: str
    name: str
    known: str


class OlderSpellingNote(AuthorError):
    code = "M112"
    severity = Severity.NOTE
    what = "an older spelling: {was}"
    remedy = "write {now}"
    was: str
    now: str


class ChangedManifestError(AuthorError):
    code = "M114"
    what = "{file} was changed while it was rewritten"
    remedy = "do it again; the file is as it was left"
    file: str


class UnwritableManifestError(MachineError):
    code = "M115"
    what = "{file} cannot be written: {detail}"
    remedy = "make room, or make the file and its folder writable; the file is as it was"
    file: str
    detail: str


class RefusedManifestNote(AuthorError):
    code = "M117"
    severity = Severity.NOTE
    what = "{file} is not valid; this run has what it said when run {run} began: {finding}"
    remedy = "mend the file: weftline check {file}"
    file: str
    run: str
    finding: str


class ChangedManifestNote(AuthorError):
    code = "M116"
    severity = Severity.NOTE
    what = "{file} was changed since run {run} began, which goes on with what it said then"
    remedy = "start a new run for what it says now"
    file: str
    run: str


class CannotMigrateError(AuthorError):
    code = "M113"
    what = "{file} cannot be rewritten so that it says the same and keeps its comments"
    remedy = "rewrite it by hand; the file is as it was, and is still read as it is"
    file: str
