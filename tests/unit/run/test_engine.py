"""Whole runs in virtual time: real nodes, plans and stores in memory, and a backend that does what it is told."""

import contextlib
import sqlite3
from typing import ClassVar

import pytest

from weftline import Node, Policy, Resources, node
from weftline.errors import LedgerUnusableError, UndigestableError
from weftline.model.entry import is_freed
from weftline.model.event import CALL_OUTCOMES, Kind
from weftline.model.ids import WHOLE
from weftline.store.files import FileCache
from weftline.store.joined import JoinedCache
from weftline.store.locks import FileLeases
from weftline.store.sqlite import SqliteLedger
from weftline.testing import Act, fail, succeed

THRICE = Policy(max_attempts=3, backoff="linear", initial_s=10.0, jitter=False)


@node(provides="numbers")
def numbers(count: int = 4) -> list[int]:
    return list(range(count))


@node(provides="squares", requires={"x": "numbers"}, over="numbers")
def squares(x: int) -> int:
    return x * x


@node(provides="total")
def total(squares: list[int]) -> int:
    return sum(squares)


CHAIN = [numbers, squares, total]


@node(provides="one")
def one(start: int = 1) -> int:
    return start


@node(provides="two", policy=THRICE)
def two(one: int) -> int:
    return one + 1


@node(provides="three")
def three(two: int) -> int:
    return two + 1


# --- values ---


def test_values_flow_along_the_keys(stage):
    result = stage.run(CHAIN)
    assert (result["numbers"], result["squares"], result["total"]) == ([0, 1, 2, 3], [0, 1, 4, 9], 14)
    assert result.ok


def test_items_keep_their_order_whatever_order_they_end_in(stage):
    backend = stage.scripted(slots=4)
    for item in range(4):
        backend.will("squares", succeed(takes_s=10 - item), item=item)
    result = stage.run(CHAIN)
    assert [item for _, item, _ in stage.told(Kind.CALL_SUCCEEDED)] == [WHOLE, 3, 2, 1, 0, WHOLE]
    assert result["squares"] == [0, 1, 4, 9]


def test_an_empty_list_is_a_result(stage):
    result = stage.run(CHAIN, params={"count": 0})
    assert (result["squares"], result["total"]) == ([], 0)


@pytest.mark.parametrize("cached", [True, False])
def test_skipped_items_are_left_out_of_the_list(stage, cached):
    @node(provides="halves", requires={"x": "numbers"}, over="numbers", on_item_error="skip")
    def halves(x: int) -> int:
        if x % 2:
            raise ValueError(f"{x} is odd")
        return x // 2

    @node(provides="how_many")
    def how_many(halves: list[int]) -> int:
        return len(halves)

    result = stage.run([numbers, halves, how_many], params={"count": 5}, cached=cached)
    assert (result["halves"], result["how_many"], result.status) == ([0, 1, 2], 3, "partial")
    assert sorted(result.steps["halves"].failures) == [1, 3]


def test_a_fan_out_over_a_fan_out_that_left_items_out(stage):
    @node(provides="kept", requires={"x": "numbers"}, over="numbers", on_item_error="skip")
    def kept(x: int) -> int:
        if x == 1:
            raise ValueError
        return x

    @node(provides="tenfold", requires={"x": "kept"}, over="kept")
    def tenfold(x: int) -> int:
        return 10 * x

    assert stage.run([numbers, kept, tenfold])["tenfold"] == [0, 20, 30]


def test_optional_inputs_are_a_mapping_of_what_there_is(stage):
    @node(provides="conditioning.text")
    def text() -> str:
        return "t"

    @node(provides="conditioning_extra.x")
    def extra() -> str:
        return "not in the namespace"

    @node(provides="seen", consumes={"given": "conditioning.*"})
    def seen(given: dict[str, str]) -> list[str]:
        return sorted(given)

    assert stage.run([text, extra, seen])["seen"] == ["conditioning.text"]
    assert stage.run([seen])["seen"] == []


def test_the_class_form_means_the_same(stage):
    class Squares(Node):
        name = "squares"
        requires: ClassVar = {"numbers": int}
        provides: ClassVar = {"squares": int}
        over = "numbers"

        def run(self, ctx):
            ctx.set("squares", ctx.get("numbers") ** 2)

    assert stage.run([numbers, Squares(), total])["total"] == 14


