"""Breakers, limiters, budgets and deadlines in the core, with a clock that is moved by hand."""

import pytest

from weftline.model.event import Kind
from weftline.model.policy import Breaker, Budget, Limiter, Policy
from weftline.model.resources import Device, Resources
from weftline.model.transitions import RunStatus
from weftline.run.demand import Capacity, demands_of
from weftline.run.facts import Cancel, Elsewhere, Failed, Stopped, Succeeded, TimerFired

from .test_core import FATAL, THRICE, TRANSIENT, Drive, n

API = Breaker("api", failures=5, reset_s=60.0)


class Service:
    """Plays a run to its end: each call takes a time and ends as it is told; time moves to what is next."""

    def __init__(self, drive, *, takes_s=0.0, fails=lambda handle, at: None):
        self.drive = drive
        self.takes_s = takes_s
        self.fails = fails
        self.started = []  # (time, label)
        self.now = 0.0

    def play(self, until=1e9):
        running = []
        while True:
            for label in self.drive.submitted:
                name, _, attempt = label.partition("#")
                self.started.append((round(self.now, 6), name))
                handle = self.drive.handle(name, int(attempt or 1))
                takes_s = self.takes_s(handle) if callable(self.takes_s) else self.takes_s
                running.append((self.now + takes_s, handle))
            killed = {wish.handle for wish in self.drive.wishes if isinstance(wish, Cancel) and wish.kill}
            running = [found for found in running if found[1] not in killed]
            self.drive.wishes = []
            if killed:
                self.drive.tell(*(Stopped(self.now, handle) for handle in killed))
                continue
            times = [min(running)[0]] if running else []
            if self.drive.core.wakes_at is not None:
                times.append(self.drive.core.wakes_at)
            if not times or min(times) > until:
                return self
            self.now = max(self.now, min(times))
            news = []
            for ended in sorted(running):
                if ended[0] <= self.now:
                    running.remove(ended)
                    failure = self.fails(ended[1], self.now)
                    news.append(Succeeded(self.now, ended[1]) if failure is None else Failed(self.now, ended[1], failure))
            self.drive.tell(*news, TimerFired(self.now))

    def times(self, name):
        return [at for at, label in self.started if label.startswith(name)]


def fan(drive, total, name="x"):
    """The items of a node become known, besides what the run has wished for so far."""
    wishes = drive.wishes
    drive.prepared(name, total, at=0.0)
    drive.wishes = [*wishes, *drive.wishes]
    return drive


def of_kind(drive, kind):
    return [(record.at, dict(record.body or {})) for record in drive.records if record.kind is kind]


# --- breakers -----------------------------------------------------------------------------------------------------


def test_five_failures_open_the_breaker_and_one_probe_closes_it():
    policy = Policy(max_attempts=9, backoff="none", breaker=API)
    drive = fan(Drive(n("x", fans_out=True, tolerant=True, policy=policy), slots=1), 20)
    service = Service(drive, takes_s=1.0, fails=lambda _, at: TRANSIENT if at <= 5.0 else None).play()
    assert service.times("x")[:6] == [0.0, 1.0, 2.0, 3.0, 4.0, 65.0], "five attempts, a pause, and one that is tried"
    assert of_kind(drive, Kind.BREAKER_OPENED) == [(5.0, {"breaker": "api", "reset_s": 60.0})]
    assert of_kind(drive, Kind.BREAKER_CLOSED) == [(66.0, {"breaker": "api"})]
    assert drive.core.status is RunStatus.COMPLETED


def test_one_call_at_a_time_is_tried_and_a_failed_one_opens_it_again():
    policy = Policy(max_attempts=50, backoff="none", breaker=API)
    drive = fan(Drive(n("x", fans_out=True, tolerant=True, policy=policy), slots=8), 8)
    service = Service(drive, takes_s=1.0, fails=lambda _, at: TRANSIENT if at < 130 else None).play()
    first = service.times("x")
    assert first[:8] == [0.0] * 8
    assert [at for at in first if 0 < at < 200][:3] == [61.0, 122.0, 183.0], "one each time, not eight"
    assert sorted(at for at in first if at >= 184)[0] == 184.0, "a probe that succeeds lets the others go"
    assert [at for at, _ in of_kind(drive, Kind.BREAKER_OPENED)] == [1.0, 62.0, 123.0]
    assert drive.core.status is RunStatus.COMPLETED


