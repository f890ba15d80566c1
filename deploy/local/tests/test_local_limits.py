"""The limit of connections per address, which counts descriptors."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.local.limits import SWEEP_SECONDS, ConnectionLimit


class LimitedConnections:
    """Open sockets, a manual clock, and a limit of two connections."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.now = 0.0
        self.connections = ConnectionLimit(2, lambda: self.now)

    def open(self) -> socket.socket:
        return self._stack.enter_context(socket.socket())

    def admits(self, address: str, connection: socket.socket | None = None) -> bool:
        return self.connections.admit(address, (connection or self.open()).fileno())


@pytest.fixture
def limited() -> Iterator[LimitedConnections]:
    with ExitStack() as stack:
        yield LimitedConnections(stack)


def test_each_address_is_admitted_up_to_its_limit(limited: LimitedConnections) -> None:
    assert [limited.admits("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert limited.admits("192.0.2.2")


def test_network_of_one_customer_counts_as_one_address(limited: LimitedConnections) -> None:
    assert [limited.admits(f"2001:db8::{number}") for number in range(3)] == [True, True, False]
    assert limited.admits("2001:db8:0:1::1")


def test_connection_is_not_counted_after_its_release(limited: LimitedConnections) -> None:
    # given
    first = limited.open()
    assert [limited.admits("192.0.2.1", each) for each in (first, limited.open())] == [True, True]
    # when
    limited.connections.release(first.fileno())
    # then
    assert [limited.admits("192.0.2.1") for _ in range(2)] == [True, False]


@pytest.mark.parametrize("is_used_again", [True, False])
def test_connection_is_not_counted_after_its_close_is_noticed(limited: LimitedConnections, is_used_again: bool) -> None:
    # given
    first, other = limited.open(), limited.open()
    assert limited.admits("192.0.2.1", first)
    assert limited.admits("192.0.2.1")
    assert not limited.admits("192.0.2.1", other)
    # when
    first.close()
    if is_used_again:  # by another file or connection of the process
        limited.open()
    limited.now += SWEEP_SECONDS
    # then
    assert limited.admits("192.0.2.1", other)
    assert not limited.admits("192.0.2.1")


def test_reused_descriptor_counts_for_its_new_address(limited: LimitedConnections) -> None:
    # given
    first = limited.open()
    limited.admits("192.0.2.1", first)
    number = first.fileno()
    first.close()
    second = limited.open()
    assert second.fileno() == number
    # when
    assert limited.admits("192.0.2.2", second)
    # then
    assert [limited.admits("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [limited.admits("192.0.2.2") for _ in range(2)] == [True, False]
