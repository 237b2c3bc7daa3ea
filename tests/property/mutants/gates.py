"""Mistakes that the simulator must find in gates, and in what nodes and others say of fields."""

from tests.property.mutants.engine import Mutant

GATE_MUTANTS = [
    # --- what is to be said of a gate ---
    Mutant(
        "any clause opens a gate that wants all",
        "model/gate.py",
        'if not unmet or (met and self.match == "any"):',
        "if met or not unmet:",
    ),
    Mutant(
        "a field that has no value meets everything",
        "model/gate.py",
        "return found.value is not None and _HOLDS",
        "return found.value is None or _HOLDS",
    ),
    Mutant(
        "a gate that was rejected may still open",
        "model/gate.py",
        'f": {said.why}" if said.why else ""), is_final=True)',
        'f": {said.why}" if said.why else ""))',
    ),
    Mutant(
        "a field has never changed",
        "model/gate.py",
        "earlier = found.value if before is None else before.get(clause.field)",
        "earlier = found.value",
    ),
    Mutant(
        "a field that had its default has changed from nothing",
        "model/gate.py",
        "found[name] = value._replace(was=before[name].value) if is_first else value",
        "found[name] = value",
    ),
    # --- what a run knows of its gates ---
    Mutant(
        "the last look does not count",
        "run/gates.py",
        "return facts or [GatesShut(self._now(), why)]",
        "return [GatesShut(self._now(), why)]",
    ),
    Mutant(
        "the time of a gate begins anew in each life",
        "run/gates.py",
        'self._reached = {gate: (at, body["held"]) for gate, (at, body)',
        'self._reached = {gate: (now(), body["held"]) for gate, (at, body)',
    ),
    Mutant(
        "a run tells each time it looks that it comes to a gate",
        "run/gates.py",
        "        if before is not None:\n            return GateSeen(now, name, False, until=until)\n",
        "",
    ),
    Mutant(
        "a gate that has opened is asked again by a resumed run",
        "run/gates.py",
        'self._opened = {*opening.get("gates", ()), *past.opened}',
        'self._opened = {*opening.get("gates", ())}',
    ),
    Mutant(
        "a gate opens once in each life",
        "run/gates.py",
        "None if name in self._recorded else body",
        "body",
    ),
    Mutant(
        "a gate that is out of time waits on",
        "run/gates.py",
        "if until is not None and until <= now:",
        "if False:",
    ),
    Mutant(
        "what nodes say covers what others have said since",
        "run/gates.py",
        "if not (again and self._is_said(field, node, value)):",
        "if True:",
    ),
    Mutant(
        "others hear what a node says before its end is recorded",
        "run/engine.py",
        "        self.grouping.commit(records)\n        self._gates.publish()\n",
        "        self._gates.publish()\n        self.grouping.commit(records)\n",
    ),
    Mutant(
        "others never hear what nodes say",
        "run/engine.py",
        "        self._gates.publish()\n",
        "",
    ),
    Mutant(
        "an engine that works does not hear what others say",
        "run/engine.py",
        "if self.core.at_gates and self._gates.is_news():",
        "if False:",
    ),
    # --- what waits ---
    Mutant(
        "one gate that has opened lets through what waits at others",
        "run/machine.py",
        "gate is not None and gate.name not in self._passed and",
        "gate is not None and not self._passed and",
    ),
    Mutant(
        "only the first that waits goes through",
        "run/machine.py",
        "            for number in waiting:\n"
        "                if self.nodes[number].state is NodeState.WAITING:  # it may have lost",
        "            for number in waiting[:1]:\n"
        "                if self.nodes[number].state is NodeState.WAITING:  # it may have lost",
    ),
    Mutant(
        "only the first that waits fails with its gate",
        "run/machine.py",
        "            for number in waiting:\n"
        "                if self.nodes[number].state is NodeState.WAITING:  # the first one's",
        "            for number in waiting[:1]:\n"
        "                if self.nodes[number].state is NodeState.WAITING:  # the first one's",
    ),
    Mutant(
        "what waits is still at its gate when the run was stopped",
        "run/machine.py",
        "        self.at_gates.clear()\n",
        "",
    ),
    Mutant(
        "time alone does not end the waiting",
        "run/machine.py",
        "            if fact.until is not None:\n                self.timers.set(fact.until",
        "            if False:\n                self.timers.set(fact.until",
    ),
    Mutant(
        "a run ends at its gates while it could do something else",
        "run/machine.py",
        "not self.attempts.running and not any(node.is_moving for node in self.nodes)",
        "not self.attempts.running",
    ),
    Mutant(
        "what is behind a gate is not told to be blocked",
        "run/machine.py",
        "                    self._leave_out_behind(number, fact.at, why, Cause.BLOCKED)\n",
        "",
    ),
    Mutant(
        "a run that waits is complete",
        "run/progress.py",
        "    if NodeState.BLOCKED in states:\n        return RunStatus.BLOCKED\n",
        "",
    ),
]