def test_a_breaker_counts_failures_in_a_row_only():
    policy = Policy(max_attempts=2, backoff="none", breaker=API)
    drive = fan(Drive(n("x", fans_out=True, tolerant=True, policy=policy), slots=1), 100)
    Service(drive, takes_s=1.0, fails=lambda handle, _: TRANSIENT if handle[1] % 4 == 0 and handle[2] == 1 else None).play()
    assert not of_kind(drive, Kind.BREAKER_OPENED), "25 failures, but never five without a success between"


def test_a_breaker_is_shared_by_name_and_others_pass():
    policy = Policy(breaker=API)
    drive = Drive(
        n("x", fans_out=True, tolerant=True, policy=policy),
        n("same", "o", policy=policy),
        n("o"),
        n("p", "o"),
        slots=1,
        on_failure="continue",
    )
    fan(drive, 5)
    service = Service(drive, takes_s=1.0, fails=lambda handle, _: FATAL if handle[0] == 0 else None).play()
    assert service.times("p") == [6.0], "who does not use it goes on"
    assert service.times("same") == [66.0], "who does waits, and is the one that is tried"


def test_errors_about_the_input_do_not_open_a_breaker():
    policy = Policy(breaker=API, never_on=(ValueError,))
    drive = fan(Drive(n("x", fans_out=True, tolerant=True, policy=policy), slots=1), 10)
    assert len(Service(drive, fails=lambda *_: FATAL).play().started) == 10
    assert not of_kind(drive, Kind.BREAKER_OPENED)


@pytest.mark.parametrize("ending", ["stopped", "elsewhere", "about the input"])
def test_a_probe_that_tells_nothing_gives_its_place_back(ending):
    policy = Policy(breaker=Breaker("api", failures=1, reset_s=10.0), never_on=(ValueError,), max_attempts=1)
    drive = fan(Drive(n("x", fans_out=True, tolerant=True, policy=policy), slots=1), 4)
    drive.fail("x[0]", TRANSIENT, at=1.0)
    assert drive.tell(TimerFired(11.0)) == ["x[1]"]
    handle = drive.handle("x[1]")
    fact = {
        "stopped": Stopped(12.0, handle),
        "elsewhere": Elsewhere(12.0, handle),
        "about the input": Failed(12.0, handle, FATAL),
    }[ending]
    if ending == "stopped":  # nobody asked for it: a failed attempt, after which the breaker is open again
        drive.tell(fact)
        assert drive.tell(TimerFired(22.0)) == ["x[2]"]
    else:
        assert drive.tell(fact) == ["x[2]"]


# --- limiters -----------------------------------------------------------------------------------------------------


def test_ten_calls_at_two_a_second_take_their_time():
    policy = Policy(limiter=Limiter("api", per_s=2.0))
    drive = fan(Drive(n("x", fans_out=True, policy=policy), slots=8), 10)
    assert Service(drive).play().times("x") == [at / 2 for at in range(10)]


def test_the_rate_counts_attempts_and_not_calls():
    policy = Policy(max_attempts=2, backoff="none", limiter=Limiter("api", per_s=2.0))
    drive = fan(Drive(n("x", fans_out=True, policy=policy), slots=8), 5)
    service = Service(drive, fails=lambda handle, _: TRANSIENT if handle[2] == 1 else None).play()
    assert service.times("x") == [at / 2 for at in range(10)]


def test_however_many_calls_wait_for_the_rate_their_node_is_looked_at_once():
    policy = Policy(max_attempts=2, backoff="none", limiter=Limiter("api", per_s=10.0))
    drive = fan(Drive(n("x", fans_out=True, policy=policy), slots=8), 50)
    Service(drive, takes_s=0.05, fails=lambda handle, _: TRANSIENT if handle[2] == 1 else None).play(until=8.0)
    assert len(drive.core.timers.due(1e9)) <= 3


def test_a_burst_may_start_at_once_after_a_quiet_time():
    policy = Policy(limiter=Limiter("api", per_s=1.0, burst=3))
    drive = fan(Drive(n("x", fans_out=True, policy=policy), slots=8), 6)
    assert Service(drive).play().times("x") == [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]


def test_a_rate_is_shared_by_name_and_others_pass():
    policy = Policy(limiter=Limiter("api", per_s=1.0))
    drive = Drive(n("a", policy=policy, priority=1), n("b", policy=policy), n("c"), slots=8)
    service = Service(drive).play()
    assert service.started == [(0.0, "a"), (0.0, "c"), (1.0, "b")]