def test_the_value_must_be_a_sequence_to_run_over_it(stage):
    @node(provides="letters")
    def letters() -> object:
        return {"a": 1}

    @node(provides="each", requires={"x": "letters"}, over="letters")
    def each(x: str) -> str:
        return x

    result = stage.run([letters, each])
    assert [(label, failure.finding.code) for label, failure in result.failures] == [("each", "R514")]


# --- the journal ---


def test_the_journal_tells_the_whole_story(stage):
    stage.run([one, two])
    assert [event.kind for event in stage.events] == [
        Kind.RUN_STARTED,
        Kind.NODE_STARTED, Kind.ATTEMPT_STARTED, Kind.CALL_SUCCEEDED, Kind.NODE_FINISHED,
        Kind.NODE_STARTED, Kind.ATTEMPT_STARTED, Kind.CALL_SUCCEEDED, Kind.NODE_FINISHED,
        Kind.RUN_FINISHED,
    ]  # fmt: skip
    assert stage.events[-1].body == {"status": "completed", "counts": {"succeeded": 2}}


def test_records_are_safe_before_anything_depends_on_them(stage):
    class Watchful(type(stage.backend)):
        def submit(self, call):
            assert (call.node.name != "two") or ("one", WHOLE, 1) in stage.told(Kind.CALL_SUCCEEDED)
            assert (call.node.name, call.handle[1], call.handle[2]) in stage.started
            super().submit(call)

    stage.backend = Watchful(stage.clock)
    assert stage.run([one, two]).ok


def test_a_result_is_stored_before_it_is_recorded(stage):
    class Watchful(type(stage.ledger)):
        def append(self, run, events, recipes=()):
            for event in events:
                if event.kind is Kind.CALL_SUCCEEDED:
                    assert stage.cache.find([bytes.fromhex(event.body["key"])])
            super().append(run, events, recipes)

    stage.ledger.close()
    stage.ledger = Watchful(":memory:")
    assert stage.run(CHAIN).ok


@pytest.fixture
def home(stage, tmp_path):
    """A stage whose small results become durable with the journal, and who looks into the home from outside."""
    stage.ledger.close()
    stage.ledger = Looking(tmp_path)
    stage.cache = JoinedCache(tmp_path / "cache", stage.ledger.staged)
    yield stage
    stage.cache.close()


class Looking(SqliteLedger):
    """Whenever it has been written, compares what the journal says with what another process would find."""

    def __init__(self, place):
        super().__init__(place / "ledger.db")
        self.place = place
        self.ended = set()

    def stored(self):
        """Keys of all results that are in the home's files."""
        found = set()
        for file, table in (("ledger.db", "staged"), ("cache/index.db", "results")):
            with (
                contextlib.suppress(sqlite3.OperationalError),
                contextlib.closing(sqlite3.connect(self.place / file)) as database,
            ):
                found |= {key.hex() for (key,) in database.execute(f"SELECT key FROM {table}")}
        return found

    def append(self, run, events, recipes=()):
        new = {event.body["key"] for event in events if event.kind is Kind.CALL_SUCCEEDED}
        assert not new & self.stored()
        super().append(run, events, recipes)
        self.ended |= new
        assert self.ended <= self.stored()


def test_a_small_result_and_its_record_are_one_commit(home):
    assert home.run(CHAIN, staging=home.cache)["total"] == 14
    assert len(home.ledger.ended) == 6


def test_at_the_end_of_a_run_all_results_are_in_the_index(home, tmp_path):
    assert home.run(CHAIN, staging=home.cache).ok
    with contextlib.closing(FileCache(tmp_path / "cache")) as cache:
        assert {found.entry.key.hex() for found in cache.held()} >= home.ledger.ended


def test_a_lease_is_given_back_when_the_result_is_durable(home, tmp_path):
    class Watchful(FileLeases):
        def give_back(self, keys):
            assert {key.hex() for key in keys} <= home.ledger.ended
            given.extend(keys)
            super().give_back(keys)

    given = []
    leases = Watchful(tmp_path / "leases")
    assert home.run(CHAIN, staging=home.cache, leases=leases).ok
    assert len(given) == 6
    leases.close()


def test_the_end_of_a_node_and_the_start_of_the_next_are_recorded_together(stage):
    stage.remember_batches()
    assert stage.run([one, two]).ok
    starts = [[(Kind.NODE_STARTED, name), (Kind.ATTEMPT_STARTED, name)] for name in ("one", "two")]
    ends = [[(Kind.CALL_SUCCEEDED, name), (Kind.NODE_FINISHED, name)] for name in ("one", "two")]
    run = [(Kind.RUN_STARTED, ""), (Kind.RUN_FINISHED, "")]
    assert stage.ledger.batches == [[run[0], *starts[0]], ends[0] + starts[1], ends[1], [run[1]]]


