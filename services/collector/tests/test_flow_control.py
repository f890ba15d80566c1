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


def drain(allowance):
    """Receive from an exporter that has no end, until there is nothing now; return how many bytes came."""
    count = 0
    while True:
        try:
            count += len(allowance.receive(lambda size: b"x" * size, 2**20))
        except BlockingIOError:
            return count


def test_turns_are_given_to_the_least_weight_first_and_one_in_each_turn_of_the_loop():
    async def run():
        turns, given = ReadQueue(), []
        for weight in (3, 1, 2, 1):
            turns.ask(weight, lambda weight=weight: given.append(weight))
        for _ in range(6):
            given.append("loop")
            await asyncio.sleep(0)
        return given

    assert asyncio.run(run()) == ["loop", 1, "loop", 1, "loop", 2, "loop", 3, "loop", "loop"]


def test_turn_is_passed_on_when_who_waits_has_gone():
    async def run():
        turns = ReadQueue()
        gone = asyncio.create_task(turns.turn(1))
        waiting = asyncio.create_task(turns.turn(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(waiting, 30)

    asyncio.run(run())


def test_exporter_sends_its_first_bytes_at_once_and_all_others_in_turns():
    async def run():
        allowance = ReceiveBudget(ReadQueue())
        allowance.begin()
        allowance.expect_page()
        counts = [drain(allowance)]
        for _ in range(3):
            counts.append(drain(allowance))
            await asyncio.sleep(0)
        return counts

    assert asyncio.run(run()) == [UNQUEUED_BYTES, 0, PIECE_BYTES, PIECE_BYTES]


def test_short_page_is_read_on_before_a_long_one_when_both_wait():
    async def run():
        turns = ReadQueue()
        long, short = ReceiveBudget(turns), ReceiveBudget(turns)
        for allowance in (long, short):
            allowance.begin()
            allowance.expect_page()
            drain(allowance)
        while long.received < 1_000_000:
            drain(long)
            await asyncio.sleep(0)
        before = long.received
        # From now on, both take whatever they may.
        for _ in range(20):
            drain(long)
            drain(short)
            await asyncio.sleep(0)
        return long.received - before, short.received

    more_of_long, short = asyncio.run(run())
    assert short > 15 * PIECE_BYTES
    assert more_of_long <= 2 * PIECE_BYTES


def test_bytes_end_the_connection_when_nothing_was_asked_for():
    allowance = ReceiveBudget(ReadQueue())

    assert allowance.receive(lambda _: b"", 1000) == b""
    with pytest.raises(ConnectionAbortedError):
        allowance.receive(lambda size: b"x" * size, 1000)


def test_room_is_there_again_when_a_sample_is_no_more():
    room = MemoryBudget(100_000)
    share, sample = MemoryReservation(room), Sample(monotonic_seconds=0.0)
    assert share.hold(80_000)
    share.hold_for(sample)
    assert not MemoryReservation(room).hold(40_000)
    # What is small needs no room.
    assert MemoryReservation(room).hold(SMALL_BYTES)

    del sample
    gc.collect()

    assert MemoryReservation(room).hold(40_000)
