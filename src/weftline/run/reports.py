"""What the backend's reports mean: results are checked and stored, then the core is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from weftline.digest import signature_of
from weftline.errors import ChangedFileError, ChangedInputError, StoreUnusableError, WeftlineError
from weftline.model.call import Call, Failure, Handle, Report
from weftline.model.context import broken
from weftline.model.entry import Entry
from weftline.model.usage import NodeUsage
from weftline.run.attempts import Attempts
from weftline.run.calls import CallFinder, CallsByNode
from weftline.run.facts import Fact, Failed, Stopped, Succeeded
from weftline.run.inputs import Holdings
from weftline.run.paths import WrittenPaths
from weftline.run.surroundings import Surroundings


def counting(reports: Sequence[Report], attempts: Attempts, now: Callable[[], float]) -> tuple[list[Report], list[Fact]]:
    """The reports that count, and what the core is told of attempts that have ended and that nobody has waited for."""
    counted: dict[Handle, Report] = {}  # a second report of one attempt comes too late, also in the same turn
    ended: list[Fact] = []
    for report in reports:
        if attempts.is_running(report.handle):
            counted.setdefault(report.handle, report)
        elif report.handle in attempts.abandoned:
            ended.append(Stopped(now(), report.handle))
    return list(counted.values()), ended


class ReportReader:
    """Turns reports into facts.

    Args:
        run: id of the run.
        around: what it is done with.
        calls: the calls of a node by its number.
        holdings: takes what was made.
        finder: knows how results are stored.
        now: the time of the run.
    """

    def __init__(
        self,
        run: str,
        around: Surroundings,
        calls: CallsByNode,
        holdings: Holdings,
        finder: CallFinder,
        now: Callable[[], float],
    ) -> None:
        self._run = run
        self._around = around
        self._calls = calls
        self._holdings = holdings
        self._finder = finder
        self._now = now
        self._looks_closely = around.checked or around.backend.capabilities.ships
        self._paths = WrittenPaths()
        self._files: dict[Path, bytes] = {}  # signatures since the calls that are read now have ended
        self._before: dict[tuple[int, int], tuple[Call, Mapping[str, bytes]]] = {}
        self.usage: dict[int, NodeUsage] = {}  # by node number, of those that somebody has looked at

    def expect(self, call: Call) -> None:
        """A call is about to start in checked mode: remembers what its inputs are like."""
        before = {name: self._around.values.digest(value, name) for name, value in call.inputs.items()}
        self._before[call.handle[:2]] = (call, before)

    def read(self, reports: Sequence[Report]) -> list[Fact]:
        """The facts; results are stored first, all of them in one go, or left to the transaction that records the facts."""
        now = self._now()
        self._files = {}
        facts: list[Fact] = []
        entries: list[Entry] = []
        for report in reports:
            if report.outputs is None:
                facts.append(self._unsuccessful(report, now))
            else:
                facts.append(self._success(report, now, entries))
        if entries:
            facts = self._store(entries, facts, now)
        return self._without_spoiled(facts, now) if self._paths.spoiled else facts

    def _without_spoiled(self, facts: list[Fact], now: float) -> list[Fact]:
        """Forgets results whose file another call has written to; those that are told just now fail as well."""
        spoiled = dict(self._paths.spoiled)
        self._paths.spoiled.clear()
        assert self._around.cache is not None
        self._around.cache.remove([key for key in spoiled.values() if key is not None])
        failure = Failure("NoArtifactError", "another call has written to the file that this one returns")
        return [
            self._failed(now, fact.handle, failure) if isinstance(fact, Succeeded) and fact.handle[:2] in spoiled else fact
            for fact in facts
        ]

    def _unsuccessful(self, report: Report, now: float) -> Fact:
        failure = report.failure
        self._keep_log(report, "" if failure is None else failure.trace)
        if failure is None:
            return Stopped(now, report.handle)
        return self._failed(now, report.handle, failure, self._around.entropy(), self._used(report))

    def _failed(
        self, now: float, handle: Handle, failure: Failure, entropy: float = 0.0, used: Mapping[str, Any] | None = None
    ) -> Failed:
        return Failed(now, handle, failure, entropy, self._calls[handle[0]].given(handle[1]), used)

    def _used(self, report: Report) -> dict[str, Any] | None:
        """What an attempt took, for its event; counted for its node."""
        if report.usage is None:
            return None
        fields = report.usage.as_fields()
        self.usage.setdefault(report.handle[0], NodeUsage()).add(fields, None if report.outputs is None else report.took_s)
        return fields

    def _success(self, report: Report, now: float, entries: list[Entry]) -> Fact:
        number, item, _ = report.handle
        around = self._around
        assert report.outputs is not None
        if report.log:
            self._keep_log(report, "")
        try:
            if self._looks_closely:
                self._check(report)
            outputs = tuple(map(around.values.freeze, report.outputs))
            if around.cache is None:
                self._holdings.put(number, item, outputs)
                return Succeeded(now, report.handle, self._used(report))
            self._check_files(number)
            calls = self._calls[number]
            self._paths.take(report, calls.node, calls.key(item) if calls.keys else None)
            made = self._finder.entries(self._calls[number], item, outputs, now, report.took_s)
            if not made or not around.values.hold_artifacts(outputs, self._calls[number].node):
                self._holdings.put(number, item, outputs)  # a file or folder is read from the store, where nobody changes it
        except WeftlineError as error:
            return self._failed(now, report.handle, Failure.of(error, self._calls[number].node.place))
        body: dict[str, Any] = {"took_s": round(report.took_s, 6), **(self._used(report) or {})}
        if made:
            entries += made
            self._holdings.put_entry(number, item, _light(made[-1]))
            body = {"key": made[-1].key.hex(), **body}
        return Succeeded(now, report.handle, body)

    def _check_files(self, number: int) -> None:
        """Compares the files that a node's keys stand for with what they were when they were digested.

        Raises:
            ChangedFileError: somebody has written to one since, perhaps while the call read it.
        """
        calls = self._calls[number]
        for path, before in calls.step.files.items():
            if path not in self._files:
                self._files[path] = signature_of(path)
            if self._files[path] != before:
                raise ChangedFileError(node=calls.node.name, path=str(path), place=calls.node.place)

    def _check(self, report: Report) -> None:
        """Checks what came back from another process, and in checked mode the inputs of the call.

        Raises:
            ContractError: a value is not of the declared type.
            ChangedInputError: the call changed an input.
        """
        number, item, _ = report.handle
        node = self._calls[number].node
        if self._around.backend.capabilities.ships:
            for output, value in zip(node.outputs, report.outputs or (), strict=True):
                if not output.check(value):
                    raise broken(node.name, output, value, node.place)
        if self._around.checked:
            call, before = self._before.pop((number, item))
            for read in node.inputs:
                value = call.inputs[read.name]
                if self._around.values.freeze(value) is not value:
                    continue  # such as a frame: this call has had one of its own
                if self._around.values.digest(value, read.key) != before[read.name]:
                    raise ChangedInputError(node=node.name, key=read.key, place=node.place)

    def _store(self, entries: Sequence[Entry], facts: list[Fact], now: float) -> list[Fact]:
        around = self._around
        assert around.cache is not None
        try:
            if around.staging is not None:
                around.staging.stage(entries)
            else:
                around.cache.store(entries)
        except StoreUnusableError as error:
            failure = Failure.of(error)
            return [self._failed(now, fact.handle, failure) if isinstance(fact, Succeeded) else fact for fact in facts]
        return facts

    def _keep_log(self, report: Report, trace: str) -> None:
        if self._around.logs is not None and (report.log or trace):
            number, item, attempt = report.handle
            with contextlib.suppress(OSError):  # a log that cannot be written must not fail the call
                self._around.logs.keep(self._run, self._calls[number].node.name, item, attempt, report.log + trace)


def _light(entry: Entry) -> Entry:
    """An entry without large contents: they are in the store, or about to be."""
    if all(found.size <= 1024 for found in entry.outputs):
        return entry
    outputs = tuple(found if found.size <= 1024 else found._replace(content=None) for found in entry.outputs)
    return entry._replace(outputs=outputs)
