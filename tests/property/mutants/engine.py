"""Mistakes that the simulator must find: what somebody could break in the engine, each in one place.

To add one: the file below `src/weftline`, the text that is there exactly once, and what stands there instead.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One mistake.

    Attributes:
        name: what goes wrong.
        file: below `src/weftline`.
        old: stands in it exactly once.
        new: stands there instead.
    """

    name: str
    file: str
    old: str
    new: str


MUTANTS = [
    # --- core ---
    Mutant(
        "retries go on after a stop",
        "run/core.py",
        "if self._stopping or node.is_doomed or (node.failed and not shape.tolerant):\n            pause = None",
        "if node.is_doomed or (node.failed and not shape.tolerant):\n            pause = None",
    ),
    Mutant(
        "a call whose pause is over is not queued",
        "run/core.py",
        "                if self.attempts.wake((number, item, attempt)):\n"
        "                    self.nodes[number].try_again(item, attempt)\n"
        "                    self._push(number)",
        "                if self.attempts.wake((number, item, attempt)):\n"
        "                    self.nodes[number].try_again(item, attempt)",
    ),
    Mutant(
        "pauses are not kept",
        "run/core.py",
        "self.timers.set(fact.at + pause, Due(",
        "self.timers.set(fact.at, Due(",
    ),
    Mutant(
        "a call that interrupts itself is taken for one that was stopped",
        "run/core.py",
        "        if not self._stopping:  # nobody asked for it",
        "        if False:  # nobody asked for it",
    ),
    Mutant(
        "a failed item stops the run only when the other items of its node have ended",
        "run/core.py",
        '            if self._on_failure == "stop":\n                self._stop("failure", fact.at)\n        self._settle',
        "        self._settle",
    ),
    Mutant(
        "a failed item is forgotten",
        "run/core.py",
        "        node.failed[item] = fact.failure\n",
        "        node.failed[0] = fact.failure\n",
    ),
    # --- machine ---
    Mutant(
        "slots are not given back",
        "run/launch.py",
        "            self.slots.give(self._shapes[handle[0]].demands[0])\n",
        "            pass\n",
    ),
    Mutant(
        "a large fan-out takes more slots than there are",
        "run/launch.py",
        "while can_start and fits and (",
        "while can_start and (",
    ),
    Mutant(
        "a node starts before the last of its inputs",
        "run/machine.py",
        "            if following.pending == 0:\n                if following.state is NodeState.WAITING:\n",
        "            if following.pending <= 1:\n                if following.state is NodeState.WAITING:\n",
    ),
    Mutant(
        "a node ends while calls of it run",
        "run/machine.py",
        "if node.state is not NodeState.RUNNING or node.running or node.has_calls_to_start:",
        "if node.state is not NodeState.RUNNING or node.has_calls_to_start:",
    ),
    Mutant(
        "what is stored is computed again",
        "run/machine.py",
        "[item for item in range(total) if item not in done] if done else range(total)",
        "range(total)",
    ),
    Mutant(
        "only the first behind a failure is skipped",
        "run/machine.py",
        "                stack.extend(self._shapes[after].downstream)\n",
        "",
    ),
    Mutant(
        "a failure stops what does not depend on it",
        "run/machine.py",
        'if node.state is NodeState.FAILED and self._on_failure == "stop":',
        "if node.state is NodeState.FAILED:",
    ),
    Mutant(
        "a cancelled run does not tell of the nodes that it leaves out",
        "run/machine.py",
        "                self._leave_out(number, at, *told)\n",
        "                self._leave_out(number, at, told[0])\n",
    ),
    Mutant(
        "an item is started twice, and the next one never",
        "run/launch.py",
        "item = node.todo[node.position]",
        "item = node.todo[node.position // 2]",
    ),
    Mutant(
        "a skipped node is not in the journal",
        "run/machine.py",
        'self._record(Kind.NODE_FINISHED, at, number, body={"state": str(self.nodes[number].state), "why": why, **body})',
        "pass",
    ),
    Mutant(
        "a run ends before its last nodes",
        "run/machine.py",
        "        self._move(number, cause)\n        self.unfinished -= 1\n",
        "        self._move(number, cause)\n        self.unfinished -= 2\n",
    ),
    # --- slots ---
    Mutant(
        "a call waits although it fits exactly",
        "run/slots.py",
        "return self.free >= cpu - _TINY or (",
        "return self.free > cpu or (",
    ),
    Mutant("small calls queue behind a large one", "run/slots.py", "self._large += cpu > 1", "self._large += 0"),
    Mutant(
        "low priority goes first",
        "run/slots.py",
        "if (best is None or rank < best[1]) and",
        "if (best is None or rank > best[1]) and",
    ),
    Mutant(
        "a node that does not fit holds up all others",
        "run/slots.py",
        "or self._first_demand\n        return best",
        "or self._first_demand\n        return best if best is None or best[1] == self._first else None",
    ),
    Mutant("a large node is passed for ever", "run/slots.py", "_PATIENCE = 64", "_PATIENCE = 10**9"),
    # --- attempts ---
    Mutant(
        "a second attempt has the number of the first",
        "run/attempts.py",
        "self._asleep.setdefault(number, {})[item] = attempt + 1\n        return number, item, attempt + 1",
        "self._asleep.setdefault(number, {})[item] = attempt\n        return number, item, attempt",
    ),
    Mutant(
        "a resumed run numbers attempts from the beginning",
        "run/attempts.py",
        "return self.numbers.get((number, item), 0) + 1",
        "return 1",
    ),
    Mutant(
        "failures are not counted",
        "run/attempts.py",
        "failures = self._failures[number, item] = self._failures.get((number, item), 0) + 1",
        "failures = 1",
    ),
    Mutant(
        "a report about an earlier attempt counts",
        "run/attempts.py",
        "return self.running.get(handle[:2]) == handle[2]",
        "return handle[:2] in self.running",
    ),
    # --- retry ---
    Mutant(
        "a call is tried once too often", "run/retry.py", "failures >= policy.max_attempts", "failures > policy.max_attempts"
    ),
    Mutant("pauses grow too early", "run/retry.py", "2 ** min(failures - 1, 60)", "2 ** min(failures, 60)"),
    Mutant("jitter takes the whole pause away", "run/retry.py", "pause * (0.5 + 0.5 * entropy)", "pause * entropy"),
    Mutant(
        "pauses have no limit", "run/retry.py", "min(policy.initial_s * factor, policy.maximum_s)", "policy.initial_s * factor"
    ),
    Mutant(
        "errors that are never to be tried again are",
        "run/retry.py",
        "    if is_named(policy.never_on, failure):\n        return False\n",
        "",
    ),
    # --- progress ---
    Mutant(
        "just enough items are too few",
        "run/progress.py",
        "made / self.total >= shape.min_success",
        "made / self.total > shape.min_success",
    ),
    Mutant(
        "no items are enough",
        "run/progress.py",
        "shape.tolerant and made > 0 and made / self.total",
        "shape.tolerant and made / self.total",
    ),
    Mutant(
        "a run that lacks items is complete",
        "run/progress.py",
        "return RunStatus.PARTIAL if any(node.failed for node in nodes) else RunStatus.COMPLETED",
        "return RunStatus.COMPLETED",
    ),
    Mutant(
        "a stopped run is partial",
        "run/progress.py",
        'mixed = on_failure == "continue" and any(',
        "mixed = any(",
    ),
    Mutant(
        "a node that was cancelled counts as skipped",
        "run/progress.py",
        "return Cause.SKIPPED if is_skipped else Cause.CANCELLED",
        "return Cause.SKIPPED",
    ),
    # --- engine ---
    Mutant(
        "calls start before the journal knows",
        "run/engine.py",
        "                facts = self._look(wishes, acts)\n            if not",
        "                facts = self._look(wishes, acts)\n"
        "            facts += self._act(acts)\n            acts.clear()\n            if not",
    ),
    Mutant(
        "a pause is overslept",
        "run/engine.py",
        "for at in (wakes_at, None if flight is None else flight.wakes_at):",
        "for at in (None, None if flight is None else flight.wakes_at):",
    ),
    Mutant(
        "somebody's wish that the run ends is told after what it did",
        "run/engine.py",
        "            if interruption.is_news:  # before what it did to the reports\n"
        "                facts += interruption.news(now())\n",
        "",
    ),
    Mutant(
        "what cannot be killed is waited for",
        "run/engine.py",
        "if wish.kill and not backend.capabilities.can_kill and self.core.attempts.is_running(wish.handle):",
        "if False:",
    ),
    Mutant(
        "a resumed run does not know its attempts",
        "run/engine.py",
        "attempts={(index[node], item): attempt for (node, item), attempt in self._past.attempts.items() if node in index},",
        "attempts={},",
    ),
    Mutant(
        "late reports are stored",
        "run/reports.py",
        "        if attempts.is_running(report.handle):\n            counted.setdefault(report.handle, report)\n        elif",
        "        counted[report.handle] = report\n        if",
    ),
    Mutant(
        "the second wish for an end is lost",
        "run/engine.py",
        "self._asked = 2 if kill or self._asked else 1",
        "self._asked = self._asked or (2 if kill else 1)",
    ),
    Mutant(
        "the end of a run is not recorded",
        "run/engine.py",
        'commit([Event(Kind.RUN_FINISHED, self._now(), body={"status": str(status), "counts": counts})])\n',
        "commit([])\n",
    ),
    # --- records that wait ---
    Mutant(
        "records wait while a call runs that may not be made again",
        "run/group_commit.py",
        "        if not node.cache or node.effect is not None:\n            return False\n",
        "",
    ),
    Mutant(
        "records wait while calls run that go on when the process dies",
        "run/group_commit.py",
        "around.ledger is not None and not around.backend.capabilities.ships and",
        "around.ledger is not None and",
    ),
    Mutant(
        "records wait for the next report, however long it takes",
        "run/group_commit.py",
        "return max(0.0, self._until - self._now()) if self.waiting else math.inf",
        "return math.inf",
    ),
    Mutant(
        "failures wait to be recorded",
        "run/group_commit.py",
        "            and ROUTINE.issuperset([event.kind for event in records])\n",
        "",
    ),
    Mutant(
        "records wait while calls run that take long",
        "run/group_commit.py",
        "return took_s is not None and took_s < BRIEF_S",
        "return True",
    ),
    Mutant(
        "records that have waited are forgotten",
        "run/group_commit.py",
        "found, self.waiting = [*self.waiting, *records], []",
        "found, self.waiting = [*records], []",
    ),
    # --- what stands beside them ---
    Mutant(
        "a result is recorded and not stored",
        "run/reports.py",
        "            facts = self._store(entries, facts, now)\n",
        "            pass\n",
    ),
    Mutant(
        "a resumed run records what the journal has",
        "run/preparation.py",
        "return bool(done and done.get((calls.node.name, item)) == key.hex()) and",
        "return False and",
    ),
    Mutant(
        "a resumed run makes again what is never cached",
        "run/calls.py",
        "            return self._is_of_this_run(calls, item, key)\n        return True",
        "            return False\n        return True",
    ),
    Mutant(
        "a resumed run forgets what it had restored",
        "run/resume.py",
        'if call.outcome in {"succeeded", "restored"} and',
        'if call.outcome == "succeeded" and',
    ),
    Mutant(
        "a node is given its inputs in the order in which they ended",
        "run/inputs.py",
        "[item for item in range(total) if item not in failed] if failed else range(total)",
        "[item for item in range(total) if item not in failed] if failed else range(total)[::-1]",
    ),
    Mutant(
        "a result stands for other inputs",
        "run/calls.py",
        "call_keys(recipe.digest, calls.inputs, node.over_name, items)",
        'call_keys(recipe.digest, dict.fromkeys(calls.inputs, b""), node.over_name, items)',
    ),
]
