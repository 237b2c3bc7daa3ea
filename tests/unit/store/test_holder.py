"""Whether the process that works on a run still lives."""

import os
import socket
import subprocess
import sys

from weftline.store.holder import described, may_be_alive, process, this_process

MACHINE = this_process().rsplit(":", 2)[0]


def test_this_process_is_alive():
    assert may_be_alive(this_process())
    machine, pid, start = this_process().rsplit(":", 2)
    assert (machine.partition("/")[0], int(pid)) == (socket.gethostname(), os.getpid())
    assert start.isdigit()
    assert described(this_process()) == f"{os.getpid()} on {socket.gethostname()}"


def test_a_process_that_never_was_is_dead():
    assert not may_be_alive(f"{MACHINE}:999999999:1")
    assert process(999999999) is None


def test_another_process_has_the_name_that_it_gives_itself():
    command = [
        sys.executable,
        "-c",
        "from weftline.store.holder import this_process; print(this_process(), flush=True); input()",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert process(child.pid) == child.stdout.readline().strip()
        child.stdin.close()


def test_a_later_process_with_the_same_number_is_another_one():
    assert not may_be_alive(f"{MACHINE}:{os.getpid()}:1")


def test_a_process_of_another_machine_is_believed_to_live():
    assert may_be_alive("another.example.org:1:1")
    assert may_be_alive("fe80::1:5:7")  # a name with colons in it


def test_a_container_that_has_this_machines_name_numbers_its_processes_by_itself():
    assert may_be_alive(f"{socket.gethostname()}/00000000-1:999999999:1")


def test_a_process_that_ended_is_dead_even_if_nobody_has_asked_for_its_end():
    """Its parent may be a supervisor that never collects it."""
    child = subprocess.Popen([sys.executable, "-c", "from weftline.store.holder import this_process; print(this_process())"],
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    with child.stdout:
        holder = child.stdout.read().strip()  # at its end the process has ended too, or is about to
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        assert not may_be_alive(holder)
        assert process(child.pid) is None, "what has no name any more must not be taken for something that lives"
    finally:
        child.wait()
