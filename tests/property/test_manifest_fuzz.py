"""No file of a manifest is a surprise: it is loaded, or refused with places, soon and in little memory.

`make fuzz` looks at files for ten minutes.
"""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.manifest_fuzz import CPU_S, SEEDS, looked_at, mutant


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "a.yaml"


@pytest.mark.parametrize("text", SEEDS)
def test_what_is_spoilt_is_sound_before(text, file):
    assert looked_at(text.encode(), file) in {"loaded", "older", "nothing"}


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**40))
def test_a_spoilt_manifest_is_loaded_or_refused_soon(file, seed):
    data = mutant(seed)
    began = time.process_time()
    looked_at(data, file)
    assert time.process_time() - began < 5 * CPU_S, "the long run has the real limit, on a machine of its own"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet=":{}[],&*#?|->!%@'\"\n\t ab01~.", max_size=60).map(str.encode))
def test_so_are_any_bytes(file, data):
    looked_at(data, file)
