"""Mistakes that the simulator must find in what is done about outputs that are lost."""

from tests.property.mutants.engine import Mutant

LOSS_MUTANTS = [
    Mutant(
        "what is made again because it was lost asks no gate",
        "run/core.py",
        "        self._starts.pop(fact.node, None)  # it has to run now",
        "        pass  # it has to run now",
    ),
    Mutant(
        "who wants what was lost does not wait for it",
        "run/core.py",
        "        reader.pending += 1\n",
        "",
    ),
    Mutant(
        "only one of those who want what was lost goes on",
        "run/core.py",
        "            maker.waiters.append(number)\n            return\n",
        "            return\n",
    ),
    Mutant(
        "the journal does not tell of a loss",
        "run/core.py",
        "        self._record(Kind.OUTPUT_LOST, fact.at, fact.node)\n",
        "",
    ),
    Mutant(
        "a call that wanted what was lost keeps its slot",
        "run/core.py",
        "                self._withdrawn(fact.handle, began=False)\n"
        "                reader.try_again(fact.handle[1], fact.handle[2])\n",
        "                self._withdrawn(fact.handle, began=False)\n",
    ),
    Mutant(
        "a run that waits for what was lost at a gate does not end",
        "run/progress.py",
        "(self.state is NodeState.RUNNING and not self.pending)",
        "self.state is NodeState.RUNNING",
    ),
]