def test_an_attempt_that_others_make_takes_nothing_of_the_rate():
    policy = Policy(limiter=Limiter("api", per_s=0.1))
    drive = fan(Drive(n("x", fans_out=True, policy=policy), slots=1), 3)
    assert drive.submitted == ["x[0]"]
    assert drive.tell(Elsewhere(1.0, drive.handle("x[0]"))) == ["x[1]"]


# --- budgets ------------------------------------------------------------------------------------------------------


def test_fifty_nodes_with_five_tries_stay_inside_the_budget_of_the_run():
    policy = Policy(max_attempts=5, backoff="none")
    nodes = [n(f"n{at:02}", policy=policy) for at in range(50)]
    drive = Drive(*nodes, slots=8, on_failure="continue", retry_budget=20)
    service = Service(drive, fails=lambda *_: TRANSIENT).play()
    assert len(service.started) == 70, "each once, and twenty again"
    spent = [body for _, body in of_kind(drive, Kind.CALL_FAILED) if body.get("spent_budget") == "of the run"]
    assert spent, "and it is said why the others were not tried again"


def test_a_budget_is_shared_by_name():
    policy = Policy(max_attempts=9, backoff="none", budget=Budget("api", retries=3))
    drive = Drive(n("a", policy=policy), n("b", policy=policy), n("c", policy=THRICE), slots=1, on_failure="continue")
    service = Service(drive, fails=lambda *_: TRANSIENT).play()
    counts = {name: len(service.times(name)) for name in "abc"}
    assert counts["a"] + counts["b"] == 5
    assert counts["c"] == 3, "who has another policy is not concerned"


def test_a_budget_without_a_name_is_the_nodes_own():
    policy = Policy(max_attempts=9, backoff="none", budget=Budget(retries=2))
    drive = Drive(n("a", policy=policy), n("b", policy=policy), slots=1, on_failure="continue")
    service = Service(drive, fails=lambda *_: TRANSIENT).play()
    assert [len(service.times(name)) for name in "ab"] == [3, 3]


def test_a_budget_that_is_spent_takes_nothing_from_that_of_the_run():
    first = Policy(max_attempts=9, backoff="none", budget=Budget(retries=0))
    drive = Drive(
        n("a", policy=first), n("b", policy=Policy(max_attempts=9, backoff="none")), on_failure="continue", retry_budget=2
    )
    service = Service(drive, fails=lambda *_: TRANSIENT).play()
    assert [len(service.times(name)) for name in "ab"] == [1, 3]


# --- time ---------------------------------------------------------------------------------------------------------


def test_the_pause_of_one_node_never_delays_another():
    policy = Policy(max_attempts=2, initial_s=100.0, maximum_s=100.0, jitter=False)
    drive = Drive(n("a", policy=policy), n("b"), n("c", "b"), n("d", "c"), slots=1)
    service = Service(drive, takes_s=1.0, fails=lambda handle, _: TRANSIENT if handle == (0, -1, 1) else None).play()
    assert [(at, name) for at, name in service.started if name != "a"] == [(1.0, "b"), (2.0, "c"), (3.0, "d")]
    assert service.times("a") == [0.0, 101.0]


def test_an_overdue_attempt_is_told_once_and_goes_on():
    drive = Drive(n("a", policy=Policy(soft_timeout_s=10.0)), slots=1)
    service = Service(drive, takes_s=25.0).play()
    assert of_kind(drive, Kind.ATTEMPT_OVERDUE) == [(10.0, {"soft_timeout_s": 10.0})]
    assert service.now == 25.0
    assert drive.core.status is RunStatus.COMPLETED


def test_an_attempt_that_ended_in_time_is_not_overdue():
    drive = Drive(n("a", policy=Policy(soft_timeout_s=10.0)), n("b", "a"), slots=1)
    Service(drive, takes_s=9.0).play()
    assert not of_kind(drive, Kind.ATTEMPT_OVERDUE)


@pytest.mark.parametrize(("share", "status"), [(0.5, RunStatus.PARTIAL), (0.7, RunStatus.FAILED)])
def test_at_its_deadline_a_node_makes_do_with_what_it_has(share, status):
    policy = Policy(deadline_s=10.0)
    drive = Drive(
        n("x", fans_out=True, tolerant=True, min_success=share, policy=policy), n("y", "x"), slots=2, on_failure="continue"
    )
    fan(drive, 10)
    service = Service(drive, takes_s=3.0).play()
    assert len(service.times("x")) == 8
    assert of_kind(drive, Kind.DEADLINE_PASSED) == [(10.0, {"deadline_s": 10.0, "left": 4})]
    assert drive.core.status is status
    assert service.times("y") == ([10.0] if status is RunStatus.PARTIAL else [])


