"""Policies by name: the shipped ones, those of a file, and a file that changes."""

import pytest
from tests.unit.author.manifest.test_check import POLICIES

from weftline.author.manifest.named import policies_in, shipped_policies
from weftline.author.manifest.watched import Watched
from weftline.model.policy import Breaker, Limiter, Policy
from weftline.testing import ManualClock


def test_the_shipped_policies():
    assert shipped_policies() == {
        "default": Policy(max_attempts=3, timeout_s=30, breaker=Breaker("default", 5, 60)),
        "gpu-bound": Policy(max_attempts=1, timeout_s=60, backoff="none", breaker=Breaker("gpu-bound", 5, 60)),
        "polite-api": Policy(
            max_attempts=10, timeout_s=10, backoff="linear", initial_s=1, maximum_s=10, limiter=Limiter("polite-api", 5)
        ),
    }


def test_what_is_given_out_is_nobody_elses():
    shipped_policies().clear()
    assert len(shipped_policies()) == 3


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "apiVersion: weftline.dev/v1\nkind: Fleet\nmetadata: {name: x}\nspec: {}\n"]
)
def test_a_file_without_policies_is_told(text):
    policies, findings = policies_in(text, "policies.yaml")
    assert not policies
    assert [found.place.file for found in findings] == ["policies.yaml"]


def test_a_run_keeps_the_policies_that_it_began_with(tmp_path):
    clock, file = ManualClock(), tmp_path / "policies.yaml"
    file.write_text(POLICIES)
    watched = Watched(file, policies_in, clock)
    first = watched.current().document
    file.write_text(POLICIES.replace("max_attempts: 3", "max_attempts: 4"))
    clock.move(0.5)
    second = watched.current().document
    file.write_text(POLICIES.replace("max_attempts: 3", "max_attempts: 40"))
    clock.move(0.5)
    document, findings = watched.current()
    assert (first["default"].max_attempts, second["default"].max_attempts, document is second) == (3, 4, True)
    assert [(found.code, found.place.line) for found in findings] == [("M108", None), ("M105", 7)]


def test_older_spellings_are_read_too():
    policies, findings = policies_in("policies: {a: {max_attempts: 2, backoff: none, rate_limit: 5}}", "policies.yaml")
    assert not findings
    assert policies == {"a": Policy(max_attempts=2, backoff="none", limiter=Limiter("a", 5))}
