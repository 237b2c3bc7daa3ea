import socket

import pytest

from weftline.backends.wire import Kind, Wire


@pytest.fixture
def wires():
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)
    ends = Wire(one), Wire(other)
    yield ends
    for end in ends:
        end.close()


def everything(wire):
    found = []
    while (message := wire.receive()) is not None:
        found.append(message)
    return found


def test_messages_come_whole_and_in_their_order(wires):
    one, other = wires
    assert other.receive() is None
    assert one.send([(Kind.NODE, b"a node"), (Kind.CALL, b"")])
    assert one.send([(Kind.CALL, b"another")])
    assert everything(other) == [(Kind.NODE, b"a node"), (Kind.CALL, b""), (Kind.CALL, b"another")]


def test_what_does_not_go_without_waiting_goes_later(wires):
    one, other = wires
    content = bytes(range(256)) * (1 << 14)
    assert not one.send([(Kind.CALL, content), (Kind.CALL, b"behind it")])
    found = []
    while not one.flush():
        found += everything(other)
    assert found + everything(other) == [(Kind.CALL, content), (Kind.CALL, b"behind it")]


def test_an_end_that_is_closed_is_noticed_after_what_it_sent(wires):
    one, other = wires
    one.send([(Kind.REPORT, b"last words")])
    one.close()
    assert other.receive() == (Kind.REPORT, b"last words")
    with pytest.raises(EOFError):
        other.receive()
    with pytest.raises(OSError):
        other.send([(Kind.CALL, b"")])
