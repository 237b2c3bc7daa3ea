"""The few knobs of a process."""

import os
from pathlib import Path

import pytest

from weftline.errors import BadArgumentError
from weftline.settings import Settings


def test_defaults():
    assert Settings.read({}) == Settings(Path(".weftline"), "", "threads", 0, checked=False)


def test_each_knob_has_a_variable():
    found = Settings.read(
        {
            "WEFTLINE_HOME": "/data/w",
            "WEFTLINE_CACHE": "redis://host/0",
            "WEFTLINE_BACKEND": "processes",
            "WEFTLINE_WORKERS": "7",
            "WEFTLINE_CHECKED": "yes",
            "WEFTLINE_GUARD": "no",
            "WEFTLINE_GUARD_INTERVAL_S": "0.5",
            "WEFTLINE_LEDGER": "sqlite:l.db",
        }
    )
    assert found == Settings(
        Path("/data/w"),
        "redis://host/0",
        "processes",
        7,
        checked=True,
        guard=False,
        guard_interval_s=0.5,
        ledger="sqlite:l.db",
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("TRUE", True), ("Yes", True), ("0", False), ("false", False), ("no", False)]
)
def test_truth_values(text, expected):
    assert Settings.read({"WEFTLINE_CHECKED": text}).checked is expected


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("WEFTLINE_CHECKED", "maybe"),
        ("WEFTLINE_CHECKED", ""),
        ("WEFTLINE_GUARD_INTERVAL_S", "0"),
        ("WEFTLINE_GUARD_INTERVAL_S", "-1"),
        ("WEFTLINE_GUARD_INTERVAL_S", "nan"),
        ("WEFTLINE_GUARD_INTERVAL_S", "inf"),
        ("WEFTLINE_GUARD_INTERVAL_S", "often"),
        ("WEFTLINE_WORKERS", "many"),
        ("WEFTLINE_WORKERS", "-1"),
        ("WEFTLINE_WORKERS", "1.5"),
        ("WEFTLINE_WORKERS", ""),
        ("WEFTLINE_WORKERS", "²"),
    ],
)
def test_a_variable_that_does_not_fit_is_told_with_what_would(variable, text):
    with pytest.raises(BadArgumentError) as caught:
        Settings.read({variable: text})
    assert f"{variable}={text}" in caught.value.message
    assert caught.value.fix


def test_no_number_of_workers_means_all_processors_of_this_process():
    assert Settings(workers=0).slots == len(os.sched_getaffinity(0))
    assert Settings(workers=3).slots == 3


def test_the_environment_of_the_process_is_read(monkeypatch):
    monkeypatch.setenv("WEFTLINE_BACKEND", "inline")
    assert Settings.read().backend == "inline"
