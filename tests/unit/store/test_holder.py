"""Whether the process that works on a run still lives."""

import os
import socket
import subprocess
import sys

from weftline.store.holder import may_be_alive, this_process

HOST = socket.gethostname()


def test_this_process_is_alive():
    assert may_be_alive(this_process())
    host, pid, start = this_process().rsplit(":", 2)
    assert (host, int(pid)) == (HOST, os.getpid())
    assert start.isdigit()


def test_a_process_that_never_was_is_dead():
    assert not may_be_alive(f"{HOST}:999999999:1")


def test_a_later_process_with_the_same_number_is_another_one():
    assert not may_be_alive(f"{HOST}:{os.getpid()}:1")


def test_a_process_of_another_machine_is_believed_to_live():
    assert may_be_alive("another.example.org:1:1")
    assert may_be_alive("fe80::1:5:7")  # a name with colons in it


def test_a_process_that_ended_is_dead_even_if_nobody_has_asked_for_its_end():
    """Its parent may be a supervisor that never collects it."""
    child = subprocess.Popen([sys.executable, "-c", "from weftline.store.holder import this_process; print(this_process())"],
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    with child.stdout:
        holder = child.stdout.read().strip()  # at its end the process has ended too, or is about to
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        assert not may_be_alive(holder)
    finally:
        child.wait()
