"""Whose work begins in which round."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.drivers.waiting import eventually
from ws.request_queue import FREE_SECONDS, MOST, RequestQueue


class Rounds:
    """Turns whose rounds a test runs by itself, one after the other, with a clock that it sets."""

    def __init__(self) -> None:
        self._rounds: list[Callable[[], object]] = []
        self.now = 1000.0
        self.queue = RequestQueue(lambda name, function: self._rounds.append(function), lambda: self.now)

    def run(self) -> None:
        """Go round until nothing has begun any more."""
        while self._rounds:
            self._rounds.pop()()

    def grow_old(self) -> None:
        """Let the round last longer than work begins at once."""
        self.queue.wait("anybody")
        self.now += FREE_SECONDS

    @contextmanager
    def waiting(self, address: str) -> Iterator[threading.Event]:
        """Somebody who waits; the event is set once the work has begun."""
        begun = threading.Event()

        def wait() -> None:
            self.queue.wait(address)
            begun.set()

        thread = threading.Thread(target=wait)
        thread.start()
        yield begun
        self.run()
        thread.join(20)
        assert begun.is_set()


def test_work_begins_at_once_while_a_round_is_young() -> None:
    rounds = Rounds()

    for _ in range(3 * MOST):
        rounds.queue.wait("10.0.0.1")


def test_work_waits_for_the_next_round_when_the_round_is_old_and_has_its_part_of_the_address() -> None:
    rounds = Rounds()
    rounds.grow_old()
    rounds.queue.wait("10.0.0.1")

    with rounds.waiting("10.0.0.1") as next_one:
        # Whoever else comes is not behind it.
        rounds.queue.wait("10.0.0.2")
        assert not next_one.wait(0.2)

        rounds.run()

        eventually(next_one.is_set)


def test_more_of_an_address_begins_in_a_round_when_rounds_are_short() -> None:
    rounds = Rounds()
    # Given short rounds, and then one that is old
    for _ in range(3):
        rounds.queue.wait("10.0.0.1")
        rounds.run()
    rounds.grow_old()
    # Then several begin in it, and fewer after a long one
    for _ in range(8):
        rounds.queue.wait("10.0.0.1")
    with rounds.waiting("10.0.0.1") as next_one:
        assert not next_one.wait(0.2)


def test_work_begins_at_once_after_a_round_in_which_nothing_waited() -> None:
    rounds = Rounds()
    rounds.grow_old()
    rounds.run()

    for _ in range(3 * MOST):
        rounds.queue.wait("10.0.0.1")
