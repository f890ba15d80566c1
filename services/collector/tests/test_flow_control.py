import asyncio
import gc

import pytest

from collector.flow_control import (
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


def test_queue_calls_the_lowest_weight_first_and_one_callback_in_each_turn_of_the_loop():
    async def run():
        queue, called = ReadQueue(), []
        for weight in (3, 1, 2, 1):
            queue.add(weight, lambda weight=weight: called.append(weight))
        for _ in range(6):
            called.append("loop")
            await asyncio.sleep(0)
        return called

    assert asyncio.run(run()) == ["loop", 1, "loop", 1, "loop", 2, "loop", 3, "loop", "loop"]


def test_queue_goes_on_when_a_waiting_task_is_cancelled():
    async def run():
        queue = ReadQueue()
        gone = asyncio.create_task(queue.wait(1))
        waiting = asyncio.create_task(queue.wait(2))
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
