"""SIGKILL at random moments of a run of 2,000 nodes with fan-out, retries and gates, with each kind of ledger.

Nothing that was acknowledged is lost, nothing is recorded twice, and `resume` completes. Gates open by what nodes provide, by
fields that the test sets while the run works or is dead, and by approvals. A failing case is named by its seed.
`WEFTLINE_LARGE_RUN_KILLS=200` kills more often, and begins another run whenever one is through.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter

import pytest

from weftline.app.ledgers import open_journals
from weftline.model.event import CALL_OUTCOMES, Kind
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus

pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("WEFTLINE_LARGE_RUN_KILLS", "6"))
SEED = int(os.environ.get("WEFTLINE_SEED", "1"))
NODES = 2_000
#: The longest that a process lives after it has planned, in seconds.
LIVES_S = 1.0

FLOW = """
    import json, os, random, sys, time
    from weftline import Clause, FieldSpec, Gate, Pipeline, Policy, node

    AGAIN = Policy(max_attempts=30, backoff="none")
    CHAINS, LONG, ITEMS = 36, 55, 150
    COUNTED = Gate("counted", (Clause("counted", "at_least", ITEMS),), timeout_s=36_000)
    STAGED = Gate("staged", (Clause("stage", "changed", previous_value="parse"), Clause("editor", "exists")), match="any")
    EDITORS = [Gate(f"editor{at}") for at in range(2)]
    READY = [Gate(f"ready{at}", (Clause(f"pages{at}", "at_least", 3), Clause(f"read{at}", "equals", True))) for at in range(6)]
    #: At the chains one after the other: at the first link, in the middle, and near the end.
    GATES = {0: [COUNTED] * CHAINS, 20: [*READY, *EDITORS, STAGED] * 4, 40: [*READY[3:], None, None, None] * 6}
    FIELDS = {
        "counted": FieldSpec(int, key="counted"),
        "stage": FieldSpec(str, default="parse"),
        "editor": str,
        **{f"pages{at}": int for at in range(6)},
        **{f"read{at}": bool for at in range(6)},
    }

    def work():
        time.sleep(0.001)
        if random.random() < 0.05:
            raise ConnectionError("now and then")

    @node
    def numbers() -> list[int]:
        return list(range(ITEMS))

    @node(requires={"x": "numbers"}, over="numbers", policy=AGAIN)
    def squares(x: int) -> int:
        work()
        return x * x

    @node(requires={"y": "squares"}, over="squares", policy=AGAIN, on_item_error="skip")
    def halves(y: int) -> int:
        work()
        if y % 3 == 1:
            raise ValueError("left out")
        return y // 2

    @node(provides="counted")
    def count(squares: list[int]) -> int:
        return len(squares)

    def link(chain, at):
        gate = GATES[at][chain] if at in GATES else None
        if at == 0:
            @node(name=f"n{chain}-0", provides=f"v{chain}.0", requires={"before": "squares"}, policy=AGAIN, gate=gate)
            def made(before: list[int]) -> int:
                work()
                return len(before) + 1000 * chain  # so that no two chains compute the same
        else:
            before = {"before": f"v{chain}.{at - 1}"}
            @node(name=f"n{chain}-{at}", provides=f"v{chain}.{at}", requires=before, policy=AGAIN, gate=gate, cache=at != 40)
            def made(before: int) -> int:
                work()
                return before + 1
        return made

    def end(chain):
        @node(name=f"end{chain}", provides=f"ends.{chain}", requires={"before": f"v{chain}.{LONG - 1}"}, cache=chain % 2 == 0)
        def made(before: int) -> int:
            return before
        return made

    links = [link(chain, at) for chain in range(CHAINS) for at in range(LONG)]

    @node(consumes={"ends": "ends.*"})
    def total(halves: list[int], ends: dict[str, int]) -> int:
        return sum(halves) + sum(ends.values())

    rest = [numbers, squares, halves, count, total]
    ends = [end(chain) for chain in range(2_000 - len(rest) - len(links))]
    pipeline = Pipeline([*rest, *links, *ends], name="large", fields=FIELDS)

    class Acknowledged:
        def __init__(self, path):
            self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(self.file, b"\\\\n")  # a kill may have cut off the last line

        def tell(self, run, events):
            text = "".join(json.dumps([run, *event[:5]]) + "\\\\n" for event in events)
            os.write(self.file, text.encode())
            if events[0].kind in {"RunStarted", "RunResumed"}:
                print("running", flush=True)

        def close(self):
            os.close(self.file)

    def main():
        verb, path, run = sys.argv[1:]
        sinks = [Acknowledged(path)]
        print("ready", flush=True)
        if verb == "resume":
            result = pipeline.resume(run, backend="threads", workers=4, sinks=sinks)
        else:
            result = pipeline.run(backend="threads", workers=4, sinks=sinks)
        total = None if result.status == "blocked" else result["total"]
        print(json.dumps({"status": result.status, "total": total, "nodes": len(result.steps)}))

    if __name__ == "__main__":
        main()
