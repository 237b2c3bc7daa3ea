"""What becomes of the attempts of a scenario."""

from __future__ import annotations

from collections.abc import Mapping

from weftline.model.call import Call, Handle
from weftline.testing.scripted import Act, fail, succeed
from weftline.testing.simulation.scenario import Fate, Scenario

#: After how long it is noticed that a call is lost, in seconds.
_NOTICED_S = 0.1


def act_of(scenario: Scenario, fates: Mapping[Handle, Fate], call: Call) -> Act:
    """What becomes of an attempt.

    Args:
        scenario: says how long calls take.
        fates: of attempts that do not just succeed.
        call: the attempt.
    """
    takes_s = scenario.nodes[call.handle[0]].takes_s * (1 + max(call.handle[1], 0) % 3)
    fate = fates.get(call.handle)
    if fate is None:
        return succeed(takes_s)
    takes_s += fate.takes_s
    errors: dict[str, BaseException] = {
        "transient": ConnectionError("it may work the next time"),
        "fatal": ValueError("it will never work"),
        "interrupted": KeyboardInterrupt(),
    }
    act = fail(errors[fate.ending], takes_s) if fate.ending in errors else succeed(takes_s)
    if fate.ending == "lost":
        act = act.lost(_NOTICED_S)
    if fate.late_s:
        act = act.late(fate.late_s)
    return act if fate.again_s is None else act.twice(fate.again_s)
