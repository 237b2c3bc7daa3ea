"""Whole runs, simulated: a seed decides everything, the engine is the real one, and rules are checked after every step.

Theory of operation. `draw` (with `further`, `asking`, `vanishing`) makes a scenario of a seed: plain data that says what is run
and what happens (`scenario`). `World` plays it: one process after the other, each with a new engine over the same journal and
store, in virtual time (`world`, `process`, `ports`, `graph`). An `Account` of what passes through the ports is kept beside the
engine (`account`, `reported`, `memory`, `node`, `truth`, `policies`), with what could start and why not (`readiness`, `room`,
`sharing`), and what is to be said of gates (`gating`, `arrivals`); rules compare the two (`rules`, `restraints`, `openings`,
`endings`). A scenario that breaks a rule is made smaller (`shrink`) and told as a story (`story`).
"""

from weftline.testing.simulation.draw import draw
from weftline.testing.simulation.rules import RULES, RuleBrokenError, rule
from weftline.testing.simulation.scenario import Draft, Fate, Incident, Life, Scenario
from weftline.testing.simulation.shrink import shrink
from weftline.testing.simulation.story import story
from weftline.testing.simulation.world import World

__all__ = [
    "RULES",
    "Draft",
    "Fate",
    "Incident",
    "Life",
    "RuleBrokenError",
    "Scenario",
    "World",
    "draw",
    "rule",
    "shrink",
    "story",
]
