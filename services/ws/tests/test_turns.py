"""Whose work begins in which round."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.drivers.waiting import eventually
from ws.turns import Turns


class Rounds:
    """Turns whose rounds a test runs by itself, one after the other."""

    def __init__(self) -> None:
        self._rounds: list[Callable[[], object]] = []
        self.turns = Turns(lambda name, function: self._rounds.append(function))

    def run(self) -> None:
        """Go round until nothing has begun any more."""
        while self._rounds:
            self._rounds.pop()()

    @contextmanager
    def waiting(self, address: str) -> Iterator[threading.Event]:
        """Somebody who waits; the event is set once the work has begun."""
        begun = threading.Event()

        def wait() -> None:
            self.turns.wait(address)
            begun.set()

        thread = threading.Thread(target=wait)
        thread.start()
        yield begun
        self.run()
        thread.join(20)
        assert begun.is_set()


def test_work_begins_at_once_when_it_is_the_first_of_its_address() -> None:
    rounds = Rounds()

    rounds.turns.wait("10.0.0.1")
    rounds.turns.wait("10.0.0.2")


def test_work_waits_for_the_next_round_when_some_of_its_address_has_begun() -> None:
    rounds = Rounds()
    rounds.turns.wait("10.0.0.1")

    with rounds.waiting("10.0.0.1") as second:
        # Whoever else comes is not behind it.
        rounds.turns.wait("10.0.0.2")
        assert not second.wait(0.2)

        rounds.run()

        eventually(second.is_set)


def test_work_begins_at_once_after_a_round_in_which_nothing_waited() -> None:
    rounds = Rounds()
    rounds.turns.wait("10.0.0.1")
    rounds.run()

    rounds.turns.wait("10.0.0.1")
