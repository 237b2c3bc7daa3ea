"""Mistakes that the simulator must find in what calls share, and in what is about time."""

from tests.property.mutants.engine import Mutant

SHARING_MUTANTS = [
    # --- breakers ---
    Mutant(
        "a breaker opens one failure too late",
        "run/breaker.py",
        "if self._failures < self.policy.failures:",
        "if self._failures <= self.policy.failures:",
    ),
    Mutant(
        "failures are counted over successes",
        "run/breaker.py",
        "            self._failures = 0\n            return False\n",
        "            return False\n",
    ),
    Mutant(
        "an open breaker tries all at once",
        "run/breaker.py",
        "return self._until if self._probe is None else inf",
        "return self._until",
    ),
    Mutant(
        "a call that started before closes a breaker",
        "run/breaker.py",
        "        if handle != self._probe:\n            return False\n        self.state, self._probe, self._failures =",
        "        self.state, self._probe, self._failures =",
    ),
    Mutant(
        "a call that started before opens a breaker for longer",
        "run/breaker.py",
        "        elif handle != self._probe:\n            return False\n",
        "",
    ),
    Mutant(
        "a probe that tells nothing keeps its place",
        "run/breaker.py",
        "        self._probe = None\n        return True",
        "        return True",
    ),
    Mutant(
        "a breaker that closes remembers its failures",
        "run/breaker.py",
        'self.state, self._probe, self._failures = "closed", None, 0',
        'self.state, self._probe = "closed", None',
    ),
    Mutant(
        "failures that are about the input open a breaker",
        "run/throttle.py",
        "        if is_named(policy.never_on, failure):\n            shared",
        "        if False:\n            shared",
    ),
    Mutant(
        "nobody looks again when a probe has ended",
        "run/launch.py",
        "        for waiting in self._throttle.freed(number):\n            self._push(waiting)",
        "        self._throttle.freed(number)",
    ),
    Mutant(
        "a breaker is not shared by its name",
        "run/throttle.py",
        "_one(breakers, policy.breaker.name or number, policy.breaker, BreakerState)",
        "_one(breakers, number, policy.breaker, BreakerState)",
    ),
    Mutant(
        "a call that is tried keeps its place when its deadline has passed",
        "run/machine.py",
        "            self._withdrawn(handle)\n            self._record(Kind.ATTEMPT_STOPPED",
        "            self._record(Kind.ATTEMPT_STOPPED",
    ),
    Mutant(
        "the journal does not say that a breaker closes",
        "run/launch.py",
        "        if change is not None and not self._quiet:",
        "        if change is not None and change.is_open and not self._quiet:",
    ),
    # --- limiters ---
    Mutant(
        "a limiter lets one call more start at once",
        "run/limiter.py",
        "(policy.burst - 1) * self._spacing_s",
        "policy.burst * self._spacing_s",
    ),
    Mutant(
        "a limiter forgets what it has allowed in advance",
        "run/limiter.py",
        "self._due = max(self._due, at) + self._spacing_s",
        "self._due = at + self._spacing_s",
    ),
    Mutant(
        "a limiter does not know quiet times",
        "run/limiter.py",
        "return max(at, self._due - self._ahead_s)",
        "return max(at, self._due)",
    ),
    Mutant(
        "retries are no attempts to a limiter",
        "run/throttle.py",
        "            if shared.limiter is not None:\n                shared.limiter.take(at)\n",
        "            if shared.limiter is not None and handle[2] == 1:\n                shared.limiter.take(at)\n",
    ),
    Mutant(
        "a node that waits for a rate is not looked at again",
        "run/launch.py",
        '            self.timers.set(opens_at, Due("opens", number))\n',
        "            pass\n",
    ),
    Mutant(
        "only limiters are asked",
        "run/throttle.py",
        "return max(opens, shared.limiter.opens_at(at)) if shared.limiter is not None else opens",
        "return shared.limiter.opens_at(at) if shared.limiter is not None else opens",
    ),
    # --- budgets ---
    Mutant(
        "a budget allows one retry more",
        "run/throttle.py",
        "            if own[0] <= 0:",
        "            if own[0] < 0:",
    ),
    Mutant(
        "a retry that the run does not allow costs the node",
        "run/throttle.py",
        "            if own[0] <= 0:",
        "            own[0] -= self._run_budget is not None and self._run_budget <= 0\n            if own[0] < 0:",
    ),
    Mutant(
        "the budget of the run is not spent",
        "run/throttle.py",
        "            self._run_budget -= 1\n",
        "            pass\n",
    ),
    # --- time ---
    Mutant(
        "a node goes on after its deadline",
        "run/machine.py",
        "        node.failed = {**(node.failed or {}), **dict.fromkeys(left, failure)}\n        self._forget_calls(number)\n",
        "        node.failed = {**(node.failed or {}), **dict.fromkeys(left, failure)}\n",
    ),
    Mutant(
        "a node waits for its calls after its deadline",
        "run/machine.py",
        "        for handle in self.attempts.running_of(number):",
        "        for handle in ():",
    ),
    Mutant(
        "calls whose pause is not over are forgotten at a deadline",
        "run/machine.py",
        "left = [*node.left(), *self.attempts.waiting(number)]",
        "left = [*node.left()]",
    ),
    Mutant(
        "what an expired call has is given away at once",
        "run/machine.py",
        "            self.attempts.end(handle)\n            self.attempts.abandoned.add(handle)\n            node.running -= 1",
        "            self._taken(handle)",
    ),
    Mutant(
        "what an expired call had is never given back",
        "run/launch.py",
        "                self.attempts.abandoned.remove(handle)\n                self._give_back(handle)\n",
        "                self.attempts.abandoned.remove(handle)\n",
    ),
    Mutant(
        "what is drained has no deadline",
        "run/timers.py",
        'if found[2].what not in {"again", "opens", "gate"}]',
        "if False]",
    ),
    Mutant(
        "a run goes on with its calls after its deadline",
        "run/machine.py",
        '        self._stop("deadline", at)\n        self._wishes += [',
        '        self._stop("deadline", at)\n        _ = [',
    ),
    Mutant(
        "every attempt that was slow once is overdue",
        "run/core.py",
        "                if self.attempts.is_running((number, item, attempt)):\n                    soft_s",
        "                if True:\n                    soft_s",
    ),
    # --- devices ---
    Mutant(
        "a call is given a device that others have shares of",
        "run/devices.py",
        "free = [name for name in able if self._shares[name] >= 1 - _TINY]",
        "free = [name for name in able if self._shares[name] > 0]",
    ),
    Mutant(
        "the memory of devices is not counted",
        "run/devices.py",
        "            self._memory[name] -= memory_gb\n",
        "",
    ),
    Mutant(
        "devices are not given back",
        "run/devices.py",
        "self._shares[name] = min(1.0, self._shares[name] + min(gpu, 1.0))",
        "self._shares[name] += 0.0",
    ),
    Mutant(
        "a call is not told of all its devices",
        "run/calls.py",
        '",".join(devices)',
        "devices[0]",
    ),
    Mutant(
        "the journal does not say which devices a call has",
        "run/launch.py",
        '{"devices": devices} if devices else None)',
        "None)",
    ),
    # --- room ---
    Mutant(
        "memory is not given back",
        "run/slots.py",
        "            self._memory += min(further.memory_gb, self._memory_gb)\n",
        "            pass\n",
    ),
    Mutant(
        "a further attempt has the memory of the first",
        "run/launch.py",
        "return demands[min(attempt, len(demands)) - 1]",
        "return demands[0]",
    ),
    Mutant(
        "a call of a resumed run has the memory of a first one",
        "run/launch.py",
        "            attempt = self.attempts.next(number, node.todo[node.position]) if node.position < len(node.todo) else 1\n",
        "            attempt = 1\n",
    ),
    Mutant(
        "two calls have one lock",
        "run/demand.py",
        "for name in sorted(set(asked.locks)))",
        "for name in sorted(set(asked.locks))[1:])",
    ),
    Mutant(
        "named resources are not counted",
        "run/slots.py",
        "            self._named[name] = self._amount(name) - amount\n",
        "            self._named[name] = self._amount(name)\n",
    ),
    Mutant(
        "calls that need more than processors queue in the backend",
        "run/slots.py",
        "return self.free >= cpu - _TINY and self._has_further(further)",
        "return self.free + self.queue >= cpu - _TINY and self._has_further(further)",
    ),
    Mutant(
        "a node that waits for devices is passed for ever",
        "run/slots.py",
        "if taken.gpu and wanted.gpu and self._devices",
        "if False and self._devices",
    ),
    Mutant(
        "a node that waits for memory holds up those that take none",
        "run/slots.py",
        "        if wanted is None or taken is None:\n            return False\n",
        "        if wanted is None or taken is None:\n            return True\n",
    ),
    Mutant(
        "what a node waits for is kept although it starts nothing more",
        "run/launch.py",
        "        self.slots.forget(self._shapes[number].rank)\n",
        "",
    ),
    # --- order ---
    Mutant(
        "what a node comes after it does not wait for",
        "model/graph.py",
        "numbers = {index[name] for name in node.after if name in index} if node.after else set()",
        "numbers = set()",
    ),
]