def test_a_long_chain_of_hits_is_recorded_in_pieces(stage):
    @node(provides="k0")
    def parity(start: int = 0) -> int:
        return start % 2

    def step(x: int) -> int:
        return x + 1

    chain = [node(provides=f"k{at}", requires={"x": f"k{at - 1}"}, name=f"n{at}")(step) for at in range(1, 1_000)]
    assert stage.run([parity, *chain]).ok
    stage.remember_batches()
    result = stage.run([parity, *chain], params={"start": 2})
    assert result.steps["n999"].status == "cached"
    sizes = [len(batch) for batch in stage.ledger.batches]
    assert sum(sizes) > 2_000
    assert max(sizes) < 600
    assert len(sizes) < 10


def test_a_temporary_output_stays_until_those_who_read_it_are_recorded(stage):
    class Full(type(stage.ledger)):
        def append(self, run, events, recipes=()):
            if any((event.kind, event.node) == (Kind.NODE_FINISHED, "after") for event in events):
                raise LedgerUnusableError(path="x", detail="disk full")
            super().append(run, events, recipes)

    @node(provides="before", temp=True)
    def before() -> int:
        return 1

    @node(provides="after")
    def after(before: int) -> int:
        return before + 1

    stage.ledger.close()
    stage.ledger = Full(":memory:")
    with pytest.raises(LedgerUnusableError):
        stage.run([before, after])
    assert sorted(is_freed(held.entry) for held in stage.cache.held()) == [False, False]
    stage.ledger = type(stage.ledger).__base__(":memory:")
    assert stage.run([before, after], force=["after"]).ok
    assert sorted(is_freed(held.entry) for held in stage.cache.held()) == [False, True]


def test_sinks_are_told_what_was_recorded(stage):
    class Listener:
        def __init__(self):
            self.heard = []

        def tell(self, run, events):
            assert list(stage.ledger.events(run))[-len(events) :] == list(events)
            self.heard += events

        def close(self):
            pass

    listener = Listener()
    stage.run(CHAIN, sinks=[listener])
    assert listener.heard == stage.events


def test_a_ledger_that_fails_ends_the_run(stage):
    class Full(type(stage.ledger)):
        def append(self, run, events, recipes=()):
            if any(event.kind is Kind.CALL_SUCCEEDED for event in events):
                raise LedgerUnusableError(path="x", detail="disk full")
            super().append(run, events, recipes)

    stage.ledger.close()
    stage.ledger = Full(":memory:")
    with pytest.raises(LedgerUnusableError):
        stage.run([one, two])


# --- restoring ---


def test_a_second_run_restores_everything(stage):
    stage.run(CHAIN)
    stage.scripted()
    result = stage.run(CHAIN)
    assert stage.backend.started == []
    assert {name: step.status for name, step in result.steps.items()} == dict.fromkeys(result.steps, "cached")
    assert (result["squares"], result["total"]) == ([0, 1, 4, 9], 14)


def test_only_new_items_run(stage):
    stage.run(CHAIN)
    stage.scripted()
    result = stage.run(CHAIN, params={"count": 6})
    assert result["total"] == 55
    assert [item for name, item, _ in stage.started if name == "squares"] == [4, 5]
    assert (result.steps["squares"].ran, result.steps["squares"].restored) == (2, 4)


def test_an_output_that_comes_out_equal_cuts_off_what_follows(stage):
    @node(provides="parity")
    def parity(one: int) -> int:
        return one % 2

    @node(provides="word")
    def word(parity: int) -> str:
        return "odd" if parity else "even"

    nodes = [one, parity, word]
    stage.run(nodes, params={"start": 1})
    plan = stage.plan(nodes, params={"start": 3})
    assert [str(step.decision) for step in plan.steps] == ["RUN", "MAY RUN", "MAY RUN"]
    result = stage.run(nodes, params={"start": 3})
    assert [step.status for step in result.steps.values()] == ["succeeded", "succeeded", "cached"]
    assert result["word"] == "odd"


def test_without_a_cache_everything_runs_every_time(stage):
    for _ in range(2):
        stage.scripted()
        assert stage.run(CHAIN, cached=False)["total"] == 14
        assert len(stage.backend.started) == 6


