"""How connections are counted by address, by descriptors alone."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.local.limits import SWEEP_SECONDS, ConnectionLimit


class House:
    """Open sockets, a clock that stands still, and a limit of two connections."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.now = 0.0
        self.connections = ConnectionLimit(2, lambda: self.now)

    def open(self) -> socket.socket:
        return self._stack.enter_context(socket.socket())

    def admits(self, address: str, connection: socket.socket | None = None) -> bool:
        return self.connections.admit(address, (connection or self.open()).fileno())


@pytest.fixture
def house() -> Iterator[House]:
    with ExitStack() as stack:
        yield House(stack)


def test_each_address_is_admitted_up_to_its_limit(house: House) -> None:
    assert [house.admits("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert house.admits("192.0.2.2")


def test_network_of_one_customer_counts_as_one_address(house: House) -> None:
    assert [house.admits(f"2001:db8::{number}") for number in range(3)] == [True, True, False]
    assert house.admits("2001:db8:0:1::1")


def test_connection_is_not_counted_after_its_release(house: House) -> None:
    # given
    first = house.open()
    assert [house.admits("192.0.2.1", each) for each in (first, house.open())] == [True, True]
    # when
    house.connections.release(first.fileno())
    # then
    assert [house.admits("192.0.2.1") for _ in range(2)] == [True, False]


@pytest.mark.parametrize("is_used_again", [True, False])
def test_connection_is_not_counted_after_its_close_is_noticed(house: House, is_used_again: bool) -> None:
    # given
    first, other = house.open(), house.open()
    assert house.admits("192.0.2.1", first)
    assert house.admits("192.0.2.1")
    assert not house.admits("192.0.2.1", other)
    # when
    first.close()
    if is_used_again:  # by a file or a connection that is nobody's business
        house.open()
    house.now += SWEEP_SECONDS
    # then
    assert house.admits("192.0.2.1", other)
    assert not house.admits("192.0.2.1")


def test_reused_descriptor_counts_for_its_new_address(house: House) -> None:
    # given
    first = house.open()
    house.admits("192.0.2.1", first)
    number = first.fileno()
    first.close()
    second = house.open()
    assert second.fileno() == number
    # when
    assert house.admits("192.0.2.2", second)
    # then
    assert [house.admits("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [house.admits("192.0.2.2") for _ in range(2)] == [True, False]
