"""Draws gates, fields, and what others say of them: while the run works, between its lives, or never."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from weftline.model.gate import Clause, Gate, Scalar
from weftline.model.policy import Policy
from weftline.testing.simulation.further import is_rare, of
from weftline.testing.simulation.scenario import (
    FIELD_MOMENTS,
    MOMENTS,
    Draft,
    Fate,
    FieldDraft,
    Incident,
    Life,
    Scenario,
    Word,
)

_NAMES = ("a", "b", "c")
#: What may be said of fields; the first of each opens most gates.
_VALUES: dict[str, tuple[Scalar, ...]] = {
    "ready": (True, True, False, None),
    "pages": (5, 5, 1, 3),
    "stage": ("chunk", "chunk", "embed", "parse"),
    "made": ("something else", None),
}
_SAYINGS: tuple[Scalar, ...] = (*("approved",) * 6, "rejected", None)
_CLAUSES = (
    Clause("ready", value=True),
    Clause("ready", value=True),
    Clause("ready", "not_equals", False),
    Clause("ready", "not_exists"),
    Clause("pages", "at_least", 2),
    Clause("pages", "greater_than", 3),
    Clause("pages", "less_than", 4),
    *(Clause("stage", "changed"),) * 4,
    *(Clause("stage", "changed", previous_value="parse"),) * 3,
    Clause("stage", "changed", previous_value="chunk"),
    Clause("stage", "in", ("chunk", "embed")),
    Clause("made", "exists"),
    Clause("made", "changed"),
    Clause("made", "not_equals", "something else"),
)
#: When others speak: at any moment, most often while the engine waits.
_HEARD = (*MOMENTS, *FIELD_MOMENTS, *("after poll",) * 10)
_LIMITS_S = (*(None,) * 9, 0.02, 0.06, 0.3, 0.7)


def _gate(rng: Random, name: str) -> Gate:
    count = rng.choice([0, 1, 1, 1, 2, 2, 3])
    return Gate(name, tuple(rng.sample(_CLAUSES, count)), rng.choice(["all", "all", "any"]), rng.choice(_LIMITS_S))


def _fields(rng: Random, key: str) -> tuple[FieldDraft, ...]:
    return (
        FieldDraft("ready", bool, rng.choice([None, None, False])),
        FieldDraft("pages", int, rng.choice([None, 1])),
        FieldDraft("stage", str, rng.choice([None, "parse", "parse", "parse"])),
        FieldDraft("made", str, key=key),
    )


def _words(rng: Random, gates: tuple[Gate, ...], names: list[str], lives: int, count: int) -> tuple[Word, ...]:
    found = []
    for _ in range(count):
        word = _word(rng, gates, names, lives)
        found.append(word)
        if rng.random() < 0.4:  # and then something else
            value = rng.choice(_VALUES.get(word.field, _SAYINGS))
            found.append(Word(word.field, value, min(word.life + 1, lives - 1)))
    return tuple(found)


def _word(rng: Random, gates: tuple[Gate, ...], names: list[str], lives: int) -> Word:
    gate = rng.choice(gates)
    fields = [clause.field for clause in gate.clauses]
    field = gate.approval if not fields or rng.random() < 0.25 else rng.choice(fields)
    word = Word(field, rng.choice(_VALUES.get(field, _SAYINGS)), min(rng.randrange(lives), rng.randrange(lives)))
    where = rng.random()
    if where < 0.35:
        return replace(word, after=rng.choice(names))
    if where < 0.7:
        return replace(word, moment=rng.choice(_HEARD), nth=min(rng.randrange(12), rng.randrange(12)))
    return word


def _lives(rng: Random) -> tuple[Life, ...]:
    return tuple(Life(_incidents(rng), rng.choice([0.0, 0.01, 0.05, 0.2])) for _ in range(rng.choice([1, 2, 2, 3])))


def _incidents(rng: Random) -> tuple[Incident, ...]:
    what = rng.random()
    if what < 0.25:
        return (Incident("crash", rng.choice(FIELD_MOMENTS), min(rng.randrange(4), rng.randrange(4))),)
    return (Incident("cancel", "after poll", rng.randrange(3)),) if what < 0.5 else ()


@of(0.08)
def gates(rng: Random, scenario: Scenario) -> Scenario:
    """At some nodes of whatever is run."""
    if len(scenario.fates) > 60:
        return scenario  # a crowd is slow enough
    found = tuple(_gate(rng, name) for name in _NAMES[: rng.choice([1, 1, 2, 3])])
    share = rng.choice([0.3, 0.6])
    nodes = tuple(replace(node, gate=rng.choice(found).name) if rng.random() < share else node for node in scenario.nodes)
    names = [node.name for node in nodes]
    lives = (*scenario.lives, *_lives(rng)) if scenario.caches else scenario.lives
    words = _words(rng, found, names, max(1, len(lives)), rng.choice([1, 2, 3, 5]))
    return replace(scenario, nodes=nodes, gates=found, fields=_fields(rng, rng.choice(names)), words=words, lives=lives)


@of(0.3)
def approvals(rng: Random, scenario: Scenario) -> Scenario:
    """A short run that waits often: gates behind each other and shared, and beside them what goes on or fails."""
    if is_rare(scenario):
        return scenario
    found = tuple(_gate(rng, name) for name in _NAMES)
    if rng.random() < 0.5:
        found = (*found[:2], Gate("c", (Clause("stage", "changed", previous_value="parse"),)))
    policy = Policy(rng.choice([1, 2, 2]), "linear", initial_s=0.05)
    nodes = (
        Draft("n0", takes_s=rng.choice([0.0, 0.02])),
        Draft("n1", reads=("n0",), gate="a", takes_s=0.02, cached=rng.random() < 0.4),
        Draft("n2", reads=("n1",), gate=rng.choice(["b", "b", "a"])),
        Draft("n3", reads=("n0",), gate=rng.choice(["a", "a", "b", "c"]), cached=rng.random() < 0.4),
        Draft("n4", reads=("n0",), takes_s=rng.choice([0.02, 0.6, 0.6, 0.9]), policy=policy, cached=rng.random() < 0.7),
        Draft("n5", reads=rng.choice([("n4",), ("n2", "n4")]), gate=rng.choice(["", "c", "b"])),
    )
    names = [node.name for node in nodes]
    fates = tuple(
        Fate(name, attempt=attempt, ending=rng.choice(["transient", "fatal"]))
        for name in names
        for attempt in (1, 2)
        if rng.random() < rng.choice([0.0, 0.0, 0.25])
    )
    if rng.random() < 0.4:
        fates = (Fate("n4", ending="transient"), *fates)
    lives = (*(scenario.lives[:1] if rng.random() < 0.3 else ()), *_lives(rng), Life())
    words = (
        *_words(rng, found, [*names, "n4", "n4", "n4"], len(lives), rng.choice([0, 1, 2, 4])),
        *(Word(gate.approval, "approved", 0, after="n4") for gate in found[:2] if rng.random() < 0.2),
        *(
            Word(gate.approval, "rejected", 0, after=rng.choice(["n0", "n0", "n4"]))
            for gate in found[:2]
            if rng.random() < 0.15
        ),
        *(Word(gate.approval, "approved", 0, "after poll", rng.randrange(1, 7)) for gate in found[:2] if rng.random() < 0.4),
        *(Word(gate.approval, rng.choice(["rejected", None]), rng.choice([1, 2])) for gate in found[:2] if rng.random() < 0.3),
        *(Word(field, _VALUES[field][0], rng.choice([0, 1])) for field in _VALUES if rng.random() < 0.45),
    )
    if rng.random() < 0.15:  # approved when it is too late
        lives = (Life((Incident("cancel", "after poll", 1),)), *lives)
        words = (*words, Word("gate.a", "approved", 0, "after poll", rng.choice([2, 3])))
    return Scenario(
        nodes,
        slots=rng.choice([1, 2, 4]),
        can_kill=scenario.can_kill,
        on_failure=rng.choice([scenario.on_failure, "stop"]),
        fates=fates,
        lives=lives,
        gates=found,
        fields=_fields(rng, rng.choice(["n0", "n0", "n4"])),
        words=words,
    )