def test_a_node_that_is_never_cached_runs_every_time(stage):
    @node(provides="two", cache=False)
    def uncached(one: int) -> int:
        return one + 1

    for _ in range(2):
        result = stage.run([one, uncached, three])
        assert result.steps["uncached"].status == "succeeded"
    assert result.steps["three"].status == "cached"


def test_what_is_never_cached_need_not_be_storable(stage):
    """`cache=False` is offered as the way out for values that no codec can store: they stay in memory."""

    @node(cache=False)
    def connection() -> object:
        return lambda: 7

    @node(cache=False)
    def ask(connection: object) -> int:
        return connection()

    @node
    def after(ask: int) -> int:
        return ask + 1

    for _ in range(2):
        assert stage.run([connection, ask, after])["after"] == 8


def test_a_forced_node_runs_although_it_is_known(stage):
    stage.run([one, two, three])
    result = stage.run([one, two, three], force=["two"])
    assert [step.status for step in result.steps.values()] == ["cached", "succeeded", "cached"]


@pytest.mark.parametrize("size", [1, 2_000])
def test_what_a_forced_node_made_is_what_later_runs_get(stage, size):
    """Somebody forces a node because its stored result is out of date."""

    @node(provides="reading")
    def reading() -> str:
        return "never called: the script says what comes out"

    stage.scripted().will("reading", succeed(outputs=("old" * size,)), succeed(outputs=("new" * size,)))
    stage.run([reading])
    forced = stage.run([reading], force=["reading"])
    assert forced["reading"] == "new" * size
    assert stage.run([reading])["reading"] == "new" * size


# --- failures and retries ---


def test_a_failure_is_told_with_its_place_and_its_text(stage):
    @node(provides="bad")
    def bad() -> int:
        raise LookupError("no such row")

    result = stage.run([bad])
    ((label, failure),) = result.failures
    assert (label, failure.kind, failure.message) == ("bad", "LookupError", "no such row")
    assert failure.place.file == __file__
    (event,) = [event for event in stage.events if event.kind is Kind.CALL_FAILED]
    assert event.body["message"] == "no such row"
    assert result.status == "failed"


def test_a_value_of_another_type_is_a_failure(stage):
    stage.backend.will("one", succeed(outputs=("text",)))

    @node(provides="wrong")
    def wrong() -> int:
        return "text"

    ((_, failure),) = stage.run([wrong]).failures
    assert failure.finding.code == "R502"


def test_transient_failures_are_tried_again_after_their_pauses(stage):
    stage.backend.will("two", fail(ConnectionError("1")), fail(TimeoutError("2")), succeed())
    began = stage.clock.now()
    result = stage.run([one, two, three])
    assert result["three"] == 3
    assert stage.clock.now() - began == 30.0
    assert stage.told(Kind.ATTEMPT_FAILED) == [("two", WHOLE, 1), ("two", WHOLE, 2)]


def test_the_result_counts_every_attempt(stage):
    stage.backend.will("two", fail(ConnectionError("1")), succeed())
    result = stage.run([one, two, three])
    assert {name: step.attempts for name, step in result.steps.items()} == {"one": 1, "two": 2, "three": 1}
    assert stage.record.nodes["two"].attempts == 2


def test_the_result_counts_no_attempt_for_what_was_restored(stage):
    stage.run([one, two])
    assert {name: step.attempts for name, step in stage.run([one, two]).steps.items()} == {"one": 0, "two": 0}


def test_spent_retries_are_a_failure(stage):
    stage.backend.will("two", *[fail(ConnectionError(str(number))) for number in range(3)])
    result = stage.run([one, two, three])
    assert (result.status, result.steps["two"].attempts, result.failures[0][1].message) == ("failed", 3, "2")
    assert result.steps["three"].status == "skipped"


def test_a_pause_keeps_nobody_from_running(stage):
    @node(provides="other")
    def other(one: int) -> int:
        return one

    stage.backend.will("two", fail(ConnectionError()), succeed())
    stage.backend.will("other", succeed(takes_s=8.0))
    began = stage.clock.now()
    assert stage.run([one, two, other]).ok
    assert stage.clock.now() - began == 10.0  # the pause of `two`, in which `other` took 8 s


