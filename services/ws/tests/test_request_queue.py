"""The request queue decides which work begins in a round."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.drivers.waiting import eventually
from ws.request_queue import FREE_SECONDS, SLOTS_LIMIT, RequestQueue


class Rounds:
    """A request queue whose rounds and clock the test controls."""

    def __init__(self) -> None:
        self._rounds: list[Callable[[], object]] = []
        self.now = 1000.0
        self.queue = RequestQueue(lambda name, function: self._rounds.append(function), lambda: self.now)

    def run(self) -> None:
        """Run rounds until no work begins."""
        while self._rounds:
            self._rounds.pop()()

    def end_free_time(self) -> None:
        """Advance the clock beyond the time in which work begins immediately."""
        self.queue.wait("anybody")
        self.now += FREE_SECONDS

    @contextmanager
    def waiting(self, address: str) -> Iterator[threading.Event]:
        """Wait for a slot in a thread; the event is set when the work has begun."""
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


def test_work_begins_immediately_at_the_beginning_of_a_round() -> None:
    rounds = Rounds()

    for _ in range(3 * SLOTS_LIMIT):
        rounds.queue.wait("10.0.0.1")


def test_work_waits_for_the_next_round_when_the_round_has_no_free_slot() -> None:
    rounds = Rounds()
    rounds.end_free_time()
    rounds.queue.wait("10.0.0.1")

    with rounds.waiting("10.0.0.1") as next_one:
        # Work of another address does not wait behind it.
        rounds.queue.wait("10.0.0.2")
        assert not next_one.wait(0.2)

        rounds.run()

        eventually(next_one.is_set)


def test_address_gets_more_slots_when_rounds_are_short() -> None:
    rounds = Rounds()
    # Given short rounds, and then the end of a round
    for _ in range(3):
        rounds.queue.wait("10.0.0.1")
        rounds.run()
    rounds.end_free_time()
    # Then several pieces of work begin in this round, and fewer after a long round
    for _ in range(8):
        rounds.queue.wait("10.0.0.1")
    with rounds.waiting("10.0.0.1") as next_one:
        assert not next_one.wait(0.2)


def test_work_begins_immediately_after_a_round_without_waiting_work() -> None:
    rounds = Rounds()
    rounds.end_free_time()
    rounds.run()

    for _ in range(3 * SLOTS_LIMIT):
        rounds.queue.wait("10.0.0.1")
