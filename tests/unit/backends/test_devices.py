"""Which GPUs calls may have: as the driver's tool lists them, as the environment leaves them, as they are named."""

import pytest

from weftline.backends.devices import devices, parsed

LISTED = "0, GPU-7f3c, 81920\n1, GPU-9a21, [N/A]\n"


def test_memory_is_known_by_number_and_by_uuid():
    assert parsed(LISTED) == {"0": 80.0, "GPU-7f3c": 80.0, "1": 0.0, "GPU-9a21": 0.0}


@pytest.mark.parametrize("text", ["", "No devices were found\n", "a, b\n"])
def test_what_is_no_list_has_none(text):
    assert parsed(text) == {}


def test_what_is_named_is_taken_as_it_is_and_once():
    assert [device.id for device in devices("0, GPU-7f3c,0,")] == ["0", "GPU-7f3c"]
    assert devices("") == ()


def test_the_environment_says_what_is_left_to_this_process(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert [device.id for device in devices()] == ["2", "3"]
    assert [device.id for device in devices("7")] == ["7"], "what is named counts more"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices() == ()