def test_a_pause_does_not_grow_when_somebody_sets_the_clock_back(stage):
    class Jumps(type(stage.backend)):
        def poll(self, wait_s):
            if self.started == [(0, WHOLE, 1), (1, WHOLE, 1)] and not jumped:
                jumped.append(True)
                stage.clock.jump(-3600.0)
            return super().poll(wait_s)

    jumped = []
    stage.backend = Jumps(stage.clock).will("two", fail(ConnectionError(), takes_s=1.0), succeed())
    began = stage.clock.monotonic()
    assert stage.run([one, two]).ok
    assert stage.clock.monotonic() - began < 100.0


def test_a_late_or_doubled_report_changes_nothing(stage):
    stage.backend.will("one", succeed().twice(after_s=5.0))
    stage.backend.will("two", fail(ConnectionError()).twice(after_s=15.0), succeed(takes_s=20.0))
    stage.backend.will("three", succeed(takes_s=60.0))
    result = stage.run([one, two, three], checked=True)
    assert (result.status, result["three"]) == ("completed", 3)
    outcomes = stage.told(*CALL_OUTCOMES)
    assert len(outcomes) == len(set(outcomes)) == 3


def test_a_double_in_the_same_turn_changes_nothing(stage):
    stage.backend.will("one", succeed().twice())
    stage.backend.will("two", fail(ConnectionError()).twice(), succeed().twice())
    result = stage.run([one, two], checked=True)
    assert (result.status, result["two"], result.steps["two"].attempts) == ("completed", 2, 2)


def test_what_arrives_after_its_worker_was_found_dead_is_refused(stage):
    stage.backend.will("one", succeed().lost(noticed_s=5.0).twice())
    result = stage.run([one])
    assert (result.status, result.failures[0][1].kind) == ("failed", "WorkerDiedError")
    assert not list(stage.cache.held()), "it would be taken later for what a call made that the journal calls failed"


def test_a_report_that_comes_late_is_waited_for(stage):
    stage.backend.will("one", succeed().late(50.0))
    assert stage.run([one, two]).ok


def test_a_call_that_raises_keyboard_interrupt_by_itself_does_not_break_the_run(stage):
    @node(provides="one")
    def interrupts() -> int:
        raise KeyboardInterrupt

    result = stage.run([interrupts, two])
    assert result.status in {"failed", "cancelled"}


@pytest.mark.parametrize("value", ["circle", "deep"])
def test_a_value_that_cannot_be_stored_fails_its_node_and_not_the_run(stage, value):
    @node(provides="one")
    def odd() -> list:
        found = [0]
        if value == "circle":
            found.append(found)
        else:
            for _ in range(100_000):
                found = [found]
        return found

    result = stage.run([odd])
    assert result.status == "failed"


# --- slots and priorities ---


def test_no_more_cpus_are_used_at_once_than_there_are(stage):
    @node(provides="large", resources=Resources(cpu=4), priority=1)
    def large() -> int:
        return 0

    busy = []

    def note(call):
        cpu = call.node.resources.cpu
        running = sum(found.call.node.resources.cpu for found in backend._running)
        busy.append(running + cpu)
        return Act(takes_s=1.0)

    backend = stage.scripted(slots=4, queue=8, otherwise=note)
    assert stage.run([numbers, squares, large], params={"count": 20}).ok
    assert max(busy) <= 4


def test_a_large_node_is_not_passed_for_ever(stage):
    """Semantics, section 5: a starving large node is protected by reservation after a bounded wait."""

    @node(provides="large", resources=Resources(cpu=4), priority=9)
    def large(one: int) -> int:
        return one

    def takes(call):
        return succeed(takes_s=20.0 if call.node.name == "one" else 1.0 + 0.37 * call.handle[1] % 1.0)

    nodes = [one, numbers, squares, large]
    backend = stage.scripted(slots=4, otherwise=takes)
    assert stage.run(nodes, params={"count": 400}).ok
    names = [stage.plan(nodes).graph.nodes[number].name for number, _, _ in backend.started]
    assert names.index("large") < 300, f"400 small calls, and the large one started as number {names.index('large')}"


def test_higher_priority_starts_first(stage):
    @node(provides="late")
    def late() -> int:
        return 0

    @node(provides="soon", priority=5)
    def soon() -> int:
        return 0

    stage.run([late, soon])
    assert [name for name, _, _ in stage.started] == ["soon", "late"]


# --- cancelling ---


class Cancelling:
    """A sink that cancels the run when it hears of an event."""

    def __init__(self, kind, node):
        self.kind, self.node, self.engine, self.kill = kind, node, None, False

    def tell(self, run, events):
        if any(event.kind is self.kind and event.node == self.node for event in events):
            self.engine.cancel(kill=self.kill)

    def close(self):
        pass