@pytest.mark.parametrize("ending", [Succeeded, Stopped])
def test_what_a_call_has_is_given_to_others_only_when_it_has_ended(ending):
    """Its node does not wait for it any more; but a thread cannot be stopped, and a process takes a moment to die."""
    gpu = demands_of(Resources(gpu=1, locks=["db"]), 1)
    first = n("a", demands=gpu, policy=Policy(deadline_s=10.0), priority=1)
    drive = Drive(first, n("b", demands=gpu), capacity=Capacity(4, devices=(Device("0"),)), on_failure="continue")
    assert drive.submitted == ["a"]
    assert drive.tell(TimerFired(10.0)) == []
    assert drive.states["a"] == "failed"
    assert drive.tell(ending(12.0, drive.handle("a"))) == ["b"]
    assert drive.tell(ending(13.0, drive.handle("a"))) == []
    drive.done("b", at=14.0)
    assert drive.states == {"a": "failed", "b": "succeeded"}
    assert drive.core.slots.free == 4


def test_what_runs_at_the_deadline_is_stopped_and_its_late_report_is_ignored():
    drive = fan(Drive(n("x", fans_out=True, tolerant=True, policy=Policy(deadline_s=10.0)), slots=1), 2)
    drive.done("x[0]")
    drive.tell(TimerFired(10.0))
    assert Cancel(drive.handle("x[1]"), kill=True) in drive.wishes
    assert drive.core.status is RunStatus.PARTIAL
    drive.tell(Succeeded(11.0, drive.handle("x[1]")), Stopped(11.0, drive.handle("x[1]")))
    assert drive.core.nodes[0].succeeded == 1


def test_at_its_deadline_a_run_ends_as_failed():
    drive = Drive(n("a"), n("b", "a"), n("c", "b"), slots=1, deadline_s=15.0)
    drive.done("a", at=10.0)
    drive.tell(TimerFired(15.0))
    assert Cancel(drive.handle("b"), kill=True) in drive.wishes
    drive.tell(Stopped(15.5, drive.handle("b")))
    assert drive.core.status is RunStatus.FAILED
    assert of_kind(drive, Kind.DEADLINE_PASSED) == [(15.0, {"deadline_s": 15.0})]


def test_a_run_that_ends_in_time_knows_no_deadline():
    drive = Drive(n("a"), slots=1, deadline_s=15.0)
    drive.done("a", at=10.0)
    assert drive.core.status is RunStatus.COMPLETED


def test_deadlines_hold_for_what_still_runs_when_a_run_is_stopped():
    """The drained call would go on for an hour; that of `b` is past the deadline of its node."""
    slow = Policy(deadline_s=5.0, soft_timeout_s=2.0)
    drive = Drive(n("a"), n("b", policy=slow), n("c"), slots=3, deadline_s=15.0)
    drive.fail("a", at=1.0)
    drive.tell(TimerFired(2.0))
    assert [record.node for record in drive.records if record.kind is Kind.ATTEMPT_OVERDUE] == ["b"]
    drive.tell(TimerFired(5.0))
    assert Cancel(drive.handle("b"), kill=True) in drive.wishes
    drive.tell(TimerFired(15.0))
    assert Cancel(drive.handle("c"), kill=True) in drive.wishes
    drive.tell(Stopped(15.0, drive.handle("c")))
    assert drive.core.status is RunStatus.FAILED


# --- what calls share ---------------------------------------------------------------------------------------------


def needs(name, after="", **resources):
    attempts = resources.pop("attempts", 1)
    asked = Resources(**resources)
    policy = Policy(max_attempts=attempts, backoff="none")
    return n(name, after, demands=demands_of(asked, attempts), policy=policy)


def test_memory_is_shared():
    drive = Drive(*(needs(name, memory_gb=6) for name in "abc"), capacity=Capacity(8, memory_gb=16))
    assert drive.submitted == ["a", "b"]
    assert drive.done("a") == ["c"]


def test_a_further_attempt_gets_more_memory_up_to_what_there_is():
    drive = Drive(needs("a", memory_gb=4, memory_step_gb=4, attempts=9), needs("b", "a"), capacity=Capacity(8, memory_gb=10))
    taken = []
    for attempt in range(1, 5):
        taken.append(10 - drive.core.slots._memory)
        drive.fail("a", TRANSIENT, attempt=attempt)
        drive.tell(TimerFired(1.0))
    assert taken == [4, 8, 10, 10]


