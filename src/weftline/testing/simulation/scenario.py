"""A scenario: everything that decides a simulated run, as plain data.

Every field has a default that means "nothing special", so that a failing scenario is made smaller without knowing what its
fields mean: parts are dropped, and fields are set back to their defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from weftline.model.gate import Gate, Scalar
from weftline.model.ids import WHOLE, call_label
from weftline.model.policy import DEFAULT as DEFAULT_POLICY
from weftline.model.policy import Policy
from weftline.model.resources import DEFAULT as DEFAULT_RESOURCES
from weftline.model.resources import Resources

#: Moments at which something may happen to the process: before or after what the engine asks of a port, or within it.
MOMENTS = (
    "before append",
    "after append",
    "before store",
    "within store",
    "after store",
    "before submit",
    "after submit",
    "before poll",
    "after poll",
)
#: The same, around what the engine asks of the fields of a run.
FIELD_MOMENTS = ("before fields", "after fields", "before set", "after set", "after look")
#: The one named resource that a simulated backend has.
LICENCE = "licence"
Happening = Literal["crash", "cancel", "kill", "full"]
Ending = Literal["succeeds", "transient", "fatal", "lost", "interrupted"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A node; its key is its name.

    Attributes:
        name: unique in a scenario.
        reads: names of nodes before it; those that are not there are passed over.
        over: the node whose items it runs over; empty, or one that has no items, for none.
        makes: how many items the list has that it makes; None for a single text.
        skips: whether failed items are left out rather than failing the node.
        min_success: the share of items that must succeed then.
        after: names of nodes before it that end first, although it reads nothing of them.
        priority: higher goes first.
        resources: of each call; no more is asked than there is.
        policy: of each call.
        cached: whether its results may be taken by other runs.
        takes_s: how long a call takes; of three items the second takes twice and the third three times as long.
        gate: the name of the gate that it waits for; empty, or one that is not there, for none.
    """

    name: str
    reads: tuple[str, ...] = ()
    over: str = ""
    makes: int | None = None
    skips: bool = False
    min_success: float = 0.0
    after: tuple[str, ...] = ()
    priority: int = 0
    resources: Resources = DEFAULT_RESOURCES
    policy: Policy = DEFAULT_POLICY
    cached: bool = True
    takes_s: float = 0.0
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one attempt, where it does not simply succeed.

    Attributes:
        node, item, attempt: which one.
        ending: how it ends; of a `lost` one the report is lost, and some time later its worker is found dead.
        takes_s: how long it runs beyond what the node takes.
        late_s: how long after its end it is reported.
        again_s: how long after that it is reported once more; of a lost one, the true report arrives then.
    """

    node: str
    item: int = WHOLE
    attempt: int = 1
    ending: Ending = "succeeds"
    takes_s: float = 0.0
    late_s: float = 0.0
    again_s: float | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happens to the process: it dies, its disk is full, or somebody cancels the run.

    Attributes:
        what: `crash`, `cancel` (running calls may finish; a second one stops them), `kill`, or `full` (the store takes nothing;
            that happens before a store only).
        moment: one of `MOMENTS`.
        nth: at which of them in this life, from 0.
    """

    what: Happening
    moment: str = MOMENTS[0]
    nth: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """Results of a node that are gone from the store from a moment on, or every second one of its calls.

    Attributes:
        node: whose.
        life: in which of the lives, from 0.
        moment: one of `MOMENTS` at which no result is between the store and the journal.
        nth: at which of them in that life, from 0.
        half: whether only every second one is gone.
    """

    node: str
    life: int = 0
    moment: str = "after append"
    nth: int = 0
    half: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """One process that works on the run; the next one resumes it, if it is not complete.

    Attributes:
        incidents: what happens to it.
        after_s: how long nobody has worked on the run before.
    """

    incidents: tuple[Incident, ...] = ()
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FieldDraft:
    """A field of the run.

    Attributes:
        name: unique in a scenario.
        kind: what it holds.
        default: its value until somebody sets it.
        key: the node whose text becomes its value; empty, or one that makes no single text, for none.
    """

    name: str
    kind: type = bool
    default: Scalar = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """What others say of a field, or of a gate.

    Attributes:
        field: which.
        value: what it holds from then on.
        life: in which of the lives, from 0.
        moment: one of all moments; empty for before that life.
        nth: at which of them in that life, from 0.
        after: the node whose end is told just before; empty for none, else no other moment counts.
    """

    field: str
    value: Scalar = True
    life: int = 0
    moment: str = ""
    nth: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is run, where, and what happens.

    Attributes:
        nodes: each reads only those before it.
        slots, queue, can_kill, in_process: of the backend.
        memory_gb: of the backend; None where nobody knows.
        devices: memory in GiB of each GPU; 0 where nobody knows. Their ids are `gpu0`, `gpu1` and so on.
        licences: how much it has of the tag `LICENCE`.
        on_failure: whether a failure stops the run.
        deadline_s: how long each life may take; None for ever.
        retry_budget: retries in each life; None for any number.
        caches: whether there is a cache; without one a run has one life.
        stored: nodes that an earlier run has made, as far as they can be made alone.
        removed: of those, nodes whose entries are gone since; for a list of calls, every second one.
        left_out: nodes that are not selected, as far as the others do not need them.
        fates: of attempts; the first that names one counts.
        lives: in order; without any, there is one in which nothing happens.
        gates: for which nodes wait, by their names.
        fields: for which gates ask.
        words: what others say.
        losses: what is gone when somebody wants it; then values are large: the store gives their contents only when asked.
        salt: decides the jitter of pauses.
    """

    nodes: tuple[Draft, ...]
    slots: int = 1
    queue: int = 0
    can_kill: bool = False
    in_process: bool = False
    memory_gb: float | None = None
    devices: tuple[float, ...] = ()
    licences: float = 0.0
    on_failure: Literal["stop", "continue"] = "stop"
    deadline_s: float | None = None
    retry_budget: int | None = None
    caches: bool = True
    stored: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    fates: tuple[Fate, ...] = ()
    lives: tuple[Life, ...] = ()
    gates: tuple[Gate, ...] = ()
    fields: tuple[FieldDraft, ...] = ()
    words: tuple[Word, ...] = ()
    losses: tuple[Loss, ...] = ()
    salt: int = 0


def label(node: str, item: int, attempt: int) -> str:
    """An attempt as people write it: `embed[3] #2`."""
    return f"{call_label(node, item)} #{attempt}"
