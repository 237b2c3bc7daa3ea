"""Who asks."""

import os
import pwd

from weftline.app.asking import user


def test_a_user_without_a_name_has_a_number(monkeypatch):
    """As in a container that is run as anybody."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert user() == f"uid {os.getuid()}"


def test_a_user_has_a_name(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ann")
    assert user() == "ann"
