"""Plays a scenario: life after life, with the real engine over simulated ports, and all rules asked at every step."""

from __future__ import annotations

from collections.abc import Callable, Collection
from random import Random

from weftline.model.call import Handle
from weftline.model.event import Kind
from weftline.model.transitions import RunStatus
from weftline.testing.clock import ManualClock
from weftline.testing.simulation.gating import GateMemory, Held
from weftline.testing.simulation.graph import graph_of
from weftline.testing.simulation.memory import Memory
from weftline.testing.simulation.ports import SimulatedCache, SimulatedLedger
from weftline.testing.simulation.process import Died, Process
from weftline.testing.simulation.rules import RuleBrokenError
from weftline.testing.simulation.scenario import Fate, Life, Loss, Scenario, Word

RUN, EARLIER = "run", "earlier"
Listener = Callable[[str], None]


class World:
    """What outlives the processes of a scenario.

    Args:
        scenario: what happens.
        listener: is told the schedule, line by line; None when nobody listens.
    """

    def __init__(self, scenario: Scenario, listener: Listener | None = None) -> None:
        self.scenario = scenario
        self.run = RUN
        self.listener = listener
        self.graph = graph_of(scenario)
        self.clock = ManualClock()
        self.store = SimulatedCache(is_bulky=bool(scenario.losses)) if scenario.caches else None
        self.ledger = SimulatedLedger()
        self.memory = Memory(gates=self._fields())
        self.rng = Random(scenario.salt)  # noqa: S311 - jitter
        self.lives = 0
        self.life = 0  # which of the scenario's
        fates: dict[Handle, Fate] = {}
        for fate in scenario.fates:
            if fate.node in self.graph.index:
                fates.setdefault((self.graph.index[fate.node], fate.item, fate.attempt), fate)
        self.fates = fates

    def play(self) -> int:
        """Plays everything.

        Returns:
            How many processes there were.

        Raises:
            RuleBrokenError: a rule is broken, or the engine itself has failed.
        """
        scenario = self.scenario
        if scenario.stored and self.store is not None:
            self._earlier(scenario.stored)
        for life in scenario.lives if self.store is not None else scenario.lives[:1]:
            if self._status() != RunStatus.COMPLETED:
                self._begin(life)
                self._live(RUN, life, scenario.left_out)
            self.life += 1
        if not self._status() and (self.store is not None or not self.lives):
            self._begin(Life())
            self._live(RUN, Life(), scenario.left_out)
        return self.lives

    def hear(self, word: Word) -> None:
        """Others say something."""
        if self.listener is not None:
            self.listener(f"{self.clock.monotonic():8.3f}  others say {word.field} = {word.value!r}")
        self.ledger.hear(RUN, {word.field: word.value}, at=self.clock.now(), by="others")
        self.memory.gates.hear(word.field, word.value, "others")

    def lose(self, loss: Loss) -> None:
        """Results are gone."""
        if self.store is None or loss.node not in self.graph.index:
            return
        made = self.store.made_by(loss.node)
        gone = made[:: 2 if loss.half else 1]
        self.store.lose(loss.node, gone)
        has_items = self.graph.nodes[self.graph.index[loss.node]].over is not None
        self.memory.lose(gone if has_items else made)  # without an item of its list, a result is none
        if self.listener is not None:
            self.listener(f"{self.clock.monotonic():8.3f}  the store loses {len(gone)} of {len(made)} results of {loss.node}")

    def _fields(self) -> GateMemory:
        return GateMemory({found.name: Held(found.default) for found in self.scenario.fields})

    def _begin(self, life: Life) -> None:
        """What happens before a life."""
        self.clock.move(life.after_s)
        for word in self.scenario.words:
            if word.life == self.life and not word.moment and not word.after:
                self.hear(word)

    def _earlier(self, names: Collection[str]) -> None:
        """Makes what an earlier run has made, and loses some of it; its gates are all open."""
        for gate in self.scenario.gates:
            self.ledger.hear(EARLIER, {gate.approval: "approved"}, at=self.clock.now(), by="others")
            self.memory.gates.hear(gate.approval, "approved", "others")
        fates, self.fates = self.fates, {}
        self._live(EARLIER, Life(), [node.name for node in self.graph.nodes if node.name not in names])
        self.fates = fates
        self.memory.succeeded.clear()  # in another journal
        self.memory.numbers.clear()
        self.memory.known.clear()
        self.memory.ended.clear()
        self.memory.gates = self._fields()
        assert self.store is not None
        for event in self.ledger.events(EARLIER):
            if event.kind is Kind.CALL_SUCCEEDED and event.node in self.scenario.removed and event.item % 2:
                self.store.remove([bytes.fromhex((event.body or {})["key"])])
        kept = {node.name for node in self.graph.nodes if node.cache and node.name not in self.scenario.removed}
        self.memory.acknowledged = {found for found in self.memory.acknowledged if found[0].partition(":")[0] in kept}

    def _status(self) -> str:
        """What the journal's last record says of the run; empty while it has not ended."""
        last = self.ledger.journals.get(RUN, [])[-1:]
        return str((last[0].body or {})["status"]) if last and last[0].kind is Kind.RUN_FINISHED else ""

    def _live(self, run: str, life: Life, left_out: Collection[str]) -> None:
        self.lives += 1
        process = Process(self, run, life)
        try:
            process.work(left_out)
        except Died:
            process.dies()
        except RuleBrokenError:
            raise
        except Exception as error:  # whatever it is, the engine must not raise it
            raise RuleBrokenError("The engine does not fail.", f"{type(error).__name__}: {error}") from error