""".replace("\\\\n", "\\n")
HALVES = [x * x // 2 for x in range(150) if x * x % 3 != 1]
TOTAL = sum(HALVES) + sum(150 + 1000 * chain + 54 for chain in range(15))
#: What others say, in an order that is drawn: also what opens nothing.
SAID = [
    *({f"pages{at}": pages} for at in range(6) for pages in (1, 5)),
    *({f"read{at}": is_read} for at in range(6) for is_read in (False, True)),
    *({f"gate.editor{at}": "approved"} for at in range(2)),
    {"stage": "chunk"},
]
GATES = {"counted", "staged", *(f"editor{at}" for at in range(2)), *(f"ready{at}" for at in range(6))}


class Killer:
    """Goes on with a run in one process after the other, and looks at what is recorded after each has died."""

    def __init__(self, made, url, seed):
        self.made = made
        self.url = url
        self.rng = random.Random(seed)
        self.kills = Counter()
        self.acknowledged = 0
        self.runs = 0
        self.said = Counter()  # by when it was said
        self.blocked = 0  # how often a run had nothing else to do than to wait
        self.left = []  # what is to be said of the present run
        self.said_at = 0.0
        self.held = {}

    def run_once(self, kills):
        """One run to its end, with so many kills at most; gives how many there were."""
        self.runs += 1
        home, file = self.made.folder / f"home-{self.runs}", self.made.folder / f"acknowledged-{self.runs}"
        run, before, done = "", [], 0
        self.left, self.held = self.rng.sample(SAID, len(SAID)), {}
        for at in range(6):  # the right one last
            for name in (f"pages{at}", f"read{at}"):
                places = [place for place, values in enumerate(self.left) if name in values]
                ordered = sorted((self.left[place] for place in places), key=lambda values: values[name])
                for place, values in zip(places, ordered, strict=True):
                    self.left[place] = values
        while True:
            verb = "resume" if run else "run"
            process = self.made.start(verb, str(file), run, WEFTLINE_HOME=str(home), WEFTLINE_LEDGER=self.url)
            told = self._let_live(process, run, is_last=done >= kills)
            done += told is None
            run = run or self._newest(home)
            lines = file.read_text().splitlines() if file.exists() else []
            told_events = [tuple(json.loads(line)) for line in lines if line.endswith("]")]  # what was cut off was not told
            before = self._look(run, before, told_events)
            if told is not None and told["status"] == "blocked":
                self.blocked += 1
                assert self.left or self.said_at > before[-1].at, "all had been said, and it still waits"
                self._say(run, 1, "blocked")
            elif told is None and run and self.rng.random() < 0.3:
                self._say(run, 1, "dead")
            elif told is not None:
                assert told["status"] == "partial", told  # some items are left out on purpose
                assert (told["total"], told["nodes"]) == (TOTAL, NODES)
                self._look_at_the_end(before)
                self.acknowledged += len(told_events)
                return done

    def _say(self, run, times, when):
        """What others say, who know the run."""
        with contextlib.closing(open_journals(self.url, self.made.folder)) as journals:
            for _ in range(min(times, len(self.left))):
                values, self.said_at = self.left.pop(0), time.time()
                assert journals.set_fields(run, values, at=time.time(), by="service") == 1
                self.held |= values
                self.said[when] += 1

    def _let_live(self, process, run, *, is_last):
        """What a process told, if it was not killed."""
        phase, lives_s = "planning", self.rng.uniform(0.0, 1.0) if self.rng.random() < 0.2 else None
        assert process.stdout.readline().strip() == "ready", process.stderr.read()
        if is_last:
            process.stdout.readline()
            return self.made.told(process, limit_s=300)
        if lives_s is None:
            if process.stdout.readline().strip() != "running":
                raise AssertionError(process.stderr.read())
            phase, lives_s = "running", self.rng.uniform(0.0, LIVES_S)
            if run and self.rng.random() < 0.5:
                time.sleep(lives_s / 2)
                self._say(run, 1, "running")
                lives_s /= 2
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=lives_s)
            return self.made.told(process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            pipe.close()
        self.kills[phase] += 1
        return None

    def _newest(self, home):
        """The run of that home; empty if it was killed before there was one."""
        with contextlib.closing(open_journals(self.url, home)) as journals:
            found = journals.runs(10_000)
            return found[0].run if len(found) == self.runs else ""

    def _look(self, run, before, told):
        if not run:
            assert not told, "the run was told of, and is not there"
            return []
        with contextlib.closing(open_journals(self.url, self.made.folder)) as journals:
            events = list(journals.events(run))
            self._look_at_gates(run, events, journals)
        assert events[: len(before)] == before, "what was recorded has changed"
        there = [(run, str(event.kind), *event[1:5]) for event in events]
        # a tick that was cut off may be recorded and not told: what was told is there, in order
        left = iter(there)
        lost = next((one for one in told if one not in left), None)
        assert lost is None, f"{lost} was acknowledged, and is lost"
        outcomes = Counter((event.node, event.item, event.attempt) for event in events if event.kind in CALL_OUTCOMES)
        begun = Counter((event.node, event.item, event.attempt) for event in events if event.kind is Kind.ATTEMPT_STARTED)
        begun -= Counter((event.node, event.item, event.attempt) for event in events if event.kind is Kind.ATTEMPT_DEFERRED)
        successes = Counter((event.node, event.item) for event in events if event.kind is Kind.CALL_SUCCEEDED)
        twice = [one for counted in (outcomes, begun, successes) for one, times in counted.items() if times > 1]
        which = [[event for event in events if event.node == one[0] and event.item == one[1]] for one in twice[:1]]
        assert not twice, f"recorded twice: {twice[:5]}, such as {which}"
        return events

    def _look_at_gates(self, run, events, journals):
        """Nothing that was said is lost, what nodes provide is said once, and those wait that the journal tells of."""
        held = journals.fields(run)
        assert {name: held[name].value for name in self.held} == self.held, "what others have said is lost"
        own = {name: value for name, value in held.items() if name not in self.held}
        assert set(own) <= {"counted"}
        assert all((value.value, value.was, value.by) == (150, None, "count") for value in own.values())
        record = RunRecord.fold(run, events)
        waiting = {wait.gate: wait.at for wait in journals.waits() if wait.run == run}
        reached = {name: at for name, (at, _) in record.reached.items()}
        assert waiting == (reached if record.status in {RunStatus.RUNNING, RunStatus.BLOCKED} else {})
        came = Counter(event.body["gate"]["name"] for event in events if event.kind is Kind.GATE_REACHED)
        opened = Counter(event.body["gate"] for event in events if event.kind is Kind.GATE_OPENED)
        assert {1} >= {*came.values(), *opened.values()}, f"told twice: {came}, {opened}"
        assert set(came) | set(opened) <= GATES

    def _look_at_the_end(self, events):
        assert {event.body["gate"] for event in events if event.kind is Kind.GATE_OPENED} == GATES
        assert [event.kind for event in events].count(Kind.RUN_STARTED) == 1
        assert events[-1].kind is Kind.RUN_FINISHED
        assert len({event.node for event in events if event.kind is Kind.NODE_FINISHED}) == NODES


def test_a_large_run_that_is_killed_again_and_again_completes(program, ledger_url):
    killer, kills = Killer(program(FLOW), ledger_url, f"{SEED}"), 0
    while kills < KILLS:
        kills += killer.run_once(KILLS - kills)
    where = ", ".join(f"{times} while {phase}" for phase, times in sorted(killer.kills.items()))
    print(
        f"{kills} kills ({where}) of {killer.runs} runs of {NODES:,} nodes: {killer.acknowledged:,} acknowledged events there; "
        f"{killer.blocked} times they only waited at gates; said to them: {dict(sorted(killer.said.items()))}"
    )