def test_a_call_that_is_tried_again_after_a_resumption_gets_more_memory_too():
    drive = Drive(
        needs("a", memory_gb=4, memory_step_gb=4, attempts=9), capacity=Capacity(8, memory_gb=20), attempts={(0, -1): 1}
    )
    assert drive.submitted == ["a#2"]
    assert drive.core.slots._memory == 12


def test_a_first_attempt_does_not_wait_for_room_that_only_further_ones_need():
    """The retry has 4 of 6 GiB, and another retry would not fit; a first attempt does."""
    x = {"fans_out": True, **needs("x", memory_gb=1, memory_step_gb=3, attempts=2)}
    drive = fan(Drive(x, capacity=Capacity(2, memory_gb=6)), 4)
    assert drive.submitted == ["x[0]", "x[1]"]
    assert drive.fail("x[0]", TRANSIENT, at=1.0) == ["x[2]"]
    assert drive.tell(TimerFired(1.0)) == []
    assert drive.done("x[1]", "x[2]", at=2.0) == ["x[0]#2", "x[3]"]


def test_one_call_at_a_time_has_a_lock():
    drive = Drive(*(needs(name, locks=["db"]) for name in "abc"), needs("d"), slots=8)
    assert drive.submitted == ["a", "d"]
    assert drive.done("a") == ["b"]


def test_named_resources_are_shared():
    drive = Drive(*(needs(name, tags={"licence": 2}) for name in "abc"), capacity=Capacity(8, named={"licence": 5}))
    assert drive.submitted == ["a", "b"]
    assert drive.done("b") == ["c"]


def test_a_device_has_one_call_and_it_is_told_which():
    devices = (Device("0"), Device("1"))
    drive = Drive(*(needs(name, gpu=1) for name in "abc"), capacity=Capacity(8, devices=devices))
    assert [wish.devices for wish in drive.wishes] == [("0",), ("1",)]
    assert drive.done("b") == ["c"]
    assert drive.wishes[-1].devices == ("1",)
    assert [record.body for record in drive.records if record.kind is Kind.ATTEMPT_STARTED][-1] == {"devices": ("1",)}


def test_a_starving_node_is_passed_only_so_often_by_those_that_take_what_it_needs():
    """The large node waits for two devices; single ones pass it, until they must not any more. Others always may."""
    capacity = Capacity(4, devices=(Device("0"), Device("1")))
    drive = Drive(
        needs("first", gpu=1),
        needs("large", gpu=2),
        {"fans_out": True, **needs("x", gpu=1)},
        {"fans_out": True, **needs("y")},
        capacity=capacity,
    )
    fan(fan(drive, 1000), 1000, "y")
    service = Service(drive, takes_s=lambda handle: 1.0 + handle[1] * 0.618 % 1).play(until=200.0)
    names = [name.partition("[")[0] for _, name in service.started]
    assert "large" in names
    before = names[: names.index("large")]
    assert before.count("x") <= 70
    last = len(before) - before[::-1].index("x")
    assert "y" in before[last:], "who takes no device is not held up"


def test_nothing_is_kept_for_a_node_that_starts_nothing_more():
    """Sixty-four small calls pass the large one; that its deadline has passed meanwhile is known, so they go on."""
    small = {"fans_out": True, **needs("x", memory_gb=1)}
    late = {**needs("late", "a", memory_gb=4), "policy": Policy(deadline_s=10.0)}
    drive = Drive(needs("a", memory_gb=1), late, small, capacity=Capacity(4, memory_gb=4), on_failure="continue")
    service = Service(fan(drive, 1000), takes_s=lambda handle: 1000.0 if handle[1] == 60 else 1.0 + handle[1] * 0.618 % 1)
    service.play(until=200.0)
    assert drive.states["late"] == "failed"
    assert max(service.times("x")) > 195.0


def test_a_call_that_needs_more_the_second_time_is_not_passed_for_ever():
    again = {"fans_out": True, **needs("again", memory_gb=1, memory_step_gb=3, attempts=2)}
    small = {"fans_out": True, **needs("x", memory_gb=1)}
    drive = fan(fan(Drive(again, small, capacity=Capacity(4, memory_gb=4)), 100, "again"), 1000)
    service = Service(
        drive,
        takes_s=lambda handle: 1.0 + handle[1] * 0.618 % 1,
        fails=lambda handle, _: TRANSIENT if handle == (0, 0, 1) else None,
    ).play()
    names = [name for _, name in service.started]
    assert names[: len(names) - names[::-1].index("again[0]")].count("x[70]") == 0
