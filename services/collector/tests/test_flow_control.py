import asyncio
import gc

import pytest

from collector.flow_control import (
    BACKLOG,
    LONG_BYTES,
    PIECE_BYTES,
    SMALL_BYTES,
    UNQUEUED_BYTES,
    MemoryBudget,
    MemoryReservation,
    ReadQueue,
    ReceiveBudget,
)
from collector.sample import Sample


def drain(budget):
    """Receive from an endless exporter all that it may send now; return the number of bytes received."""
    count = 0
    while budget.allowed_bytes > 0:
        count += budget.allowed_bytes
        budget.note_received(b"x" * budget.allowed_bytes)
    if count:
        budget.wait_for_piece(lambda: None)
    return count


def test_queue_calls_short_expositions_first_then_the_most_received_and_one_callback_in_each_turn_of_the_loop():
    async def run():
        queue, called = ReadQueue(), []
        for name, expected, received in (
            ("longer", 3 * LONG_BYTES, 90),
            ("short", 50, 20),
            ("long", 2 * LONG_BYTES, 20),
            ("long, begun", 2 * LONG_BYTES + 1, 30),
            ("short, begun", 60, 30),
        ):
            queue.add(expected, received, lambda name=name: called.append(name))
        for _ in range(7):
            called.append("loop")
            await asyncio.sleep(0)
        return called

    order = ["short, begun", "short", "long, begun", "long", "longer"]
    assert asyncio.run(run()) == [*(each for name in order for each in ("loop", name)), "loop", "loop"]


def test_queue_has_a_backlog_while_many_short_expositions_wait_but_not_because_of_long_ones():
    async def run():
        queue, seen = ReadQueue(), []
        for _ in range(2 * BACKLOG):
            queue.add(LONG_BYTES, 0, lambda: None)
        seen.append(queue.has_backlog)
        for _ in range(BACKLOG):
            queue.add(LONG_BYTES - 1, 0, lambda: None)
        seen.append(queue.has_backlog)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen.append(queue.has_backlog)
        return seen

    assert asyncio.run(run()) == [False, True, False]


def test_queue_goes_on_when_a_waiting_task_is_cancelled():
    async def run():
        queue = ReadQueue()
        gone = asyncio.create_task(queue.wait(1, 0))
        waiting = asyncio.create_task(queue.wait(2, 0))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(waiting, 30)

    asyncio.run(run())


def test_exporter_sends_its_first_bytes_immediately_and_further_bytes_piece_by_piece():
    async def run():
        budget = ReceiveBudget(ReadQueue())
        budget.begin_request()
        budget.expect_exposition()
        counts = [drain(budget)]
        for _ in range(3):
            counts.append(drain(budget))
            await asyncio.sleep(0)
        return counts

    assert asyncio.run(run()) == [UNQUEUED_BYTES, 0, PIECE_BYTES, PIECE_BYTES]


def test_short_exposition_is_read_before_a_long_one_when_both_wait():
    async def run():
        queue = ReadQueue()
        long, short = ReceiveBudget(queue), ReceiveBudget(queue)
        for budget in (long, short):
            budget.begin_request()
            budget.expect_exposition()
            drain(budget)
        while long.received_bytes < 1_000_000:
            drain(long)
            await asyncio.sleep(0)
        before = long.received_bytes
        # From now on, both receive all that their budgets allow.
        for _ in range(20):
            drain(long)
            drain(short)
            await asyncio.sleep(0)
        return long.received_bytes - before, short.received_bytes

    more_of_long, short = asyncio.run(run())
    assert short > 15 * PIECE_BYTES
    assert more_of_long <= 2 * PIECE_BYTES


def test_bytes_close_the_connection_when_no_request_is_open():
    budget = ReceiveBudget(ReadQueue())

    assert budget.allowed_bytes == 0
    with pytest.raises(ConnectionAbortedError):
        budget.note_received(b"x")


def test_memory_is_released_when_a_sample_is_garbage_collected():
    memory = MemoryBudget(100_000)
    reservation, sample = MemoryReservation(memory), Sample(monotonic_seconds=0.0)
    assert reservation.resize(80_000)
    reservation.transfer_to(sample)
    assert not MemoryReservation(memory).resize(40_000)
    # A small exposition needs no reservation.
    assert MemoryReservation(memory).resize(SMALL_BYTES)

    del sample
    gc.collect()

    assert MemoryReservation(memory).resize(40_000)
