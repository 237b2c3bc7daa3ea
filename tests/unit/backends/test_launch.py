import os
import sys

from weftline.backends.launch import as_here, with_python


def test_only_this_python_is_led_to_the_libraries_of_this_one(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert as_here().environment["PYTHONPATH"].split(os.pathsep) == [path for path in sys.path if path]
    assert "PYTHONPATH" not in with_python("/other/python").environment