def test_a_cancelled_run_finishes_what_runs_and_can_be_resumed(stage):
    sink = Cancelling(Kind.ATTEMPT_STARTED, "two")
    engine = sink.engine = stage.engine([one, two, three], sinks=[sink])
    assert engine.run() == "cancelled"
    assert {name: str(node.state) for name, node in stage.record.nodes.items()} == {
        "one": "succeeded", "two": "succeeded", "three": "cancelled",
    }  # fmt: skip
    result = stage.resume([one, two, three])
    assert (result.status, result["three"]) == ("completed", 3)
    assert stage.started == [("one", WHOLE, 1), ("two", WHOLE, 1), ("three", WHOLE, 1)]


def test_a_killed_call_runs_again_when_the_run_is_resumed(stage):
    stage.scripted(can_kill=True).will("two", succeed(takes_s=100.0), succeed())
    sink = Cancelling(Kind.ATTEMPT_STARTED, "two")
    sink.kill = True
    engine = sink.engine = stage.engine([one, two, three], sinks=[sink])
    assert engine.run() == "cancelled"
    assert stage.resume([one, two, three])["three"] == 3
    assert stage.told(*CALL_OUTCOMES) == [("one", WHOLE, 1), ("two", WHOLE, 2), ("three", WHOLE, 1)]


# --- checked mode ---


def test_checked_mode_finds_a_changed_input(stage):
    @node(provides="sorted")
    def sorts(numbers: list[int]) -> int:
        numbers.reverse()
        return numbers[0]

    ((label, failure),) = stage.run([numbers, sorts], checked=True).failures
    assert (label, failure.finding.code) == ("sorts", "R506")
    assert "'numbers'" in failure.message


def test_checked_mode_lets_honest_nodes_pass(stage):
    assert stage.run(CHAIN, checked=True).ok


def test_checked_mode_lets_a_node_change_a_frame_of_its_own(stage):
    pd = pytest.importorskip("pandas")

    @node
    def frame() -> pd.DataFrame:
        return pd.DataFrame({"x": [1, 2, 3]})

    @node
    def total(frame: pd.DataFrame) -> int:
        frame["x"] = frame["x"] * 10
        return int(frame["x"].sum())

    @node
    def plain(frame: pd.DataFrame, total: int) -> int:
        return int(frame["x"].sum()) + total

    result = stage.run([frame, total, plain], checked=True)
    assert result.ok, result.failures
    assert result["plain"] == 66


def test_checked_mode_finds_a_changed_item(stage):
    @node(provides="rows")
    def rows() -> list[dict]:
        return [{"a": 1}, {"a": 2}]

    @node(provides="out", requires={"row": "rows"}, over="rows")
    def out(row: dict) -> int:
        return row.pop("a")

    result = stage.run([rows, out], checked=True)
    assert {failure.finding.code for _, failure in result.failures} == {"R506"}


def test_checked_mode_tells_of_an_input_without_a_digest(stage):
    """It may be an error of the node, or be let through; it must not end the run without a record."""

    @node(provides="thing")
    def thing() -> object:
        return lambda: None

    @node(provides="use")
    def use(thing: object) -> int:
        return 1

    try:
        stage.run([thing, use], checked=True, cached=False)
    except UndigestableError as error:
        raise AssertionError("the run broke off") from error


def states(engine):
    return {node.name: str(found.state) for node, found in zip(engine.plan.graph.nodes, engine.core.nodes, strict=True)}


def test_a_node_that_comes_after_another_waits_and_is_kept_when_that_runs_again(stage):
    """Order is no input: what is read decides the key."""

    @node(cache=False)
    def first() -> int:
        return 1

    @node(after="first")
    def second() -> int:
        return 2

    engine = stage.engine([second, first])
    engine.run()
    started = [event.node for event in stage.ledger.events(stage.last) if event.kind is Kind.NODE_STARTED]
    assert started == ["first", "second"]
    engine = stage.engine([second, first])
    engine.run()
    assert states(engine) == {"first": "succeeded", "second": "cached"}


def test_what_comes_after_a_failed_node_is_skipped(stage):
    @node
    def first() -> int:
        raise ValueError

    @node(after="first")
    def second() -> int:
        return 2

    engine = stage.engine([second, first], on_failure="continue")
    engine.run()
    assert states(engine) == {"first": "failed", "second": "skipped"}
